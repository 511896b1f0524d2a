"""What the page needs to know of an experiment: the file, its input, and examples.

In: the published folder of an experiment that classifies images. Out: a JSON object.
Binary content is base64.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data, Split
from pipeline.data.features import find_step
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.engine.published import published
from pipeline.inference.interpreter import LiteModel
from pipeline.inference.predict import open_published
from pipeline.results.demo.drawing import drawing_of
from pipeline.tasks.registry import task_of

EXAMPLES = 12  # of validation, to choose from
DTYPES = ("int8", "uint8", "int16", "float32")  # with an array type in JavaScript
WHITE = (255, 255, 255)


def content_of(folder: Path, variant: str | None = None) -> dict[str, Any]:
    """Collect what the page shows and computes with.

    Args:
        folder: of the experiment.
        variant: id of another file; default None, the chosen one.

    Returns:
        `experiment`, `file`, `model`, `classes`, `input`, `output`, `image`, `golden`,
        `examples` and `drawing` (None where the images have colors).

    Raises:
        UserError: for another task or other data, and for steps of preprocessing that
            the page does not have.
    """
    path, point, data = open_published(folder, variant)
    _require_images(folder, data)
    model = LiteModel(path, data.spec)
    golden = f"golden/{point['id']}.npz"
    compress = published(folder / "compress", golden)
    return {
        "experiment": data.spec.name,
        "file": path.name,
        "bytes": path.stat().st_size,
        "model": packed(path.read_bytes()),
        "classes": list(data.spec.classes),
        "input": _tensor(model.input, path),
        "output": _tensor(model.output, path),
        "image": _image(data),
        "golden": _golden(compress / golden),
        "examples": _examples(data.validation(), data),
        "drawing": drawing_of(data),
    }


def packed(content: bytes) -> str:
    """Compress bytes for the page, which decompresses them: gzip, then base64."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _require_images(folder: Path, data: Data) -> None:
    spec, task = data.spec, task_of(data.spec)
    if task.output != "logits" or spec.modality != "image":
        raise UserError(
            f"{folder}: is {task.title} of {spec.modality} data; the page is for "
            "images of which each has a class; use predict instead"
        )
    other = [
        type(step).__name__
        for step in data.steps()
        if not isinstance(step, DecodeImage | Resize)
    ]
    decode = find_step(data.steps(), DecodeImage)
    if decode and decode.bits != 8:
        other.append(f"images of {decode.bits} bits, which browsers do not decode")
    if other:
        raise UserError(
            f"{folder}/data/spec.json: the page cannot prepare images with: "
            f"{', '.join(other)}. Use predict instead"
        )


def _tensor(details: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Dtype, scale and zero point of the input or output."""
    dtype = np.dtype(details["dtype"]).name
    if dtype not in DTYPES:
        raise UserError(f"{path}: has a tensor of {dtype}, which the page cannot fill")
    scale, zero_point = details["quantization"]
    return {"dtype": dtype, "scale": float(scale), "zero_point": int(zero_point)}


def _image(data: Data) -> dict[str, Any]:
    """How a picture becomes stored pixels, and these the model's input."""
    spec, resize = data.spec, find_step(data.steps(), Resize)
    decode = find_step(data.steps(), DecodeImage)
    return {
        "shape": list(spec.shape),
        "fit": (resize.fit if resize else None) or "stretch",
        "border": list((resize.border if resize else None) or (0,) * spec.shape[-1]),
        "background": list(decode.background if decode else WHITE),
        "white": spec.white if spec.dtype == "uint8" else 255,
        "scale": float(np.float32(spec.scale)),
        "offset": float(np.float32(spec.offset)),
    }


def _golden(path: Path) -> dict[str, Any]:
    """Inputs and outputs that the file has on the machine that made it."""
    with np.load(path, allow_pickle=False) as arrays:
        inputs, outputs = arrays["inputs"], arrays["outputs"]
    return {
        "count": len(inputs),
        "inputs": packed(np.ascontiguousarray(inputs).tobytes()),
        "outputs": packed(np.ascontiguousarray(outputs).tobytes()),
    }


def _examples(split: Split, data: Data) -> dict[str, Any]:
    """Stored examples, as float32, and the names of their classes."""
    x = np.asarray(split.x[:EXAMPLES], np.float32)
    labels = [data.spec.classes[int(number)] for number in split.y[:EXAMPLES]]
    return {"labels": labels, "pixels": packed(np.ascontiguousarray(x).tobytes())}
