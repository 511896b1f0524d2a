"""The model and the data of `show model`, from its options or the experiment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.invocation import command
from pipeline.data.spec import TaskSpec, read_spec
from pipeline.engine.published import published
from pipeline.experiment import outside
from pipeline.experiment.loader import read_experiment
from pipeline.models.catalogue import parse

MODALITIES = {1: "table", 2: "audio", 3: "image"}  # by number of dimensions


def model_and_data(
    arguments: argparse.Namespace,
) -> tuple[str, dict[str, Any], TaskSpec]:
    """The builder, its hyperparameters, and the data's signature.

    Hyperparameters are the experiment's if the builder is the experiment's, or if
    `--set tune...` is given.

    Raises:
        UserError: the experiment has no data yet and `--shape` is not given.
    """
    sets = options.overrides_of(arguments)
    tuned = any(text.startswith("tune") for text in sets)
    if arguments.shape and arguments.model and not tuned:
        parse(arguments.model)
        return arguments.model, {}, _spec_of_shape(arguments)
    folder = options.folder_of(arguments)
    tune = read_experiment(folder, sets).tune
    name = arguments.model or tune.builder
    choice = parse(name)
    outside.announce_results(folder)
    outside.announce_modules(folder, [choice.module] if choice.is_custom else [])
    spec = _spec_of_shape(arguments) if arguments.shape else _published_spec(folder)
    return name, tune.values if tuned or name == tune.builder else {}, spec


def _published_spec(folder: Path) -> TaskSpec:
    if not (folder / "data" / "spec.json").is_file():
        raise UserError(
            f"{folder}: has no data yet; run: {command('run', 'data', folder=folder)}, "
            "or give --shape H,W,C --classes N"
        )
    return read_spec(published(folder / "data", "spec.json"))


def _spec_of_shape(arguments: argparse.Namespace) -> TaskSpec:
    """A signature from `--shape`, `--classes` and `--vocabulary`."""
    shape = _shape(arguments.shape)
    if min(shape) < 1 or arguments.classes < 1 or arguments.vocabulary < 0:
        raise UserError(
            f"--shape {arguments.shape} --classes {arguments.classes}: must be whole "
            "numbers above zero, such as --shape 32,32,3 --classes 10"
        )
    tokens = bool(arguments.vocabulary)
    return TaskSpec(
        "shape",
        "--shape",
        shape,
        "int32" if tokens else "float32",
        tuple(str(number) for number in range(arguments.classes)),
        modality="text" if tokens else MODALITIES.get(len(shape), "audio"),
        task=arguments.task,
        vocabulary=arguments.vocabulary,
    )


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        return (0,)
