"""`python -m pipeline predict EXP FILE...`: the chosen file on raw input.

In: image files, WAV files, CSV rows, texts (a line each) or .npy arrays of raw
examples, and what data/spec.json says of them. Out: for each example a class and its
probability; or a number in the unit of the data; or, of anomalies, how badly the
example is rebuilt, and whether that is above the file's threshold, which compress
chose on validation; on standard error a line where numbers lie far outside of what
the model was trained on. TensorFlow is not imported.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.inference.interpreter import LiteModel
from pipeline.config import experiment_folder
from pipeline.data.artifact import Data, read_data
from pipeline.data.features import LogMel, Resize, Vocabulary, apply_steps
from pipeline.data.folders import BadFile
from pipeline.data.measure import measure_of
from pipeline.data.params import ImageParams
from pipeline.data.sources import images_dataset, wav_dataset
from pipeline.core.errors import UserError, nearest
from pipeline.data.spec import TaskSpec
from pipeline.core.json_io import read_json
from pipeline.engine.terminal import quiet
from pipeline.plausible import Doubts
from pipeline.scores import ANOMALIES, CLASSES, NUMBERS

NEXT = 2  # classes that are told after the first
Row = dict[str, Any]
KINDS = {"image": "an image", "audio": "a WAV", "text": "a text", "table": "a CSV"}


@dataclass(frozen=True)
class Named:
    """Raw examples of one file, `(n, ...)`, each with its name."""

    names: list[str]
    raw: np.ndarray


def predict(arguments: argparse.Namespace) -> int:
    """Print what the file says of each example."""
    folder = experiment_folder(arguments.root, arguments.experiment)
    rows = answers(folder, arguments.files, arguments.variant)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(row["input"]) for row in rows)
    for row in rows:
        print(f"{row['input']:<{width}}  {_words(row)}")
    return 0


def answers(folder: Path, files: list[Path], variant: str | None) -> list[dict]:
    """One row an example: `input`, and what the file says of it.

    That is `classes`, the likeliest first; or `number` and its `name`; or `score`,
    `threshold` and `anomaly`, whether the score is above it.

    Args:
        folder: of a finished experiment.
        variant: id of pareto.json; the chosen one if None.
    """
    data = _data(folder)
    file = _file(folder, variant)
    with quiet():  # the runtime tells of its delegate
        model = LiteModel(file, data.spec)
    point, found, doubts = _point(folder, variant), [], Doubts(data)
    for path in files:
        named = read_raw(path, data)
        stored = _stored(named, data, path)
        if odd := doubts.of(named.raw, stored):
            print(f"warning: {path}: {odd}", file=sys.stderr)
        outputs = model.logits(stored)
        told = ANSWERS[data.spec.task](outputs, stored, data.spec, point)
        found += [{"input": n, **row} for n, row in zip(named.names, told, strict=True)]
    return found


def _words(row: dict[str, Any]) -> str:
    if "number" in row:
        return f"{row['name']} {row['number']:.4g}"
    if "score" in row:
        if row["threshold"] is None:
            return f"score {row['score']:.4g}"
        kind = "anomaly" if row["anomaly"] else "normal "
        return f"{kind}  score {row['score']:.4g}, threshold {row['threshold']:.4g}"
    first, *others = (f"{c} {p:.3f}" for c, p in row["classes"].items())
    return first + (f"   then {', '.join(others)}" if others else "")


def read_raw(path: Path, data: Data) -> Named:
    """The raw examples of a file, as the data stage would read it."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.suffix == ".npy":
        return _array(path, data)
    try:
        return READERS[data.spec.modality](path, data)
    except BadFile as error:
        raise UserError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        kind = KINDS[data.spec.modality]
        raise UserError(f"{path}: must be {kind} file in UTF-8") from None


def _data(folder: Path) -> Data:
    if not (folder / "data" / "spec.json").is_file():
        raise UserError(f"{folder}: no result yet; run: make all EXP={folder.name}")
    return read_data(folder / "data")


def _point(folder: Path, variant: str | None) -> dict[str, Any]:
    """What compress measured of the file."""
    pareto = read_json(folder / "compress" / "pareto.json")
    name = variant or pareto["chosen"]
    return next((p for p in pareto["points"] if p["id"] == name), {})


def _file(folder: Path, variant: str | None) -> Path:
    best = folder / "compress" / "best.tflite"
    if variant is None and best.is_file():
        return best
    path = folder / "compress" / "pareto.json"
    if variant is None and not path.is_file():
        raise UserError(f"{best}: no file was chosen; run: make all EXP={folder.name}")
    known = {p["id"]: p["file"] for p in read_json(path)["points"] if p["file"]}
    if variant is None:
        raise UserError(
            f"{best}: no file was chosen, as none meets the budget; name one with "
            f"--variant (there are: {', '.join(known)})"
        )
    if variant not in known:
        raise UserError(
            f"--variant {variant}: no such file{nearest(variant, known)} "
            f"(there are: {', '.join(known)})"
        )
    return folder / "compress" / known[variant]


