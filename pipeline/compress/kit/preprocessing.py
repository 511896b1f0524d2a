"""Values of the C source that prepares a raw example: which template, which tables.

In: the steps of spec.json and the input of the file. Out: `Preprocessing`, or the
reason why these steps have no C source.

    kind    raw example                                  steps
    plain   numbers, as the data hold them               none, pixel_range, standardise,
                                                         anchor
    image   pixels of any size                           resize, pixel_range
    audio   samples                                      fixed_length, log_mel or mfcc
    cells   numbers and texts of categories, with gaps   encode_columns
    text    UTF-8                                        vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.compress.kit import audio_tables, c_text, word_tables
from pipeline.compress.kit.model_facts import C_TYPES
from pipeline.data.features import (
    WORDS,
    FixedLength,
    LogMel,
    Mfcc,
    Standardise,
    Vocabulary,
    find_step,
)
from pipeline.data.image_steps import DecodeImage, PixelRange, Resize
from pipeline.data.series.steps import Anchor
from pipeline.data.spec import TaskSpec
from pipeline.data.table_cells import GAPS
from pipeline.data.table_steps import EncodeColumns

Steps = Sequence[Any]
Values = dict[str, Any]


@dataclass(frozen=True)
class Preprocessing:
    """C source that prepares a raw example.

    Args:
        kind: name of the templates, see above; None where there is no source.
        values: of the templates.
        takes: what a raw example is, in words.
        reason: why there is no source; empty where there is.
        notes: sentences for the README, empty for none.
    """

    kind: str | None
    values: Values
    takes: str = ""
    reason: str = ""
    notes: str = ""


def preprocessing_of(
    spec: TaskSpec, steps: Steps, tensor: Mapping[str, Any]
) -> Preprocessing:
    """Choose the templates of a data set, and compute their tables.

    Args:
        spec: signature of the data.
        steps: its preprocessing.
        tensor: facts of the file's input.
    """
    rest = [step for step in steps if not isinstance(step, DecodeImage)]
    kinds = tuple(type(step).__name__ for step in rest)
    tokens = spec.modality == "text"
    if kinds not in KINDS:
        names = ", ".join(kinds)
        return Preprocessing(None, {}, reason=f"the steps {names} have no source")
    if tokens and tensor["scale"]:
        return Preprocessing(None, {}, reason="the file quantizes word numbers")
    made = KINDS[kinds](spec, rest)
    if made.kind is None:
        return made
    values = {**_common(spec, rest, tensor), **made.values}
    return Preprocessing(made.kind, values, made.takes, notes=made.notes)


def _common(spec: TaskSpec, steps: Steps, tensor: Mapping[str, Any]) -> Values:
    """Values of the part that every kind shares: scaling and quantization."""
    dtype = np.dtype(tensor["dtype"])
    whole = np.iinfo(dtype) if dtype.kind in "iu" else None
    scaled = spec.scale != 1 or spec.offset != 0
    return {
        "tokens": spec.modality == "text",
        "affine": scaled and spec.modality != "text",
        "scale": spec.scale,
        "offset": spec.offset,
        "input_low": whole.min if whole else 0,
        "input_high": whole.max if whole else 0,
        "standardise": _standardise(find_step(steps, Standardise)),
        "range": _pixel_range(find_step(steps, PixelRange)),
        "wide": False,
    }


def _standardise(step: Standardise | None) -> Values | None:
    if step is None:
        return None
    dtype = np.dtype(step.precision or np.float32)
    return {
        "double": dtype == np.float64,
        "mean": c_text.numbers(np.array(step.mean, dtype)),
        "deviation": c_text.numbers(np.array(step.deviation, dtype)),
    }


def _pixel_range(step: PixelRange | None) -> Values | None:
    if step is None:
        return None
    scale = c_text.float64(255 / (step.high - step.low))
    return {"low": step.low, "high": step.high, "scale": scale}


def _plain(spec: TaskSpec, steps: Steps) -> Preprocessing:
    scale = find_step(steps, Standardise)
    dtype = (scale.precision or "float32") if scale else spec.dtype
    dtype = "uint16" if find_step(steps, PixelRange) else dtype
    values = {
        "raw_type": C_TYPES[dtype],
        "wide": dtype == "float64",
        "repeat": spec.shape[-1] if len(spec.shape) > 1 else 0,
        "anchor": _anchor(find_step(steps, Anchor), spec),
    }
    shape = " x ".join(map(str, spec.shape))
    return Preprocessing("plain", values, f"{shape} numbers, {dtype}")


def _anchor(step: Anchor | None, spec: TaskSpec) -> Values | None:
    if step is None:
        return None
    rows, columns = spec.shape
    return {
        "by": step.by,
        "columns": ", ".join(map(str, step.columns)),
        "count": len(step.columns),
        "rows": rows,
        "last": (rows - 1) * columns,
    }


def _image(spec: TaskSpec, steps: Steps) -> Preprocessing:
    step, deep = steps[0], find_step(steps, PixelRange) is not None
    border = np.array(step.border or (0,) * step.channels, np.int64)
    values = {
        "height": step.height,
        "width": step.width,
        "channels": step.channels,
        "fit": step.fit or "stretch",
        "border": ", ".join(map(str, border * 257 if deep else border)),
        "deep": deep,
        "raw_type": "uint16_t" if deep else "uint8_t",
    }
    colors = "gray" if step.channels == 1 else "RGB"
    bits = 16 if deep else 8
    takes = f"{colors} pixels of {bits} bits, of any size ({values['fit']}, bilinear)"
    return Preprocessing("image", values, takes, notes=DECODING)


def _audio(spec: TaskSpec, steps: Steps) -> Preprocessing:
    length, mel = steps[0], steps[1]
    tables = audio_tables.tables(mel, length.samples)
    if tables["points"] < 2:
        return Preprocessing(None, {}, reason="a frame has one sample")
    values = {"samples": length.samples, "rate": mel.rate, **tables}
    return Preprocessing("audio", values, "samples of 16 bits or of -1 .. 1, mono")


def _cells(spec: TaskSpec, steps: Steps) -> Preprocessing:
    columns: list[Values] = []
    texts: list[str] = []
    for column in steps[0].columns:
        number = column["kind"] == "number"
        listed = [] if number else column["values"]
        columns.append(
            {
                "median": c_text.float64(column["median"] if number else 0.0),
                "indicator": int(number and column["indicator"]),
                "first": len(texts),
                "count": -1 if number else len(listed),
            }
        )
        texts += listed
    names = ", ".join(steps[0].names)
    values = {
        "columns": columns,
        "categories": c_text.strings(texts or [""]),
        "gaps": c_text.strings(sorted(GAPS)),
        "column_names": f" ({c_text.comment(names)})",
        "wide": True,
    }
    return Preprocessing("cells", values, "a row of numbers and texts, with gaps")


def _text(spec: TaskSpec, steps: Steps) -> Preprocessing:
    step = steps[0]
    if step.pattern != WORDS:
        return Preprocessing(None, {}, reason="words have a pattern of their own")
    values, note = word_tables.tables(step), word_tables.note(step)
    return Preprocessing("text", values, "text in UTF-8", notes=note)


def _names(*steps: type) -> tuple[str, ...]:
    return tuple(step.__name__ for step in steps)


DECODING = (
    "Files are not decoded: `preprocess.c` takes pixels, upright, in the order of "
    "rows, without transparency."
)
# Names of the steps -> function of the signature and the steps.
KINDS: dict[tuple[str, ...], Callable[[TaskSpec, Steps], Preprocessing]] = {
    (): _plain,
    _names(PixelRange): _plain,
    _names(Standardise): _plain,
    _names(Anchor): _plain,
    _names(Anchor, Standardise): _plain,
    _names(Resize): _image,
    _names(Resize, PixelRange): _image,
    **{_names(FixedLength, mel): _audio for mel in (LogMel, Mfcc)},
    **{_names(FixedLength, mel, Standardise): _audio for mel in (LogMel, Mfcc)},
    _names(EncodeColumns): _cells,
    _names(EncodeColumns, Standardise): _cells,
    _names(Vocabulary): _text,
}
