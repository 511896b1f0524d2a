"""Build a model of PyTorch and write it as an .onnx file; runs as a script.

In: the path of a JSON file with the keys of `TorchModel` and `target`, the file to
write. Out: that file, and the answer in ANSWER beside it: `notes`, or `error`. It runs
in the Python that has PyTorch, so it imports nothing of this project but the module
beside it.
"""

from __future__ import annotations

import collections
import importlib
import importlib.util
import json
import os
import sys
import traceback
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

if __package__:  # imported, by a Python that may have no PyTorch
    from pipeline.compress.import_model.pytorch.torch_weights import (
        Refused,
        listed,
        reason,
        set_weights,
    )
else:
    from torch_weights import (  # type: ignore[no-redef]
        Refused,
        listed,
        reason,
        set_weights,
    )

ANSWER = "answer.json"
OPSET = 20
SEED = 0
# Parts of a .pt2 archive that run code when they are read.
CODE_IN_PROGRAM = ("/constants/opaque_obj", "/constants/custom_obj", "/aotinductor/")


def main(request: Path) -> None:
    """Answer a request.

    Args:
        request: path of the JSON file.
    """
    sys.path.insert(0, os.getcwd())  # as `python -c`
    answer: dict[str, Any] = {"notes": []}
    try:
        _export(json.loads(request.read_text()), answer["notes"])
    except Refused as refused:
        answer = {"error": str(refused)}
    request.with_name(ANSWER).write_text(json.dumps(answer))


def _export(asked: dict[str, Any], notes: list[str]) -> None:
    torch = _torch()
    torch.manual_seed(SEED)
    if asked["source"].endswith(".pt2"):
        model, x = _program(torch, asked)
    else:
        model = _built(torch, asked["source"])
        if asked["weights"]:
            set_weights(torch, model, asked, notes)
        if any(part.training for part in model.modules()):
            notes.append("is in training mode, and is traced after eval()")
        x = _input(torch, model.eval(), asked["shape"])
    _check_output(torch, model, x)
    _write(torch, model, x, asked["target"], notes)


def _torch() -> Any:
    try:
        import onnx  # noqa: F401
        import torch
        import torch.onnx
    except ImportError as error:
        raise Refused(
            f"{sys.executable} does not have {_short(error)}: pip install "
            "'keras-frontier-pipeline[torch]' (or in an environment of its own, pip "
            "install torch onnx, and name it: --python PATH, or PIPELINE_TORCH_PYTHON)"
        ) from None
    return torch


def _short(error: BaseException) -> str:
    text = getattr(error, "name", None)
    return f"the package {text}" if text else f"PyTorch ({reason(error)})"


