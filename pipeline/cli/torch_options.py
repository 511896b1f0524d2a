"""Options of the commands that take a model of PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.compress.import_model.pytorch.torch_model import (
    PYTHON,
    TorchModel,
    is_torch,
    shape_of,
)
from pipeline.core.errors import UserError

NAMES = ("weights", "shape", "python", "trust")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options; they have no effect on other models, and are refused there."""
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="of a model of PyTorch: a .safetensors file, or a .pt or .pth state dict",
    )
    parser.add_argument(
        "--shape",
        metavar="C,H,W",
        help="of a model of PyTorch: the shape of one example, as the model takes it",
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="of a model of PyTorch: a Python that has the packages torch and onnx "
        f"(default: ${PYTHON}, or the one that runs this)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="of a model of PyTorch: read pickles, which can run code of their author",
    )


def model_of(arguments: argparse.Namespace) -> Path | TorchModel:
    """Return the model that is named on the command line.

    Args:
        arguments: `model`, and the options of `add`.

    Raises:
        UserError: for an option that has no effect on this model.
    """
    model: Path = arguments.model
    if is_torch(str(model)):
        shape = shape_of(arguments.shape) if arguments.shape else ()
        return TorchModel(
            str(model), shape, arguments.weights, arguments.python, arguments.trust
        )
    if given := [name for name in NAMES if getattr(arguments, name)]:
        raise UserError(
            f"--{given[0]}: is for a model of PyTorch (script.py:build, "
            f"package.module:build, or a .pt2 file), and {model} is none; leave it out"
        )
    return model
