"""Readers of raw input for `predict`, one per modality.

In: an image, a WAV file, a CSV file, a text file (one text per line), or a .npy array
of raw examples. Out: `RawExamples`, in the form that the data stage's preprocessing
takes.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.data.artifact import Data
from pipeline.data.features import LogMel, Resize, Vocabulary
from pipeline.data.folders import BadFileError
from pipeline.data.params import ImageParams
from pipeline.data.sources import images_dataset, wav_dataset

FILE_KINDS = {
    "image": "an image",
    "audio": "a WAV",
    "text": "a text",
    "table": "a CSV",
}


@dataclass(frozen=True)
class RawExamples:
    """Raw examples of one input.

    Args:
        source: the file, or a word for an array in memory; names errors.
        names: of the examples, such as `mine.csv:2`.
        raw: `(n, ...)`, before the preprocessing of spec.json.
    """

    source: str
    names: list[str]
    raw: np.ndarray


def read_raw(path: Path, data: Data) -> RawExamples:
    """Read the raw examples of a file as the data stage would.

    Args:
        path: the file; its kind must be that of the experiment's data, or .npy.
        data: the experiment's data.

    Raises:
        UserError: the file is missing, unreadable, or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.suffix == ".npy":
        return _read_array(path, data)
    try:
        return READERS[data.spec.modality](path, data)
    except BadFileError as error:
        raise UserError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        kind = FILE_KINDS[data.spec.modality]
        raise UserError(f"{path}: must be {kind} file in UTF-8") from None


def raw_array(array: np.ndarray, data: Data, source: str = "array") -> RawExamples:
    """Raw examples in memory.

    Args:
        array: `(n, ...)` before preprocessing; one example without its first axis
            is accepted where there is no preprocessing.
        data: the experiment's data.
        source: names the examples: `source:0`, `source:1`, ...
    """
    if not data.spec.preprocess and array.shape == data.spec.shape:
        array = array[None]
    return RawExamples(source, [f"{source}:{n}" for n in range(len(array))], array)


def _read_array(path: Path, data: Data) -> RawExamples:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable .npy array: {error}") from None
    return raw_array(array, data, str(path))


def _read_image(path: Path, data: Data) -> RawExamples:
    """Read one image in its own size; a resize step of spec.json follows."""
    channels = data.spec.shape[-1]
    steps = [step for step in data.steps() if isinstance(step, Resize)]
    size = [steps[0].height, steps[0].width] if steps else None
    params = ImageParams.model_validate({"size": size, "channels": channels})
    return RawExamples(
        str(path), [str(path)], images_dataset.read_image(path, params)[None]
    )


def _read_sound(path: Path, data: Data) -> RawExamples:
    rate, sound = wav_dataset.samples(path)
    (expected,) = {s.rate for s in data.steps() if isinstance(s, LogMel)} or {rate}
    if rate != expected:
        raise UserError(
            f"{path}: has {rate} samples per second; the model takes {expected}"
        )
    return RawExamples(str(path), [str(path)], sound[None])


def _read_texts(path: Path, data: Data) -> RawExamples:
    """Read one text per line; empty lines are skipped."""
    if not any(isinstance(step, Vocabulary) for step in data.steps()):
        raise UserError(
            f"{path}: the data hold word indices, not texts; give a .npy array"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = {number: line for number, line in enumerate(lines, 1) if line.strip()}
    if not texts:
        raise UserError(f"{path}: holds no text; must hold one text per line")
    names = [f"{path}:{number}" for number in texts]
    return RawExamples(str(path), names, np.array([*texts.values()], object))


def _read_rows(path: Path, data: Data) -> RawExamples:
    """Read numeric columns below a header, without the label and ignored ones."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    columns = _input_columns(header, data)
    expected = data.spec.shape[0]
    if len(columns) != expected or not rows:
        raise UserError(
            f"{path}: must hold a header, {expected} numeric columns and one row per "
            f"example; it has {len(columns)} such columns and {len(rows)} rows"
        )
    lines = range(2, 2 + len(rows))
    values = [_numbers(path, n, row, columns) for n, row in zip(lines, rows)]
    names = [f"{path}:{number}" for number in lines]
    return RawExamples(str(path), names, np.array(values, np.float32))


def _input_columns(header: list[str], data: Data) -> list[int]:
    """Positions of the columns that are inputs of the model."""
    params = read_json(data.folder / "params.json")
    columns, group = params["columns"], params["split"]["group"]
    other = {
        columns["label"],
        group,
        *columns["ignore"],
        *params.get("extra_targets", {}),
    }
    return [position for position, name in enumerate(header) if name not in other]


def _numbers(path: Path, line: int, row: list[str], columns: list[int]) -> list[float]:
    try:
        return [float(row[position]) for position in columns]
    except (ValueError, IndexError):
        raise UserError(f"{path}, row {line}: must hold numbers; has {row}") from None


Reader = Callable[[Path, Data], RawExamples]
READERS: dict[str, Reader] = {
    "image": _read_image,
    "audio": _read_sound,
    "text": _read_texts,
    "table": _read_rows,
}


def check_range(stored: np.ndarray, data: Data, source: Any) -> None:
    """Refuse values outside of 0 .. white where the data are stored as bytes.

    Args:
        stored: examples after preprocessing, `(n, *spec.shape)`.
        data: the experiment's data; digits' values are 0 .. 16, others' 0 .. 255.
        source: names the error.

    Raises:
        UserError: names the first limit that is exceeded.
    """
    spec = data.spec
    if spec.dtype != "uint8" or not spec.scale:
        return
    if outside := _outside(stored, spec.white):
        raise UserError(
            f'{source}: holds {outside}, but raw values of "{spec.name}" go from 0 to '
            f"{spec.white}; convert them to that range, as an image or a .npy array"
        )


def _outside(stored: np.ndarray, maximum: int) -> str:
    """The values outside of 0 .. maximum in words; empty if there are none."""
    lowest, highest = stored.min(initial=0), stored.max(initial=0)
    if np.isnan(highest):
        return "NaN (not a number)"
    if highest > maximum:
        return f"values up to {highest:g}"
    return f"values down to {lowest:g}" if lowest < 0 else ""
