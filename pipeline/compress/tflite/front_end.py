"""Golden vectors of the preprocessing: a test for its port to a device.

In: the steps of spec.json, the input of the chosen file. Out: front_end.npz with the
arrays `raw` (as the first step takes it), `stored` (after all steps) and `input` (as
the file takes it), and the first raw example as front_end.wav or front_end.png. The raw
examples are computed, not taken from the data, which may be private.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.artifact import Data
from pipeline.data.features import (
    FixedLength,
    Standardise,
    Vocabulary,
    apply_steps,
)
from pipeline.data.image_steps import DecodeImage, PixelRange, Resize
from pipeline.data.series.steps import Anchor
from pipeline.data.table_steps import EncodeColumns, category_number
from pipeline.inference.interpreter import quantize

FILE = "front_end"
EXAMPLES = 4
FULL_SCALE = 32768  # of 16-bit samples
UNKNOWN_TEXT = "qqzzqq"  # no word of a vocabulary, and of no category
Steps = Sequence[Any]
Shape = tuple[int, ...]


def write(folder: Path, data: Data, tensor: Mapping[str, Any]) -> None:
    """Write the vectors; nothing for steps whose raw input is not known here.

    Args:
        folder: of the chosen file.
        data: the experiment's data.
        tensor: details of the file's input, as the interpreter returns them.
    """
    raw = raw_examples(data)
    if raw is None:
        return
    stored, inputs = prepared(data, raw, tensor)
    np.savez(folder / f"{FILE}.npz", raw=raw, stored=stored, input=inputs)
    first = data.steps()[:1]
    if first and isinstance(first[0], FixedLength):
        _write_sound(folder / f"{FILE}.wav", raw[0], first[0].rate)
    elif data.spec.modality == "image" and raw.dtype in (np.uint8, np.uint16):
        _write_picture(folder / f"{FILE}.png", raw[0])


def prepared(
    data: Data, raw: np.ndarray, tensor: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Prepare raw examples as the pipeline does.

    Args:
        data: the experiment's data.
        raw: `(n, ...)`, as the first step takes them.
        tensor: as for `write`.

    Returns:
        Examples after all steps, and as the file takes them, each `(n, *shape)`.
    """
    stored = apply_steps(data.steps(), raw).astype(data.spec.dtype)
    return stored, quantize(data.spec.to_input(stored), tensor)


def raw_examples(data: Data) -> np.ndarray | None:
    """Return raw examples for the steps of a data set, `(n, ...)`.

    Without steps, raw examples are stored ones, and training examples are taken; so
    they are where a file is only decoded.

    Args:
        data: the experiment's data.

    Returns:
        None where no function makes raw examples for the first step.
    """
    steps = [step for step in data.steps() if not isinstance(step, DecodeImage)]
    if not steps:
        return np.asarray(data.calibration().x[:EXAMPLES])
    make = RAW.get(type(steps[0]))
    return make(steps, data.spec.shape) if make else None


def _pictures(steps: Steps, shape: Shape) -> np.ndarray:
    """Noise on a gradient, larger than the result if that is resized.

    uint8, or uint16 somewhat beyond the range that becomes 0 .. 255.
    """
    height, width, channels = shape
    if isinstance(steps[0], Resize):
        height, width = 2 * height + 3, 2 * width + 1
    ramp = np.linspace(0, 191, width)[None, None, :, None]
    noise = np.random.default_rng(1).integers(
        0, 64, (EXAMPLES, height, width, channels)
    )
    deep = next((step for step in steps if isinstance(step, PixelRange)), None)
    if deep is None:
        return (ramp + noise).astype(np.uint8)
    span = 1.1 * (deep.high - deep.low)
    return (deep.low + (ramp + noise) / 255 * span).clip(0, 65_535).astype(np.uint16)


def _sounds(steps: Steps, shape: Shape) -> np.ndarray:
    """Rising tones with noise, 16 bits, shorter than the result."""
    step = steps[0]
    length = max(1, step.samples * 3 // 4)
    seconds = np.arange(length) / step.rate
    starts = 100.0 * 2.0 ** np.arange(EXAMPLES)[:, None]
    rise = step.rate / 8 / seconds[-1] if length > 1 else 0.0
    tones = 0.5 * np.sin(2 * np.pi * (starts + rise * seconds) * seconds)
    noise = np.random.default_rng(1).normal(0, 0.05, tones.shape)
    samples = np.round((tones + noise) * FULL_SCALE).clip(
        1 - FULL_SCALE, FULL_SCALE - 1
    )
    return (samples / FULL_SCALE).astype(np.float32)


def _rows(steps: Steps, shape: Shape) -> np.ndarray:
    """Rows, or windows of them, around the mean of each column."""
    scale = steps[-1]
    size = (EXAMPLES, *shape[:-1], len(scale.mean))
    distances = np.random.default_rng(1).normal(size=size)
    dtype = np.dtype(scale.precision or np.float32)
    return (np.array(scale.mean) + distances * scale.deviation).astype(dtype)


def _windows(steps: Steps, shape: Shape) -> np.ndarray:
    """Windows whose level differs from one to the next."""
    scaled = isinstance(steps[-1], Standardise)
    windows = _rows(steps, shape) if scaled else np.zeros((EXAMPLES, *shape))
    levels = 10.0 * np.arange(EXAMPLES)[:, None, None]
    return (windows + levels).astype(np.float32)


def _cells(steps: Steps, shape: Shape) -> np.ndarray:
    """Rows of numbers, with a gap in the last one, and of categories.

    Categories are the numbers of their texts: the known ones in turn, and in the last
    row an unknown one.
    """
    encode, values, position, columns = steps[0], _rows(steps, shape), 0, []
    for column in encode.columns:
        if column["kind"] == "category":
            texts = [*column["values"]] * EXAMPLES
            numbers = [*map(category_number, texts[: EXAMPLES - 1])]
            unknown = category_number(UNKNOWN_TEXT)
            columns.append([*numbers, *[unknown] * (EXAMPLES - len(numbers))])
            position += 1 + len(column["values"])
        else:
            cells = values[:, position].tolist()
            columns.append([*cells[:-1], np.nan] if column["indicator"] else cells)
            position += 1 + column["indicator"]
    return np.array(columns, np.float64).T


def _texts(steps: Steps, shape: Shape) -> np.ndarray:
    """Known words, unknown ones, upper case, and more words than are kept."""
    step = steps[0]
    known = " ".join(step.words[2 : 2 + step.length])
    words = [known, known.upper(), f"{UNKNOWN_TEXT} {known}", " ".join([known] * 2)]
    return np.array(words[:EXAMPLES])


# First step -> function of the steps and of the shape of stored examples.
RAW: dict[type, Callable[[Steps, Shape], np.ndarray]] = {
    Resize: _pictures,
    PixelRange: _pictures,
    FixedLength: _sounds,
    EncodeColumns: _cells,
    Standardise: _rows,
    Anchor: _windows,
    Vocabulary: _texts,
}


def _write_sound(path: Path, samples: np.ndarray, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples * FULL_SCALE).astype("<i2").tobytes())


def _write_picture(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(plain).save(path, optimize=True)
