"""Readers of raw input for `predict`, one per modality.

In: an image, a WAV file, a CSV file, a text file (one text per line), or a .npy array
of raw examples. Out: `RawExamples`, in the form that the data stage's preprocessing
takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.array_files import read_npy
from pipeline.data.artifact import Data
from pipeline.data.features import LogMel, Vocabulary, find_step
from pipeline.data.folders import BadFileError
from pipeline.data.image_files import read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.wav_files import samples
from pipeline.inference.raw_examples import RawExamples, read_settings
from pipeline.inference.request_reader import read_requests
from pipeline.inference.row_reader import read_rows
from pipeline.inference.series_reader import levels_of, read_history
from pipeline.tasks.pair_tokens import SEPARATOR, PairTokens
from pipeline.tasks.ranking_rows import RankingRows
from pipeline.tasks.text_tokens import Tokens

# For experiments from before the background was recorded, and for arrays.
WHITE_BACKGROUND = DecodeImage((255, 255, 255))
FILE_KINDS = {
    "image": "an image",
    "audio": "a WAV",
    "text": "a text",
    "table": "a CSV",
    "series": "a CSV",
}


def read_raw(path: Path, data: Data) -> RawExamples:
    """Read the raw examples of a file as the data stage would.

    Args:
        path: the file; its kind must be that of the experiment's data, or .npy.
        data: the experiment's data.

    Raises:
        UserError: the file is missing, unreadable, or of another kind.
    """
    if not is_regular(path):
        reason = "is not a regular file" if os.path.lexists(path) else "no such file"
        raise UserError(f"{shown(path, 200)}: {reason}")
    if path.suffix == ".npy":
        return raw_array(read_npy(path), data, str(path))
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
            is accepted where preprocessing keeps the shape.
        data: the experiment's data.
        source: names the examples: `source:0`, `source:1`, ...
    """
    if array.shape == data.spec.shape and all(
        isinstance(step, DecodeImage) for step in data.steps()
    ):
        array = array[None]
    names = [f"{source}:{n}" for n in range(len(array))]
    return RawExamples(source, names, array, facts=levels_of(array, data))


def _read_image(path: Path, data: Data) -> RawExamples:
    """Read one image in its own size; a resize step of spec.json follows."""
    steps, limit = data.steps(), read_settings(data).limits.image_megapixels
    decode = find_step(steps, DecodeImage) or WHITE_BACKGROUND
    resize = find_step(steps, Resize)
    pixels = read_image(path, data.spec.shape[-1], decode, resize, limit)
    return RawExamples(str(path), [str(path)], pixels[None])


def _read_sound(path: Path, data: Data) -> RawExamples:
    rate, sound = samples(path)
    mel = find_step(data.steps(), LogMel)
    if mel and rate != mel.rate:
        raise UserError(
            f"{path}: has {rate} samples per second; the model takes {mel.rate}"
        )
    return RawExamples(str(path), [str(path)], sound[None])


