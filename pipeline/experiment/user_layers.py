"""Layers of the user's own, which must pass distill and compress, from their text.

In: the name of a builder. Out: an error before any stage if a layer in the user's
modules cannot be read back from a .keras file, or has no operators in LiteRT. Modules
are read, not imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.engine.import_closure import CodeReader
from pipeline.experiment.layer_configs import forgotten_arguments
from pipeline.models import catalogue

# Functions that the converter writes only with operators outside of LiteRT.
NOT_EXPORTABLE = frozenset(
    [
        "cholesky",
        "det",
        "eig",
        "eigh",
        "erfinv",
        "fft",
        "fft2",
        "ifft2",
        "inv",
        "lu_factor",
        "numpy_function",
        "py_function",
        "qr",
        "slogdet",
        "solve",
        "solve_triangular",
        "svd",
    ]
)
NAMESPACES = ("linalg", "ops", "signal", "tf")  # of such functions


def check_layers(builder: str) -> None:
    """Refuse layers that distill or compress would refuse after training.

    Args:
        builder: `family`, `family:preset` or `module:function`.

    Raises:
        UserError: names the class, its file and line, and the remedy.
    """
    choice = catalogue.parse(builder)
    if not choice.is_custom:
        return
    for path in _files(choice.module):
        for node, fault in _faults(ast.parse(path.read_text(encoding="utf-8"))):
            raise UserError(f"builder {builder}: {path}, line {node.lineno}: {fault}")


def _files(module: str) -> list[Path]:
    """Files of the user's module, and of those of the user that it imports."""
    reader = CodeReader(base())
    names = reader.closure([module]) if reader.has(module) else {}
    users = [name for name in names if name.partition(".")[0] != "pipeline"]
    return [path for path in reader.files(users) if path.suffix == ".py"]


def _faults(tree: ast.Module) -> Iterator[tuple[ast.Call | ast.ClassDef, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call_fault(node)
    for kind, name in forgotten_arguments(tree):
        yield (
            kind,
            f'get_config of {kind.name} lacks "{name}", an argument of its __init__, '
            "so the layer cannot be read back as it was; return it: "
            f'{{**super().get_config(), "{name}": self.{name}}}',
        )


def _call_fault(call: ast.Call) -> Iterator[tuple[ast.Call, str]]:
    path = _dotted(call.func)
    name = path[-1] if path else ""
    if name == "Lambda":
        yield (
            call,
            "a Lambda is a Python function that no .keras file stores safely; write a "
            "layer class, or apply the function of keras.ops",
        )
    if name in NOT_EXPORTABLE and set(path[:-1]) & set(NAMESPACES):
        yield (
            call,
            f"{'.'.join(path)} has no operator in LiteRT, so no file can be exported; "
            "compute it of other functions, or run no stage after train (run train)",
        )


def _dotted(node: ast.expr) -> tuple[str, ...]:
    """Return `("tf", "linalg", "det")` of `tf.linalg.det`; empty for other nodes."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        return (*_dotted(node.value), node.attr)
    return ()
