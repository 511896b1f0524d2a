"""`inspect FILE`: layers, cost and compressibility of a model file; needs no data."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.cli import torch_options
from pipeline.compress.import_model.pytorch.torch_model import TorchModel
from pipeline.compress.inspection.inspect_file import (
    FORMATS,
    TORCH,
    inspect_file,
    inspect_torch,
    text,
)

HELP = "layers, cost and compressibility of a model file; needs no data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "model", type=Path, metavar="FILE", help=f"one of {FORMATS}; {TORCH}"
    )
    torch_options.add(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the description of a file."""
    model = torch_options.model_of(arguments)
    facts = (
        inspect_torch(model) if isinstance(model, TorchModel) else inspect_file(model)
    )
    if arguments.json:
        options.print_json(facts)
    else:
        print(text(facts))
    return 0
