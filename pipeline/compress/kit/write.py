"""Write the kit: everything with which a board runs the chosen file.

In: best.tflite (and best_device.tflite), its point of pareto.json, its golden vectors,
the preprocessing of the data. Out: the folder `kit`, and metadata.json beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.kit import model_facts, vectors
from pipeline.compress.kit.operators import ETHOS_U, operators_of
from pipeline.compress.kit.preprocessing import Preprocessing, preprocessing_of
from pipeline.compress.kit.reference import reference_outputs
from pipeline.compress.kit.rendering import render
from pipeline.compress.selection.point import Point
from pipeline.compress.tflite.front_end import raw_examples
from pipeline.data.artifact import Data
from pipeline.inference.interpreter import LiteModel

FOLDER = "kit"
SOURCES = ("model_data.cc", "preprocess.c", "result.c")  # none needs the runtime
FILES = (
    *("README.md", "Makefile", "CMakeLists.txt"),
    *("model_data.h", "model_data.cc", "model_ops.h"),
    *("model_runner.h", "model_runner.cc", "main.cc"),
    *("result.h", "result.c", "golden.h", "golden.c", "test_model.c"),
    "simulator.c",
)
PREPARING = ("preprocess.h", "preprocess.c", "test_preprocess.c")


def write(
    folder: Path,
    data: Data,
    point: Point,
    golden: Path,
    symbol: str = model_facts.SYMBOL,
) -> None:
    """Write the kit of the chosen file, and metadata.json.

    Args:
        folder: holds `best.tflite`, and `best_device.tflite` where the target stores
            another file; receives the files.
        data: the experiment's data.
        point: the file's row of pareto.json.
        golden: inputs and outputs of `best.tflite`, .npz.
        symbol: name of the C array, which begins all other names in headers; macros
            have it in upper case. Two models in one program need two.
    """
    content = model_facts.stored_file(folder, point)
    model = LiteModel(folder / "best.tflite", data.spec)
    facts = model_facts.metadata(data.spec, point, model, len(content))
    model_facts.write_metadata(folder, facts)
    runs = _runs(folder / "best.tflite", golden)
    out = folder / FOLDER
    out.mkdir()
    raw = raw_examples(data)
    files = texts(data, facts, model.input, content, raw, runs, symbol)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")


def texts(
    data: Data,
    facts: model_facts.Facts,
    detail: Mapping[str, Any],
    content: bytes,
    raw: np.ndarray | None,
    golden: vectors.Golden,
    symbol: str = model_facts.SYMBOL,
) -> dict[str, str]:
    """Return file name -> text of the kit.

    Args:
        data: the experiment's data.
        facts: content of metadata.json.
        detail: of the file's input, as the interpreter returns it.
        content: bytes of the file as the target stores it.
        raw: raw examples of the data, `(n, ...)`; None where none can be computed.
        golden: inputs and outputs of the file, `(n, ...)`, as it stores them.
        symbol: begins all names in headers.
    """
    prepared = preprocessing_of(data.spec, data.steps(), facts["input"])
    values = {
        **model_facts.source_facts(data.spec, facts, content, symbol),
        **_operators(content),
        **prepared.values,
        **vectors.vectors(data, prepared, detail, raw, golden),
        **_texts(prepared),
    }
    values |= _listing(values)
    return {name: render(name, values) for name in _files(values)}


def _runs(path: Path, golden: Path) -> vectors.Golden:
    """Inputs of golden.npz, and outputs of the reference kernels where they exist."""
    with np.load(golden) as arrays:
        inputs, outputs = arrays["inputs"], arrays["outputs"]
    inputs = inputs[: vectors.count_of(inputs, outputs)]
    reference = reference_outputs(path, inputs)
    return inputs, outputs[: len(inputs)] if reference is None else reference


def _operators(content: bytes) -> dict[str, Any]:
    operators = operators_of(content)
    return {
        "operators": operators.kinds,
        "methods": operators.methods,
        "missing": operators.missing,
        "resets": operators.state,
        "ethos_u": ETHOS_U in operators.kinds,
    }


def _texts(prepared: Preprocessing) -> dict[str, Any]:
    return {
        "takes": prepared.takes,
        "reason": prepared.reason,
        "notes": prepared.notes,
    }


def _listing(values: dict[str, Any]) -> dict[str, Any]:
    """Files that Makefile and CMakeLists.txt name."""
    prepares = values["kind"] is not None
    sources = [name for name in SOURCES if prepares or name != "preprocess.c"]
    return {
        "plain_sources": sources,
        "plain_objects": [name.partition(".")[0] for name in sources],
        "tests_preprocessing": bool(prepares and values["raw_count"]),
    }


def _files(values: dict[str, Any]) -> list[str]:
    prepares = PREPARING if values["kind"] is not None else ()
    names = [*FILES, *prepares]
    if not values["tests_preprocessing"] and prepares:
        names.remove("test_preprocess.c")
    return names
