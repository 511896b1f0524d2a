"""`compress-file MODEL --data SOURCE`: compress a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.cli import torch_options
from pipeline.cli.commands.show import usage_of
from pipeline.core.errors import UserError
from pipeline.core.quoting import printable
from pipeline.experiment import in_memory
from pipeline.experiment.compress_model import compress_with, default_folder
from pipeline.experiment.model_data import model_data
from pipeline.experiment.session import Console
from pipeline.results import single_file

HELP = "compress a model that is already trained"
SOURCES = {
    "data": "examples with labels, which are divided: npz:FILE, images:FOLDER, ... as "
    "data.source, or the path of a file or folder",
    "train": "examples for fine-tuning and calibration, beside --validation",
    "validation": "examples that files are compared on, which the model has never seen",
    "test": "examples that nothing is decided by; the chosen file is evaluated on them",
    "calibration": "some 20 examples without labels or more, for recipes that do not "
    "train; files are compared with the float model",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="a .keras, .h5 or .onnx file; of PyTorch: script.py:build, "
        "package.module:build, or a .pt2 file",
    )
    torch_options.add(parser)
    for option, text in SOURCES.items():
        parser.add_argument(f"--{option}", metavar="SOURCE", help=text)
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="KEY=V",
        help="a key of compress.budget: max_drop, max_bytes, max_latency_ms, ...",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="default: MODEL-compressed beside MODEL; show and predict take its parent "
        "as --root and its name as the experiment",
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="compress a model even if the data seem to be misread for it",
    )
    options.add_set(
        parser,
        "any other value of data, augment, compress, seed, threads or portability, as "
        "in an experiment file",
    )
    options.add_verbose(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compress, then print the table of variants."""
    model = torch_options.model_of(arguments)
    folder = arguments.out or default_folder(in_memory.name_of(model))
    reporter = Console(verbose=arguments.verbose)
    typed = _typed(arguments)
    data = model_data(**{name: getattr(arguments, name) for name in SOURCES})
    path = in_memory.saved_model(model, folder)
    result = compress_with(path, data, folder, typed, reporter, arguments.anyway)
    print(printable(single_file.text(folder, result.pareto, usage_of(folder))))
    return single_file.exit_code(result.pareto)


def _typed(arguments: argparse.Namespace) -> dict[str, str]:
    """Override -> the option as it was typed, `--budget ...` or `--set ...`."""
    for text in arguments.budget:
        if "=" not in text:
            raise UserError(f"--budget {text}: must be KEY=V, such as max_drop=0.01")
    budget = {
        f"compress.budget.{text}": f"--budget {text}" for text in arguments.budget
    }
    return {**budget, **{text: f"--set {text}" for text in arguments.sets}}