def _read_texts(path: Path, data: Data) -> RawExamples:
    """Read one text per line; empty lines are skipped."""
    if tokens := find_step(data.steps(), Tokens):
        return _read_windows(path, tokens)
    if pairs := find_step(data.steps(), PairTokens):
        return _read_inputs(path, pairs)
    if ranking := find_step(data.steps(), RankingRows):
        return read_requests(path, ranking)
    if find_step(data.steps(), Vocabulary) is None:
        raise UserError(
            f"{path}: the data hold word indices, not texts; give a .npy array"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = {number: line for number, line in enumerate(lines, 1) if line.strip()}
    if not texts:
        raise UserError(f"{path}: holds no text; must hold one text per line")
    names = [f"{path}:{number}" for number in texts]
    return RawExamples(str(path), names, np.array([*texts.values()], object))


def _read_windows(path: Path, tokens: Tokens) -> RawExamples:
    """Cut each line into windows; a line of one token has nothing to predict."""
    names, rows, ignored = [], [], set()
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        windows = tokens.windows(tokens.encode(line))
        ignored |= set(tokens.unknown(line))
        step = tokens.length - 1
        names += [
            f"{path}:{number}" + (f"+{k * step}" if len(windows) > 1 else "")
            for k in range(len(windows))
        ]
        rows.append(windows)
    if not names:
        raise UserError(
            f"{path}: holds no text; must hold one text of at least two characters per "
            "line"
        )
    notes: tuple[str, ...] = ()
    if ignored:
        letters = shown("".join(sorted(ignored)))
        notes = (f"characters that the model has not read: {letters}",)
    return RawExamples(str(path), names, np.concatenate(rows), notes)


def _read_inputs(path: Path, tokens: PairTokens) -> RawExamples:
    """Read one input per line, without blanks around it; empty lines are skipped."""
    lines = path.read_text("utf-8-sig").splitlines()
    texts = {n: text for n, line in enumerate(lines, 1) if (text := line.strip())}
    if not texts:
        raise UserError(f"{path}: holds no text; must hold one text per line")
    for number, text in texts.items():
        _check_input(text, f"{path}: line {number}", tokens)
    notes = [
        f"line {number}: characters that the model has not read: "
        f"{shown(''.join(unknown))}"
        for number, text in texts.items()
        if (unknown := tokens.unknown(text))
    ]
    names = [f"{path}:{number}" for number in texts]
    raw = np.array([*texts.values()], object)
    return RawExamples(str(path), names, raw, tuple(notes))


def _check_input(text: str, place: str, tokens: PairTokens) -> None:
    """Refuse a text that no row of characters holds."""
    if len(text) > tokens.length:
        raise UserError(
            f"{place} has {len(text)} characters, and the model reads at most "
            f"{tokens.length} (data.pairs.length); shorten it"
        )
    if SEPARATOR in text:
        raise UserError(f"{place} holds the control character U+001F; remove it")


Reader = Callable[[Path, Data], RawExamples]
READERS: dict[str, Reader] = {
    "image": _read_image,
    "audio": _read_sound,
    "text": _read_texts,
    "table": read_rows,
    "series": read_history,
}


def check_range(stored: np.ndarray, data: Data, source: Any) -> None:
    """Refuse values outside of 0 .. white of bytes, and tokens with a fraction.

    Args:
        stored: examples after preprocessing, `(n, *spec.shape)`.
        data: the experiment's data; digits' values are 0 .. 16, others' 0 .. 255.
        source: names the error.

    Raises:
        UserError: names the first limit that is exceeded.
    """
    spec = data.spec
    if spec.modality == "text" and (wrong := _no_token(stored)):
        raise UserError(
            f"{source}: holds {wrong}, but tokens are whole numbers from 0 to "
            f"{spec.vocabulary - 1}"
        )
    if spec.dtype != "uint8" or not spec.scale:
        return
    if outside := _outside(stored, spec.white):
        raise UserError(
            f'{source}: holds {outside}, but raw values of "{spec.name}" go from 0 to '
            f"{spec.white}; convert them to that range, as an image or a .npy array"
        )


def _no_token(stored: np.ndarray) -> str:
    """The first value that is no whole number from 0, in words; empty without."""
    if stored.dtype.kind not in "fiu":
        return f"values of the type {stored.dtype}"
    wrong = stored[(stored < 0) | (stored != np.round(stored))]
    return f"{wrong[0]:g}" if wrong.size else ""


def _outside(stored: np.ndarray, maximum: int) -> str:
    """The values outside of 0 .. maximum in words; empty if there are none."""
    lowest, highest = stored.min(initial=0), stored.max(initial=0)
    if np.isnan(highest):
        return "NaN (not a number)"
    if highest > maximum:
        return f"values up to {highest:g}"
    return f"values down to {lowest:g}" if lowest < 0 else ""
