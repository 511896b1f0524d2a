"""Name a model of PyTorch: code that builds it with its weights, or a program.

In: texts of the command line. Out: a `TorchModel`, whose files exist. Imports no
PyTorch and no numeric library.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

PROGRAM = ".pt2"
WEIGHTS = (".safetensors", ".pt", ".pth")
PYTHON = "PIPELINE_TORCH_PYTHON"  # environment variable: a Python that has PyTorch
CODE = re.compile(r"(?P<code>.+\.py|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")


@dataclass(frozen=True)
class TorchModel:
    """A model of PyTorch, which is traced before it is compressed.

    Args:
        source: `package.module:name` or `file.py:name`, where the name is a
            `torch.nn.Module`, or a function without arguments that returns one; or the
            path of an exported program, .pt2.
        shape: of one example, as the model takes it, such as `(3, 32, 32)`; a program
            has its own. Default: none.
        weights: a .safetensors file, or a .pt or .pth file of a state dict; default
            None, those that the code gives the model.
        python: path of a Python that has the packages torch and onnx; default None,
            $PIPELINE_TORCH_PYTHON, or the one that runs this.
        trust: read pickles that could run code; default False.
    """

    source: str
    shape: tuple[int, ...] = ()
    weights: str | None = None
    python: str | None = None
    trust: bool = False

    @property
    def path(self) -> Path:
        """A path that names the model: its program or file, or its module's name."""
        code = CODE.fullmatch(self.source)
        if not code:
            return Path(self.source)
        is_file = code["code"].endswith(".py")
        return Path(code["code"] if is_file else code["code"].rpartition(".")[2])


def is_torch(source: str) -> bool:
    """Return whether a text names a model of PyTorch.

    Args:
        source: the path of a model, or `module:name`.
    """
    path = Path(source)
    kind = path.suffix.lower()
    if kind == PROGRAM or kind in WEIGHTS:
        return True
    return bool(CODE.fullmatch(source)) and not path.exists()


def check_torch(model: TorchModel) -> None:
    """Check what can be checked without PyTorch.

    Args:
        model: as it was typed.

    Raises:
        UserError: names what is missing, and what to give.
    """
    _check_source(model)
    _check_shape(model)
    if model.weights is not None:
        _check_weights(Path(model.weights))


def python_of(model: TorchModel) -> str:
    """Return the Python that traces a model.

    Args:
        model: its `python` is the first choice.

    Raises:
        UserError: when it does not exist.
    """
    given = model.python or os.environ.get(PYTHON)
    if not given:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        origin = "--python" if model.python else f"${PYTHON}"
        raise UserError(
            f"{origin}: {shown(given)} is not a program; give the path of a Python "
            "that has PyTorch, such as /opt/torch/bin/python"
        )
    return found


def _check_source(model: TorchModel) -> None:
    path = model.path
    code = CODE.fullmatch(model.source)
    is_program = path.suffix.lower() == PROGRAM
    if not code and not is_program:
        raise UserError(
            f"{shown(model.source)}: is a file of weights; name the code that builds "
            f"the model, too: script.py:build --weights {shown(path.name)}"
        )
    is_file = is_program or path.suffix == ".py"
    if is_file and not path.is_file():
        raise UserError(f"{path}: no such file; give script.py:build, or a .pt2 file")
    if is_program and model.weights:
        raise UserError(f"--weights: {path} holds its own weights; leave it out")


def _check_shape(model: TorchModel) -> None:
    is_program = model.path.suffix.lower() == PROGRAM
    if not model.shape and not is_program:
        raise UserError(
            f"{shown(model.source)}: a model of PyTorch does not tell the shape of its "
            "input; give that of one example, as the model takes it: --shape 3,32,32"
        )
    if any(size < 1 for size in model.shape):
        raise UserError(f"--shape: sizes are at least 1, received {model.shape}")


def _check_weights(path: Path) -> None:
    if path.suffix.lower() not in WEIGHTS:
        raise UserError(
            f"--weights: {path} must be a file of {', '.join(WEIGHTS)}: "
            "torch.save(model.state_dict(), FILE)"
        )
    if not path.is_file():
        raise UserError(f"--weights: {path}: no such file")


def shape_of(text: str) -> tuple[int, ...]:
    """Read the sizes of `--shape`.

    Args:
        text: whole numbers with commas between them, such as `3,32,32`.

    Raises:
        UserError: when it is something else.
    """
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise UserError(
            f"--shape: must be whole numbers such as 3,32,32, received {shown(text)}"
        ) from None


def settings(model: TorchModel) -> dict[str, Any]:
    """Return what the exporter is asked.

    Args:
        model: checked.
    """
    return {
        "source": model.source,
        "shape": list(model.shape),
        "weights": model.weights,
        "trust": model.trust,
    }
