"""Predictions of a published .tflite file on raw input.

In: image files, WAV files, CSV rows, texts (one per line) or .npy arrays of raw
examples, and the preprocessing in data/spec.json. Out: one row per example: a class
and its probability; or a number in the unit of the data; or a reconstruction error,
and whether it exceeds the file's threshold, which compress chose on validation; or the
nearest enrolled identity; or the text that a text becomes. TensorFlow is not imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.invocation import command
from pipeline.core.quoting import printable
from pipeline.data.artifact import Data, read_data
from pipeline.data.features import apply_steps
from pipeline.engine.published import published, published_json, recorded_hashes
from pipeline.engine.terminal import quiet
from pipeline.inference.enrolment import read_enrolment
from pipeline.inference.input_readers import (
    check_range,
    raw_array,
    read_raw,
)
from pipeline.inference.interpreter import LiteModel
from pipeline.inference.range_check import RangeCheck
from pipeline.inference.raw_examples import RawExamples
from pipeline.inference.timeline import open_timeline
from pipeline.tasks.prediction import prediction_of

CHUNK = 256  # examples whose outputs are in memory
Input = str | Path | np.ndarray
Row = dict[str, Any]
# Files of the data stage that decide about a prediction; some are optional.
READ = ("spec.json", "params.json", "vocabulary.txt")


class PointSchema(BaseModel):
    """Types of a row of pareto.json that this module relies on."""

    id: str
    source: str
    recipe: str
    file: str | None


class ParetoSchema(BaseModel):
    """Types of pareto.json that this module relies on."""

    points: list[PointSchema]
    chosen: str | None


def _print_warning(text: str) -> None:
    print(printable(f"warning: {text}"), file=sys.stderr)


def predict(
    folder: str | Path,
    inputs: Input | Sequence[str | Path | np.ndarray],
    *,
    variant: str | None = None,
    enrol: str | Path | None = None,
    warn: Callable[[str], None] = _print_warning,
) -> list[Row]:
    """Predict with the chosen file of a finished experiment.

    Args:
        folder: of the experiment, such as `experiments/digits`.
        inputs: a file, an array `(n, ...)` of raw examples, or a list of these. A
            file is an image, a WAV file, a CSV file with a header, a text file with
            one text per line, or a .npy array.
        variant: id of another file in compress/pareto.json; default: the chosen one.
        enrol: for an embedding, a folder with a folder of files per identity, the
            nearest of which is the answer; default None: the vectors themselves.
        warn: called with a text where values are far outside of those in training;
            default: prints it to standard error.

    Returns:
        One row per example: `input`, its name, and what the task predicts:
        `classes`, name -> probability, the three most probable first; or
        `number` in the unit of the data, and its `name`; or
        `score`, `threshold` and `anomaly` (whether the score exceeds it); or
        `forecast`, name -> the next numbers of a series, and their `times`; or
        `identity` (None where the distance exceeds the threshold), `nearest`,
        `distance`, `threshold` and `example`, the nearest enrolled one; or `embedding`;
        or `text`, and `complete`: whether it ended within the maximum length. For a
        recording longer than a clip, where evaluate chose a threshold on streams:
        `keywords`, each with `time` in seconds, `keyword` and `score`.

    Raises:
        UserError: there is no such file or variant, a file is not the one that was
            published, or an input does not fit.

    Example:
        >>> rows = predict("experiments/digits", "seven.png")    # doctest: +SKIP
        >>> rows[0]["classes"]                                   # doctest: +SKIP
        {'7': 0.98, '1': 0.01, '9': 0.005}
    """
    path, point, data = open_published(folder, variant)
    with quiet():  # the runtime prints a line about its delegate
        model = LiteModel(path, data.spec)
    check = RangeCheck(data)

    def run(examples: RawExamples) -> np.ndarray:
        stored = preprocess(examples, data)
        notes = (*examples.notes, check.problem(examples.raw, stored))
        for note in filter(None, notes):
            warn(f"{examples.source}: {note}")
        return stored

    to_rows = _row_maker(model, data, point, enrol, run)
    with quiet():
        timeline = open_timeline(Path(folder), point["id"], data)
    rows: list[Row] = []
    for entry in _listed(inputs):
        if timeline is not None and timeline.covers(entry):
            rows.append(timeline.row(Path(str(entry))))
            continue
        examples = _examples(entry, data)
        stored = run(examples)
        predicted = [
            row
            for begin in range(0, len(stored), CHUNK)
            for row in to_rows(stored[begin : begin + CHUNK])
        ]
        located = prediction_of(data.spec).located
        if located and examples.facts:
            predicted = list(map(located, predicted, examples.facts))
        names = zip(examples.names, predicted, strict=True)
        rows += [{"input": name, **row} for name, row in names]
    return rows


def _row_maker(
    model: LiteModel,
    data: Data,
    point: Row,
    enrol: str | Path | None,
    run: Callable[[RawExamples], np.ndarray],
) -> Callable[[np.ndarray], list[Row]]:
    """Return stored examples -> rows; enrolled examples are read once."""
    task = prediction_of(data.spec)
    if enrol is None:
        return lambda stored: task.rows(
            task.outputs(model.logits, stored, data.spec), stored, data.spec, point
        )
    if task.nearest is None:
        raise UserError(
            f"--enrol {enrol}: is for an embedding, and {data.spec.source} is of task "
            f"{data.spec.task}; leave it out"
        )
    compare, path = task.nearest, Path(enrol)
    enrolled = read_enrolment(
        path, lambda file: read_raw(file, data), lambda raw: model.logits(run(raw))
    )
    return lambda stored: compare(model.logits(stored), enrolled, point)


def open_published(
    folder: str | Path, variant: str | None = None
) -> tuple[Path, Row, Data]:
    """Find a file of a finished experiment, checked against its record.

    Args:
        folder: of the experiment.
        variant: id of a file in compress/pareto.json; default None, the chosen one.

    Returns:
        The file, its row of pareto.json, and the data of the experiment.

    Raises:
        UserError: there is no such file, or it is not the one that was published.
    """
    folder = Path(folder)
    _require_result(folder)
    pareto = _pareto(folder)
    path = _file(folder, variant, pareto["points"])
    data = read_data(published(folder / "data", *READ))
    return path, _point(pareto, variant), data


def preprocess(examples: RawExamples, data: Data) -> np.ndarray:
    """Examples as the data stage stores them, `(n, *spec.shape)`.

    Raises:
        UserError: their shape or range is not that of the data.
    """
    try:
        stored = apply_steps(data.steps(), examples.raw)
    except Exception:  # arrays of any shape and dtype reach the steps
        raise UserError(
            f"{examples.source}: examples have shape {examples.raw.shape[1:]}, which "
            f"the preprocessing of {data.folder}/spec.json does not accept; it makes "
            f"{data.spec.shape}"
        ) from None
    if stored.shape[1:] != data.spec.shape:
        raise UserError(
            f"{examples.source}: examples have shape {stored.shape[1:]} after "
            f"preprocessing, but {data.folder}/spec.json needs {data.spec.shape}"
        )
    check_range(stored, data, examples.source)
    return stored.astype(data.spec.dtype)


def _listed(inputs: Input | Sequence[Input]) -> Sequence[Input]:
    return [inputs] if isinstance(inputs, str | Path | np.ndarray) else inputs


def _examples(entry: Input, data: Data) -> RawExamples:
    if isinstance(entry, np.ndarray):
        return raw_array(entry, data)
    return read_raw(Path(entry), data)


def _require_result(folder: Path) -> None:
    if not (folder / "data" / "spec.json").is_file():
        raise UserError(f"{folder}: no result yet; {_how_to_run(folder)}")


def _pareto(folder: Path) -> dict[str, Any]:
    """The content of pareto.json."""
    path = folder / "compress" / "pareto.json"
    if not path.is_file():
        best = path.with_name("best.tflite")
        raise UserError(f"{best}: no file was chosen; {_how_to_run(folder)}")
    return published_json(path.parent, path.name, ParetoSchema)


def _point(pareto: dict[str, Any], variant: str | None) -> Row:
    """The row of pareto.json of a file."""
    name = _id(variant, pareto["points"]) or pareto["chosen"]
    return next((point for point in pareto["points"] if point["id"] == name), {})


def _id(variant: str | None, points: Sequence[Row]) -> str | None:
    """The id of a variant that is named as in tables: `student | int8`."""
    names = {f"{point['source']} | {point['recipe']}": point["id"] for point in points}
    return names.get(variant or "", variant)


def _file(folder: Path, variant: str | None, points: Sequence[Row]) -> Path:
    best = folder / "compress" / "best.tflite"
    if variant is None and best.name in recorded_hashes(best.parent):
        return published(best.parent, best.name) / best.name
    files = {point["id"]: point["file"] for point in points if point["file"]}
    variant = _id(variant, points)
    listing = f"(there are: {', '.join(files)})"
    if variant is None:
        raise UserError(
            f"{best}: no file was chosen, because none meets the budget; name one with "
            f"--variant {listing}"
        )
    if variant not in files:
        hint = did_you_mean(variant, files)
        raise UserError(f"--variant {variant}: no such file{hint} {listing}")
    return published(best.parent, files[variant]) / files[variant]


def _how_to_run(folder: Path) -> str:
    return f"run: {command('run', folder=folder)}"
