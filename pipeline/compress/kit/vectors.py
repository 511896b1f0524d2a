"""Golden vectors of the kit, as arrays of C.

In: raw examples of `tflite.front_end`, inputs and outputs of the file from
golden.npz. Out: values of the templates golden.h.j2 and golden.c.j2. Few examples are
taken where they are large.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.compress.kit import c_text
from pipeline.compress.kit.model_facts import C_TYPES
from pipeline.compress.kit.preprocessing import Preprocessing
from pipeline.compress.tflite import front_end
from pipeline.compress.tflite.front_end import FULL_SCALE, UNKNOWN_TEXT
from pipeline.data.artifact import Data
from pipeline.data.features import find_step
from pipeline.data.table_steps import EncodeColumns, category_number

VALUES = 16_384  # in an array, unless one example has more
PIXELS = 100_000  # values of a raw picture; of a larger one a corner is taken
CORNER = (61, 67)  # height, width
Values = dict[str, Any]
Golden = tuple[np.ndarray, np.ndarray]


def vectors(
    data: Data,
    prepared: Preprocessing,
    detail: Mapping[str, Any],
    raw: np.ndarray | None,
    golden: Golden,
) -> Values:
    """Return the values of the templates.

    Args:
        data: the experiment's data.
        prepared: the preprocessing in C.
        detail: of the file's input, as the interpreter returns it.
        raw: raw examples, `(n, ...)`; None where none can be computed.
        golden: inputs and outputs of the file, `(n, ...)`, as it stores them.
    """
    values = {**_raw(raw, data, prepared, detail), **_runs(golden)}
    whole = np.issubdtype(detail["dtype"], np.integer)
    exact = data.spec.modality == "text"
    outputs_whole = values.pop("outputs_whole")
    return {
        **values,
        "kind": prepared.kind,
        "input_tolerance": "0.0" if exact else "1.0" if whole else "1e-3",
        "input_fraction": "0.0" if exact or whole else "1e-5",
        "output_tolerance": "1.0" if outputs_whole else "1e-4",
        "output_fraction": "0.0" if outputs_whole else "1e-3",
    }


def _runs(golden: Golden) -> Values:
    """Inputs and outputs of the file, as it stores them."""
    inputs, outputs = golden
    count = count_of(inputs, outputs)
    return {
        "run_count": count,
        "inputs": c_text.numbers(inputs[:count]),
        "outputs": c_text.numbers(outputs[:count]),
        "outputs_whole": np.issubdtype(outputs.dtype, np.integer),
    }


def _raw(
    raw: np.ndarray | None,
    data: Data,
    prepared: Preprocessing,
    detail: Mapping[str, Any],
) -> Values:
    """Raw examples and the inputs that the pipeline makes of them."""
    if raw is None or prepared.kind is None:
        return {"raw_count": 0}
    if prepared.kind == "image" and raw[0].size > PIXELS:
        raw = raw[:, : CORNER[0], : CORNER[1]]
    _, inputs = front_end.prepared(data, raw, detail)
    count = count_of(raw, inputs)
    return {
        "raw_count": count,
        "raw_size": int(np.size(raw[0])),
        "prepared": c_text.numbers(inputs[:count]),
        **_literals(raw[:count], data, prepared),
    }


def _literals(raw: np.ndarray, data: Data, prepared: Preprocessing) -> Values:
    """Raw examples as C, and the type of one value."""
    if prepared.kind == "text":
        return {"raw": c_text.strings([str(text) for text in raw])}
    if prepared.kind == "cells":
        return {"raw": _cells(raw, data), "raw_c_type": ""}
    if prepared.kind == "audio":
        whole = np.round(raw * FULL_SCALE).astype(np.int16)
        return {"raw": c_text.numbers(whole), "raw_c_type": "int16_t"}
    kind = prepared.values["raw_type"]
    dtype = next(name for name, text in C_TYPES.items() if text == kind)
    values = {"raw": c_text.numbers(raw.astype(dtype)), "raw_c_type": kind}
    if prepared.kind == "image":
        values |= {"raw_height": raw.shape[1], "raw_width": raw.shape[2]}
    return values


def _cells(rows: np.ndarray, data: Data) -> str:
    """Cells of rows; a category is its text again."""
    encode = find_step(data.steps(), EncodeColumns)
    columns = encode.columns if encode else ()
    return "\n".join(
        f"    {_cell(value, column)},"
        for row in rows
        for value, column in zip(row, columns)
    )


def _cell(value: np.float64, column: Mapping[str, Any]) -> str:
    if column["kind"] == "number":
        return f"{{{c_text.literal(value)}, NULL}}"
    texts = {category_number(text): text for text in column["values"]}
    return f"{{NAN, {c_text.string(texts.get(float(value), UNKNOWN_TEXT))}}}"


def count_of(first: np.ndarray, second: np.ndarray) -> int:
    """Return how many examples of two arrays are taken, at least one.

    Args:
        first: `(n, ...)`.
        second: `(n, ...)`.
    """
    size = max(np.size(first[0]), np.size(second[0]), 1)
    return min(len(first), max(1, VALUES // size))