def _place(error: BaseException) -> str:
    """Where the code of the user raised an error, if it did."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f for f in frames if f.filename != __file__ and "importlib" not in f.filename
    ]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def _built(torch: Any, source: str) -> Any:
    """The module that `file.py:name` or `package.module:name` is or returns."""
    code, _, name = source.rpartition(":")
    found = _module(code)
    for part in name.split("."):
        if not hasattr(found, part):
            raise Refused(f"{code} has no {part}; it has {listed(_made_in(found))}")
        found = getattr(found, part)
    if isinstance(found, torch.nn.Module):
        return found
    if not callable(found):
        raise Refused(
            f"{name} is of the class {type(found).__name__}; name a function that "
            "returns a torch.nn.Module"
        )
    return _called(torch, found, name)


def _made_in(module: Any) -> list[str]:
    """Names of functions and classes of a module, without those it imports."""
    home = getattr(module, "__name__", "")
    pairs = vars(module).items()
    return [key for key, value in pairs if getattr(value, "__module__", "") == home]


def _module(code: str) -> Any:
    try:
        if not code.endswith(".py"):
            return importlib.import_module(code)
        path = Path(code).resolve()
        sys.path.insert(0, str(path.parent))  # as `python file.py`
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    except (Exception, SystemExit) as error:  # of the code of the user
        raise Refused(
            f"{code} cannot be imported: {reason(error)}{_place(error)}; modules are "
            f"looked for in {os.getcwd()}, and in the packages of {sys.executable}"
        ) from None


def _called(torch: Any, function: Any, name: str) -> Any:
    try:
        model = function()
    except (Exception, SystemExit) as error:  # of the code of the user
        raise Refused(
            f"{name}() raised {reason(error)}{_place(error)}; it must return a "
            "torch.nn.Module without being given an argument"
        ) from None
    if not isinstance(model, torch.nn.Module):
        raise Refused(
            f"{name}() returned a {type(model).__name__}; it must return a "
            "torch.nn.Module"
        )
    return model


def _program(torch: Any, asked: dict[str, Any]) -> tuple[Any, Any]:
    """The module of an exported program, and an input of the shape it was made for."""
    path = asked["source"]
    if not asked["trust"]:
        _check_no_code(path)
    try:
        with nullcontext() if asked["trust"] else _tensors_only(torch):
            program = torch.export.load(path)
        given = program.example_inputs
        module = program.module()
    except Exception as error:  # of a damaged file, or one of another version
        raise Refused(
            f"cannot be read ({reason(error)[:200]}); export it again with PyTorch "
            f"{torch.__version__}: torch.export.save(torch.export.export(model, (x,)), "
            "FILE)"
        ) from None
    inputs = [*given[0], *given[1].values()] if given else []
    if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
        raise Refused(
            f"takes {len(inputs)} inputs; compression needs exactly one tensor"
        )
    x, shape = inputs[0], asked["shape"]
    if shape and list(x.shape[1:]) != shape:
        raise Refused(
            f"was exported for inputs of the shape {tuple(x.shape[1:])}, and --shape "
            f"is {tuple(shape)}; leave --shape out"
        )
    module.train = lambda mode=True: module  # an exported program has no modes
    return module, x


@contextmanager
def _tensors_only(torch: Any) -> Iterator[None]:
    """Let PyTorch unpickle tensors only, also where it asks for more."""
    load = torch.load
    torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": True})
    try:
        yield
    finally:
        torch.load = load


def _check_no_code(path: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        raise Refused(
            "is not a complete .pt2 file: export it again with torch.export.save"
        ) from None
    if code := [n for n in names for part in CODE_IN_PROGRAM if part in n]:
        raise Refused(
            f"holds {code[0]}, and reading it could run code: export the model without "
            "it; or, if you trust its author, --trust"
        )


def _input(torch: Any, model: Any, shape: list[int]) -> Any:
    """Random numbers, or for a model that begins with an Embedding whole numbers."""
    x = torch.randn((1, *shape), generator=torch.Generator().manual_seed(SEED))
    embeds = any(isinstance(m, torch.nn.Embedding) for m in model.modules())
    try:
        _run(torch, model, x)
    except Exception as error:  # of the code of the user
        tokens = torch.zeros((1, *shape), dtype=torch.long)
        if embeds and _runs(torch, model, tokens):
            return tokens
        raise Refused(
            f"an input of the shape {tuple(shape)} cannot go through the model: "
            f"{reason(error)[:300]}; --shape is that of one example, as "
            "the model takes it, such as 3,32,32"
        ) from None
    return x


def _runs(torch: Any, model: Any, x: Any) -> bool:
    try:
        _run(torch, model, x)
    except Exception:  # of the code of the user
        return False
    return True


def _run(torch: Any, model: Any, x: Any) -> Any:
    with torch.no_grad():
        return model(x)


def _check_output(torch: Any, model: Any, x: Any) -> None:
    y = _run(torch, model, x)
    if not isinstance(y, torch.Tensor):
        parts = y.keys() if isinstance(y, collections.abc.Mapping) else y
        named = f" of {listed(_kind(torch, part) for part in parts)}" if y else ""
        raise Refused(
            f"returns a {type(y).__name__}{named}; compression needs exactly one "
            "tensor: name a function that returns a Module whose forward returns one"
        )
    if y.ndim < 2 or len(y) != len(x):
        raise Refused(
            f"maps {tuple(x.shape)} to {tuple(y.shape)}; the first axis of the output "
            "must be the batch, and another one the classes or numbers"
        )
    if not torch.equal(y, _run(torch, model, x)):
        raise Refused(
            "answers otherwise when the same input is given again: something random is "
            "active after eval(), such as F.dropout without training=self.training"
        )
    _check_batch(torch, model, x)


def _check_batch(torch: Any, model: Any, x: Any) -> None:
    """Check that examples of a batch do not change each other's outputs."""
    generator = torch.Generator().manual_seed(SEED + 1)
    other = torch.randn(x.shape, generator=generator)
    other = other if x.is_floating_point() else torch.ones_like(x)
    try:
        pair = _run(torch, model, torch.cat([x, other.to(x.dtype)]))
        alone = [_run(torch, model, one) for one in (x, other.to(x.dtype))]
    except Exception:  # a model of one example at a time, as it is traced
        return
    expected = torch.cat(alone)
    same = pair.shape == expected.shape
    if not same or not torch.allclose(pair, expected, rtol=1e-3, atol=1e-4):
        raise Refused(
            "answers otherwise for an example when another one is in the batch: the "
            "first axis of its input is not the batch, as in a recurrent layer "
            "without batch_first=True, or it compares the examples of a batch"
        )


def _kind(torch: Any, part: Any) -> str:
    if isinstance(part, torch.Tensor):
        return f"tensor {tuple(part.shape)}"
    return str(part) if isinstance(part, str) else type(part).__name__


def _write(torch: Any, model: Any, x: Any, target: str, notes: list[str]) -> None:
    """Write the .onnx file with the exporter that needs no further package."""
    names = {"input_names": ["input"], "output_names": ["output"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", torch.jit.TracerWarning)
        try:
            torch.onnx.export(
                model, (x,), target, opset_version=OPSET, dynamo=False, **names
            )
        except Exception as error:  # of an operator without a counterpart
            raise Refused(
                f"cannot be traced to ONNX: {reason(error)[:400]}; PyTorch is "
                f"{torch.__version__} and the opset {OPSET}"
            ) from None
    package = str(Path(torch.__file__).parent)
    for one in caught:
        own = not one.filename.startswith(package)
        if own and "Python boolean" in str(one.message):
            notes.append(
                f"depends on values at {one.filename}, line {one.lineno}: the branch "
                "that random input takes was traced, and no other"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
