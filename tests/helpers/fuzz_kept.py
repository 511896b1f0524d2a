"""What once failed: name -> reader, and the change to its valid file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from pipeline.core.hashing import hash_value
from tests.helpers.fuzz_models_and_masks import keras_2_config, keras_2_file

Change = Callable[[bytes], bytes]


def replaced(old: bytes, new: bytes) -> Change:
    """Replace the first occurrence of some bytes."""
    return lambda seed: seed.replace(old, new, 1)


def at(place: int, new: bytes) -> Change:
    """Overwrite bytes at a place."""
    return lambda seed: seed[:place] + new + seed[place + len(new) :]


def with_values(**values: Any) -> Change:
    """Set keys of a JSON object, in the order of the file."""
    return lambda seed: json.dumps({**json.loads(seed), **values}).encode()


def without(*keys: str) -> Change:
    """Remove the key at the end of a path of keys from a JSON document."""

    def change(seed: bytes) -> bytes:
        document = json.loads(seed)
        inner = document
        for key in keys[:-1]:
            inner = inner[int(key) if isinstance(inner, list) else key]
        del inner[keys[-1]]
        return json.dumps(document).encode()

    return change


def member(name: str, change: Change | None, new_name: str = "") -> Change:
    """Change the content or the name of a member of a zip file."""

    def change_archive(seed: bytes) -> bytes:
        memory = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(seed)) as source,
            zipfile.ZipFile(memory, "w") as target,
        ):
            for entry in source.namelist():
                content = source.read(entry)
                if entry == name:
                    content = change(content) if change else content
                    entry = new_name or entry
                target.writestr(zipfile.ZipInfo(entry), content)
        return memory.getvalue()

    return change_archive


def with_file_in_record(name: str) -> Change:
    """Add a file to run.json, whose digest is right."""

    def change(seed: bytes) -> bytes:
        document = {**json.loads(seed), "files": {name: "0"}}
        del document["digest"]
        return json.dumps({**document, "digest": hash_value(document)}).encode()

    return change


def config_of_h5(change: Change) -> Change:
    """Change the configuration in an .h5 file."""
    config = json.dumps(keras_2_config()).encode()
    return lambda seed: keras_2_file(change(config))


def with_dimension(size: int) -> Change:
    """Give the first weights of an ONNX file another first size."""

    def change(seed: bytes) -> bytes:
        import onnx

        model = onnx.load_from_string(seed)
        model.graph.initializer[0].dims[0] = size
        return bytes(model.SerializeToString())

    return change


LONG = "a" * 3000
KEPT: dict[str, tuple[str, Change]] = {
    "a tab in a key of an experiment": (
        "experiment",
        replaced(b"distill:", b"dist\tll:"),
    ),
    "a pipe of thousands of characters": ("experiment", replaced(b"0.1", b"0" * 5000)),
    "a tolerance that is not a number": (
        "lock",
        with_values(tolerance={"size": "NaN"}),
    ),
    "a lock without a stage": ("lock", with_values(chain=[])),
    "a long name of a file in a record": ("run.json", with_file_in_record(LONG)),
    "a long key in the signature": ("spec.json", with_values(**{LONG: 3})),
    "a scale near zero": ("spec.json", with_values(scale=1e-320)),
    "a task with control characters": ("spec.json", with_values(task="\x1b[31m\n")),
    "a budget without a drop": ("pareto.json", with_values(budget={})),
    "an unknown key of the budget": ("pareto.json", with_values(budget={"\x1b": 3})),
    "a point without the metric": ("pareto.json", without("points", "0", "accuracy")),
    "a summary without the examples": ("summary.json", without("examples")),
    "control characters in a zip file": (
        "keras",
        member("config.json", None, "\x1b[31m.npy"),
    ),
    "a long name in a zip file": ("keras", member("config.json", None, "a" * 60_000)),
    "a layer that is a text": (
        "keras",
        member("config.json", replaced(b'"layers": [', b'"layers": ["x", ')),
    ),
    "control characters in a layer": (
        "keras",
        member("config.json", replaced(b'"Dense"', b'"\\u001b[31m\\n"')),
    ),
    "a wrong operator in a model": ("tflite", at(1454, b"\x0c")),
    "a wrong offset in a model": ("tflite", at(48, bytes(4))),
    "a model that ends the process": ("tflite run", at(22, b"\0")),
    "a model with a wrong tensor": ("tflite run", at(694, b"\x8c")),
    "a model without its weights": ("tflite run", at(52, bytes(6))),
    "a negative offset in a model": ("tflite run", at(61, b"\0\0\0\x80")),
    "weights of another size": ("onnx inspected", with_dimension(7)),
    "a model without layers": (
        "keras 2 inspected",
        config_of_h5(without("config", "layers")),
    ),
    "units that are a text": (
        "keras 2 inspected",
        config_of_h5(replaced(b'"units": 2', b'"units": "x"')),
    ),
    "control characters in a layer of Keras 2": (
        "keras 2",
        config_of_h5(replaced(b'"Dense"', b'"\\u001b[31m\\n"')),
    ),
    "an input of the shape true": (
        "keras 2",
        config_of_h5(replaced(b"[null, 3]", b"true")),
    ),
    "no configuration of the model": (
        "keras inspected",
        member("config.json", without("config")),
    ),
    "a category that is a list": (
        "coco",
        replaced(b'"category_id": 3', b'"category_id": [3]'),
    ),
    "a height that is a text": (
        "coco",
        replaced(b'"height": 9', b'"height": "\\u001b[31m\\n"'),
    ),
    "a mask of a size that is a number": (
        "coco",
        replaced(b'"size": [9, 8]', b'"size": 9'),
    ),
    "run lengths without an end": (
        "coco",
        replaced(b'"counts": [10, 5, 57]', b'"counts": "' + b"o" * 200_000 + b'"'),
    ),
}
