"""Readers of models, masks, annotations and rows that `fuzz_readers` lists too.

In: nothing. Out: `READERS`, name -> reader with a small valid file.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from tests.helpers.fuzzing import Reader
from tests.helpers.mutations import (
    bytes_changed,
    json_changed,
    json_or_bytes_changed,
    text_changed,
)

SIZE = (9, 8)  # height and width of pictures and masks
OPERATORS = ("Relu", "Conv", "Reshape", "Gemm", "Resize", "Pad", "If", "LSTM", "\x1b[")
NUMBERS = (-(2**63), -1, 0, 1, 2, 7, 65_536, 2**31, 2**40, 2**63 - 1)
TYPES = (0, 1, 2, 6, 7, 8, 9, 10, 11, 14, 16, 21, 99)  # of elements
TOKENS = b"text\tlabel\n" + b"one two\tx\nthree, four\ty\n" * 10
TABLE = b"b;label;a\n1;x;2\n-3;y;1e3\n"


# ---------------------------------------------------------------- models


@cache
def onnx_file() -> bytes:
    """A convolutional network with constants that are calculated."""
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(1)
    arrays = {
        "kernel": draw.normal(size=(4, 2, 3, 3)).astype(np.float32),
        "bias": draw.normal(size=4).astype(np.float32),
        "scale": np.ones(4, np.float32),
        "half": np.array([-1, 8], np.int64),
        "twice": np.array([1, 2], np.int64),
        "dense": draw.normal(size=(16, 3)).astype(np.float32),
    }
    nodes = [
        ("Conv", ["image", "kernel", "bias"], "c", {"pads": [1, 1, 1, 1]}),
        ("BatchNormalization", ["c", "scale", "bias", "bias", "scale"], "n", {}),
        ("Relu", ["n"], "r", {}),
        ("MaxPool", ["r"], "p", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Mul", ["half", "twice"], "shape", {}),
        ("Reshape", ["p", "shape"], "f", {}),
        ("MatMul", ["f", "dense"], "m", {}),
        ("Softmax", ["m"], "y", {"axis": 1}),
    ]
    graph = helper.make_graph(
        [
            helper.make_node(kind, read, [made], name=f"/{made}", **settings)
            for kind, read, made, settings in nodes
        ],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 2, 4, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 3))],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


def onnx_changed(seed: bytes, random: Random) -> bytes:
    """Change the graph of an ONNX file; one mutant in four has other bytes instead."""
    import onnx

    if random.random() < 0.25:
        return bytes_changed(seed, random)
    model = onnx.load_from_string(seed)
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(GRAPH_CHANGES)(model.graph, random)
    return bytes(model.SerializeToString())


def _other_node(graph: Any, random: Random) -> None:
    node = random.choice(graph.node)
    how = random.randrange(5)
    if how == 0:
        node.op_type = random.choice((*OPERATORS, *(n.op_type for n in graph.node)))
    elif how == 1:
        node.name = random.choice(("", "\x1b[31m\n", "a" * 3000, "/r"))
    elif how == 2 and node.input:
        names = [name for other in graph.node for name in (*other.input, *other.output)]
        node.input[random.randrange(len(node.input))] = random.choice((*names, "", "?"))
    elif how == 3 and node.input:
        del node.input[random.randrange(len(node.input))]
    else:
        node.output[0] = random.choice(("image", "y", "", "r", "\x1b\n"))


def _other_attribute(graph: Any, random: Random) -> None:
    nodes = [node for node in graph.node if node.attribute]
    if nodes:
        attribute = random.choice(random.choice(nodes).attribute)
        if attribute.ints and random.random() < 0.8:
            attribute.ints[random.randrange(len(attribute.ints))] = random.choice(
                NUMBERS
            )
        else:
            attribute.i, attribute.type = random.choice(NUMBERS), random.choice((1, 2))


def _other_weights(graph: Any, random: Random) -> None:
    tensor = random.choice(graph.initializer)
    how = random.randrange(5)
    if how == 0 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(NUMBERS)
    elif how == 1:
        tensor.data_type = random.choice(TYPES)
    elif how == 2:
        tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
    elif how == 3:
        tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.nan, "f4").tobytes()
    else:
        tensor.raw_data = bytes_changed(tensor.raw_data, random)


def _other_size(graph: Any, random: Random) -> None:
    shape = random.choice((*graph.input, *graph.output)).type.tensor_type.shape
    if shape.dim:
        random.choice(shape.dim).dim_value = random.choice(NUMBERS)
    else:
        shape.dim.add().dim_value = random.choice(NUMBERS)


def _other_order(graph: Any, random: Random) -> None:
    entries = random.choice((graph.node, graph.initializer, graph.input, graph.output))
    if entries and random.random() < 0.5:
        del entries[random.randrange(len(entries))]
    elif entries:
        entries.append(random.choice(entries))


GRAPH_CHANGES = (
    *(_other_node, _other_attribute, _other_weights, _other_size, _other_order),
)


def check_model(path: Path) -> None:
    """Check a model as `compress-file` does before anything is loaded."""
    from pipeline.compress.import_model import archive

    archive.check_archive(path)
    archive.input_shape(path)
    archive.output_units(path)
    archive.takes_tokens(path)


def build_onnx(path: Path) -> None:
    """Check an ONNX file, and rebuild it where the check accepts it."""
    from pipeline.compress.import_model.onnx.build import load_onnx

    check_model(path)
    load_onnx(path)


def keras_2_config() -> dict[str, Any]:
    """The configuration of a Sequential model, as Keras 2 writes it."""
    dense = {"name": "dense", "trainable": True, "units": 2, "activation": "softmax"}
    layers = [
        {
            "class_name": "InputLayer",
            "config": {"name": "in", "batch_input_shape": [None, 3]},
        },
        {"class_name": "Dense", "config": {**dense, "use_bias": True}},
    ]
    return {"class_name": "Sequential", "config": {"name": "tiny", "layers": layers}}


def keras_2_file(config: bytes = b"") -> bytes:
    """An .h5 file with weights."""
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = config or json.dumps(keras_2_config())
        file.attrs["keras_version"] = "2.13.1"
        weights = file.create_group("model_weights/dense/dense")
        weights["kernel:0"], weights["bias:0"] = np.ones((3, 2), "f4"), np.zeros(2)
    return stream.getvalue()


def keras_2_changed(seed: bytes, random: Random) -> bytes:
    """Change the configuration in an .h5 file; or, one time in four, its bytes."""
    if random.random() < 0.25:
        return bytes_changed(seed, random)
    config = json_changed(json.dumps(keras_2_config()).encode(), random)
    return keras_2_file(config)


def inspect_only(path: Path) -> None:
    """Describe a model."""
    from pipeline.compress.inspection import inspect_file

    inspect_file.text(inspect_file.inspect_file(path))


# ---------------------------------------------------------------- data


def palette() -> bytes:
    """A mask of two classes and pixels without a label, with a palette."""
    pixels = np.zeros(SIZE, np.uint8)
    pixels[2:5], pixels[0] = 1, 255
    image = Image.fromarray(pixels, "P")
    image.putpalette([7, 8, 9, 90, 80, 70] + [0] * 762)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def read_masks(path: Path) -> None:
    """Read a folder of an image and a mask as the data stage does."""
    from pipeline.data.folders import BadFileError
    from pipeline.data.mask_files import MaskReader
    from tests.helpers.fuzz_readers import read_source

    for numbers, colors in (({0: 0, 1: 1, 255: 255}, False), ({460551: 0}, True)):
        with contextlib.suppress(BadFileError):
            MaskReader(numbers, colors, 1).read(path, SIZE)
    folder = path.parent / "set"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for k in range(8):
        _picture(folder / "images" / f"{k}.png")
        (folder / "masks" / f"{k}.png").write_bytes(palette())
    (folder / "masks" / "0.png").write_bytes(path.read_bytes())
    read_source(folder, "masks", task="segmentation")


def _picture(path: Path) -> None:
    if not path.exists():
        draw = np.random.default_rng(int(path.stem))
        Image.fromarray(draw.integers(0, 256, (*SIZE, 3), np.uint8)).save(path)


def annotations() -> bytes:
    """Polygons and run lengths of two categories on eight images."""
    polygon = [1.0, 1.0, 5.0, 1.0, 5.0, 6.0]
    runs = {"size": list(SIZE), "counts": [10, 5, 57]}
    return json.dumps(
        {
            "images": [
                {"id": k, "file_name": f"{k}.png", "height": SIZE[0], "width": SIZE[1]}
                for k in range(8)
            ],
            "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
            "annotations": [
                {
                    "image_id": k,
                    "category_id": 3 + 2 * (k % 2),
                    "iscrowd": 0,
                    "segmentation": [polygon] if k % 2 else runs,
                }
                for k in range(8)
            ],
        }
    ).encode()


def read_annotations(path: Path) -> None:
    """Read images and annotations as the data stage does."""
    from tests.helpers.fuzz_readers import read_source

    for k in range(8):
        _picture(path.parent / f"{k}.png")
    read_source(path, "coco", task="segmentation")


def read_texts(path: Path) -> None:
    """Read and split a table of texts as the data stage does."""
    from tests.helpers.fuzz_readers import read_source

    read_source(path, "text", columns={"label": "label", "text": "text"})


def npy_folder(path: Path) -> None:
    """Read a pair of arrays as the data stage does."""
    from tests.helpers.fuzz_readers import read_source

    folder = path.parent / "pair"
    folder.mkdir(exist_ok=True)
    (folder / "x.npy").write_bytes(path.read_bytes())
    np.save(folder / "y.npy", np.arange(40) % 2)
    read_source(folder, "npy")


def npy_rows() -> bytes:
    """Forty rows of two numbers."""
    stream = io.BytesIO()
    np.save(stream, np.arange(80.0).reshape(40, 2))
    return stream.getvalue()


def read_for_prediction(path: Path) -> None:
    """Read a file as `predict` does for a table of the inputs a and b."""
    from dataclasses import replace

    from pipeline.data.artifact import Data
    from pipeline.inference.input_readers import read_raw
    from tests.helpers import published

    inputs = {"shape": (2,), "inputs": ("a", "b"), "modality": "table"}
    spec = replace(published.SPEC, **inputs, source="csv:a.csv", scale=None)
    if not (path.parent / "params.json").exists():
        (path.parent / "params.json").write_text('{"source": "csv:a.csv"}')
    read_raw(path, Data(path.parent, spec))


Bytes = Callable[[], bytes]
READERS: dict[str, Reader] = {
    "onnx": Reader("a.onnx", onnx_file, check_model, onnx_changed),
    "onnx rebuilt": Reader("a.onnx", onnx_file, build_onnx, onnx_changed, threads=True),
    "onnx inspected": Reader("a.onnx", onnx_file, inspect_only, onnx_changed),
    "keras 2": Reader("a.h5", keras_2_file, check_model, keras_2_changed),
    "keras 2 inspected": Reader("a.h5", keras_2_file, inspect_only, keras_2_changed),
    "masks": Reader("a.png", palette, read_masks),
    "coco": Reader("a.json", annotations, read_annotations, json_or_bytes_changed),
    "text source": Reader("a.tsv", lambda: TOKENS, read_texts, text_changed),
    "npy source": Reader("a.npy", npy_rows, npy_folder),
    "rows to predict": Reader(
        "a.csv", lambda: TABLE, read_for_prediction, text_changed
    ),
}