def _stored(named: Named, data: Data, path: Path) -> np.ndarray:
    """Examples as the data stage stores them."""
    stored = apply_steps(data.steps(), named.raw)
    if stored.shape[1:] != data.spec.shape:
        raise UserError(
            f"{path}: an example becomes {stored.shape[1:]}, but {data.folder}/"
            f"spec.json says {data.spec.shape}"
        )
    _check_range(stored, data, path)
    return stored.astype(data.spec.dtype)


def _check_range(stored: np.ndarray, data: Data, path: Path) -> None:
    """Raw values may end before those of a byte do, as in digits' 0 .. 16."""
    spec = data.spec
    if spec.dtype != "uint8" or not spec.scale:
        return
    if held := _beyond(stored, spec.white):
        raise UserError(
            f"{path}: holds {held}, but raw values of "
            f'"{spec.name}" go from 0 to {spec.white}; give it in those, as an '
            "image or as a .npy array"
        )


def _beyond(stored: np.ndarray, most: int) -> str:
    """What is not of 0 .. most; nothing if all values are."""
    least, largest = stored.min(initial=0), stored.max(initial=0)
    if np.isnan(largest):
        return "NaN (not a number)"
    if largest > most:
        return f"values up to {largest:g}"
    return f"values down to {least:g}" if least < 0 else ""


def _classes(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    return [{"classes": _likeliest(logits, spec)} for logits in outputs]


def _likeliest(logits: np.ndarray, spec: TaskSpec) -> dict[str, float]:
    p = np.exp(np.float64(logits) - logits.max())
    order = np.argsort(-p, kind="stable")[: 1 + NEXT]
    return {spec.classes[at]: float(p[at] / p.sum()) for at in order}


def _numbers_of(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    name = spec.target["name"]
    numbers = np.float64(outputs[:, 0]) * spec.target["deviation"] + spec.target["mean"]
    return [{"name": name, "number": number} for number in numbers.tolist()]


def _oddness(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Row
) -> list[Row]:
    unknown, limit = np.zeros(len(outputs)), point["threshold"]
    scores = measure_of(spec).evidence(outputs, spec.to_input(stored), unknown)
    return [
        {
            "score": s,
            "threshold": limit,
            "anomaly": None if limit is None else s > limit,
        }
        for s in scores.tolist()
    ]


ANSWERS = {CLASSES: _classes, NUMBERS: _numbers_of, ANOMALIES: _oddness}


def _array(path: Path, data: Data) -> Named:
    """One raw example or several, before preprocessing where there is any."""
    try:
        raw = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable .npy array: {error}") from None
    if not data.spec.preprocess and raw.shape == data.spec.shape:
        raw = raw[None]
    return Named([f"{path}:{at}" for at in range(len(raw))], raw)


def _image(path: Path, data: Data) -> Named:
    """With the file's own size; a step of spec.json may change it."""
    channels = data.spec.shape[-1]
    steps = [step for step in data.steps() if isinstance(step, Resize)]
    size = [steps[0].height, steps[0].width] if steps else None
    pixels = images_dataset.read_image(path, ImageParams(size=size, channels=channels))
    return Named([str(path)], pixels[None])


def _sound(path: Path, data: Data) -> Named:
    rate, sound = wav_dataset.samples(path)
    (wanted,) = {s.rate for s in data.steps() if isinstance(s, LogMel)} or {rate}
    if rate != wanted:
        raise UserError(
            f"{path}: has {rate} samples a second; the model takes {wanted}"
        )
    return Named([str(path)], sound[None])


def _texts(path: Path, data: Data) -> Named:
    """A text a line."""
    if not any(isinstance(step, Vocabulary) for step in data.steps()):
        raise UserError(f"{path}: these data hold word numbers; give a .npy array")
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = {at: line for at, line in enumerate(lines, 1) if line.strip()}
    if not texts:
        raise UserError(f"{path}: holds no text; must hold one a line")
    return Named([f"{path}:{at}" for at in texts], np.array([*texts.values()], object))


def _rows(path: Path, data: Data) -> Named:
    """Rows of numbers below a header; the label and what is ignored may stand there."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    params = read_json(data.folder / "params.json")
    columns, group = params["columns"], params["split"]["group"]
    out = {columns["label"], group, *columns["ignore"], *params.get("extra_targets", {})}
    kept = [at for at, name in enumerate(header) if name not in out]
    wanted = data.spec.shape[0]
    if len(kept) != wanted or not rows:
        raise UserError(
            f"{path}: must hold a header, {wanted} columns of numbers and a row for "
            f"each example; it has {len(kept)} such columns and {len(rows)} rows"
        )
    values = [_numbers(path, at, row, kept) for at, row in enumerate(rows, 2)]
    return Named([f"{path}:{at}" for at in range(2, 2 + len(rows))], np.float32(values))


def _numbers(path: Path, number: int, row: list[str], kept: list[int]) -> list[float]:
    try:
        return [float(row[at]) for at in kept]
    except (ValueError, IndexError):
        raise UserError(f"{path}, row {number}: must hold numbers; has {row}") from None


READERS: dict[str, Any] = {
    "image": _image,
    "audio": _sound,
    "text": _texts,
    "table": _rows,
}
