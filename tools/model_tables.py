"""Tables of the model builders for docs/models.md: sizes, presets, hyperparameters.

In: the registry of builders, and for each an input on which to build it. Out: a
summary table, a table of presets, and one section per family with its description
(the docstring of its module) and its hyperparameters.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.catalogue import BUILDER_MODULES, PRESETS
from pipeline.models.describe import describe
from pipeline.tasks.registry import get

# Family -> shape, modality, task and vocabulary of the input its sizes are given for.
INPUTS: dict[str, tuple[tuple[int, ...], str, str, int]] = {
    "anchor_free": ((96, 96, 3), "image", "detection", 0),
    "attention": ((49, 10), "audio", "classification", 0),
    "autoencoder": ((640,), "audio", "anomaly_detection", 0),
    "bag_of_embeddings": ((40,), "text", "classification", 4000),
    "centroid_grid": ((96, 96, 3), "image", "detection", 0),
    "char_lm": ((64,), "text", "next_token", 96),
    "cnn": ((28, 28, 1), "image", "classification", 0),
    "cnn1d": ((49, 10), "audio", "classification", 0),
    "conv_seq2seq": ((44,), "text", "seq2seq", 60),
    "decoder": ((96, 96, 3), "image", "segmentation", 0),
    "distmult": ((2,), "text", "ranking", 402),
    "ds_cnn": ((49, 10, 1), "audio", "classification", 0),
    "efficientnet_lite": ((96, 96, 3), "image", "classification", 0),
    "fsrcnn": ((48, 48, 3), "image", "restoration", 0),
    "gru": ((49, 10), "audio", "classification", 0),
    "linear_window": ((168, 4), "series", "forecasting", 0),
    "lstm": ((49, 10), "audio", "classification", 0),
    "matrix_factorization": ((20,), "text", "ranking", 402),
    "mlp": ((28, 28, 1), "image", "classification", 0),
    "mobilenet_v1": ((96, 96, 3), "image", "classification", 0),
    "mobilenet_v2": ((96, 96, 3), "image", "classification", 0),
    "pretrained": ((96, 96, 3), "image", "classification", 0),
    "resnet": ((28, 28, 1), "image", "classification", 0),
    "rnn": ((49, 10), "audio", "classification", 0),
    "tcn": ((49, 10, 1), "audio", "classification", 0),
    "text_cnn": ((40,), "text", "classification", 4000),
    "transe": ((2,), "text", "ranking", 402),
    "two_tower": ((2,), "table", "classification", 4000),
    "unet": ((96, 96, 3), "image", "segmentation", 0),
}
# Preset -> shape and number of classes of the paper or benchmark that it comes from.
PRESET_INPUTS: dict[str, tuple[tuple[int, ...], int]] = {
    "autoencoder:mlperf_tiny": ((640,), 2),
    "ds_cnn:mlperf_tiny": ((49, 10, 1), 12),
    "efficientnet_lite:lite0": ((224, 224, 3), 1000),
    "mobilenet_v1:mlperf_tiny": ((96, 96, 3), 2),
    "mobilenet_v2:imagenet": ((224, 224, 3), 1000),
    "resnet:mlperf_tiny": ((32, 32, 3), 10),
}
CLASSES = 10
FORECAST = {"names": ["load"], "horizon": 24, "quantiles": []}
PAIR = {"length": 32, "steps": 11}
ITEMS = 400
UNBUILT = "ensemble"  # needs trained files
SHARED = (
    *("width", "depth", "activation", "initializer", "normalization"),
    *("dropout", "l2", "bias"),
)


@dataclass(frozen=True)
class Family:
    """A family, built with its defaults.

    Args:
        name: in the registry.
        parameters: of the model.
        hyperparameters: those that the builder has declared.
    """

    name: str
    parameters: int
    hyperparameters: list[Any]


def builders_section() -> str:
    """The generated part of docs/models.md."""
    families = [build(name) for name in BUILDER_MODULES if name != UNBUILT]
    parts = ["## Families", _summaries(families), "## Presets", _presets()]
    ensemble = f"### {UNBUILT}\n\n{_description(UNBUILT)}"
    return "\n\n".join([*parts, *map(_section, families), ensemble])


def build(name: str) -> Family:
    """Build a family on its input in INPUTS."""
    keras.utils.clear_session()
    space = HyperParameters()
    model = registry.get(name)(space, signature(name))
    declared = list({hp.name: hp for hp in space.space}.values())
    return Family(name, model.count_params(), declared)


def _summaries(families: Iterable[Family]) -> str:
    rows = [
        (
            f"[`{family.name}`](#{family.name})",
            _summary(family.name),
            f"{family.parameters:,}",
            _shape(family.name),
        )
        for family in families
    ]
    return _table(("family", "architecture", "parameters", "for an input of"), rows)


def _presets() -> str:
    rows = []
    for name, (shape, classes) in PRESET_INPUTS.items():
        model = registry.build(
            name, {}, signature(name.split(":")[0], shape, classes), 1
        )
        size = describe(model)
        output = "–" if name.startswith("autoencoder") else f"{classes:,}"
        macs = f"{size.macs / 1e6:,.2f} M"
        dims = "x".join(map(str, shape))
        rows.append((f"`{name}`", dims, output, f"{size.parameters:,}", macs))
    return _table(("preset", "input", "classes", "parameters", "MACs"), rows)


def signature(
    family: str, shape: tuple[int, ...] | None = None, classes: int = CLASSES
) -> TaskSpec:
    """The data on which a family is built.

    Args:
        family: a name in INPUTS.
        shape: replaces the shape that INPUTS has for the family.
        classes: number of classes.
    """
    default, modality, task, vocabulary = INPUTS[family]
    names = tuple(str(number) for number in range(classes))
    dtype = "int32" if vocabulary else "float32"
    return TaskSpec(
        "toy",
        "toy:toy",
        shape or default,
        dtype,
        names,
        modality=modality,
        task=task,
        vocabulary=vocabulary,
        target=_target(task, modality, shape or default),
    )


def _target(task: str, modality: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """The facts about targets that the shape of an output depends on."""
    if get(task).degrades:
        return {"shape": [2 * size for size in shape[:2]] + [3]}
    if task == "seq2seq":
        return PAIR
    if get(task).ranks:
        return {"items": ITEMS}
    return FORECAST if modality == "series" else {}


def _section(family: Family) -> str:
    """The section of one family: description, papers, hyperparameters."""
    name = family.name
    presets = ", ".join(f"`{name}:{preset}`" for preset in PRESETS.get(name, ()))
    shown = [f"Presets: {presets}."] if presets else []
    rows = map(_hyperparameter, family.hyperparameters)
    table = _table(("hyperparameter", "default", "values searched"), rows)
    return "\n\n".join([f"### {name}", _description(name), *shown, table])


def _hyperparameter(hp: Any) -> tuple[str, str, str]:
    name = f"`{hp.name}`" + (" *" if hp.name in SHARED else "")
    return name, f"`{hp.default}`", _values(hp)


def _values(hp: Any) -> str:
    kind = type(hp).__name__
    if kind == "Fixed":
        return "not searched"
    if kind == "Boolean":
        return "true, false"
    if kind == "Choice":
        return ", ".join(str(value) for value in hp.values)
    step = f" in steps of {hp.step}" if hp.step else ""
    return f"{hp.min_value} to {hp.max_value}{step}"


def _docstring(family: str) -> str:
    return inspect.getdoc(importlib.import_module(BUILDER_MODULES[family])) or ""


def _summary(family: str) -> str:
    """First line: of the module, or of the function where a module has several."""
    several = list(BUILDER_MODULES.values()).count(BUILDER_MODULES[family]) > 1
    text = inspect.getdoc(registry.get(family)) if several else _docstring(family)
    return (text or "").splitlines()[0].rstrip(".")


def _description(family: str) -> str:
    return _docstring(family).replace("`mlperf_tiny`", f"`{family}:mlperf_tiny`")


def _shape(family: str) -> str:
    shape, _, _, vocabulary = INPUTS[family]
    dims = "x".join(map(str, shape))
    return f"{dims} of {vocabulary:,} tokens" if vocabulary else dims


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
