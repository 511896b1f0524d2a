"""The preprocessing in C agrees with the pipeline's, on this machine and on ARM."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.compress.tflite.front_end import raw_examples
from pipeline.data.features import (
    FixedLength,
    LogMel,
    Mfcc,
    Standardise,
    Vocabulary,
)
from pipeline.data.image_steps import DecodeImage, PixelRange, Resize
from pipeline.data.series.steps import Anchor
from pipeline.data.table_steps import EncodeColumns
from tests.helpers.kit_fixtures import (
    ARM,
    FLOAT,
    HOST,
    INT8,
    QEMU,
    WORD_NUMBERS,
    data_of,
    has,
    in_qemu,
    kit_of,
    program_of,
)

BYTES = {"dtype": "uint8", "scale": 1 / 255}
PIXEL = {"dtype": np.int8, "quantization": (1 / 255, -128)}
DEEP = DecodeImage((255,), bits=16)
CLIP = FixedLength(700, 8000)
BANDS = Standardise((-9.0, *[-7.0] * 7), (2.5, *[3.0] * 7))
WORDS = (
    *("[padding]", "[unknown]", "film", "don't", "é", "σ", "i", "\u0307"),
    *("3", "?", "'", "日", "k", "zebra"),
)
CELLS = EncodeColumns(
    (
        {"name": "age", "kind": "number", "median": 40.0, "indicator": True},
        {"name": "city", "kind": "category", "values": ["", "Bonn", 'R"\\o?\nme']},
        {"name": "size", "kind": "number", "median": 1.0, "indicator": False},
    )
)
SCALE = Standardise((41.0, 0, 0, 0, 0, 0, 3.0), (9.0, 1, 1, 1, 1, 1, 0.5))


@dataclass(frozen=True)
class Case:
    """Steps of one kind of data; `raw` in the place of the computed examples."""

    steps: tuple[Any, ...]
    shape: tuple[int, ...]
    modality: str
    fields: dict[str, Any] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=lambda: INT8)
    raw: Any = None


def pictures(height: int, width: int, channels: int, white: int = 255) -> np.ndarray:
    """Random pixels, which tell every weight apart."""
    shape = (3, height, width, channels)
    dtype = np.uint8 if white == 255 else np.uint16
    return np.random.default_rng(3).integers(0, white + 1, shape).astype(dtype)


def image(fit: str | None, raw: np.ndarray, *further, border=None) -> Case:
    channels = raw.shape[-1]
    steps = (Resize(7, 6, channels, fit, border), *further)
    return Case(steps, (7, 6, channels), "image", BYTES, PIXEL, raw)


CASES = {
    "bytes": Case((), (4, 3, 1), "image", BYTES, PIXEL, pictures(4, 3, 1)),
    "smaller": image(None, pictures(31, 13, 3)),
    "larger": image(None, pictures(3, 2, 1)),
    "cropped": image("crop", pictures(20, 31, 3)),
    "padded": image("pad", pictures(20, 31, 3), border=(9, 200, 31)),
    "16 bits": image("pad", pictures(9, 30, 1, 4000), PixelRange(100, 3000)),
    "16 bits, not resized": Case(
        (DEEP, PixelRange(7, 4095)),
        (4, 5, 1),
        "image",
        BYTES,
        PIXEL,
        pictures(4, 5, 1, 9000),
    ),
    "log-mel": Case((CLIP, LogMel(8000, 20.0, 10.0, 8)), (7, 8, 1), "audio"),
    "standardized log-mel, float": Case(
        (CLIP, LogMel(8000, 32.0, 16.0, 8), BANDS), (4, 8, 1), "audio", {}, FLOAT
    ),
    "mfcc": Case((CLIP, Mfcc(8000, 30.0, 20.0, 12, 5)), (3, 5, 1), "audio"),
    "clip shorter than a frame": Case(
        (FixedLength(100, 8000), LogMel(8000, 32.0, 16.0, 4)), (1, 4, 1), "audio"
    ),
    "table": Case((Standardise((1.0, -5.0), (2.0, 0.5)),), (2,), "table"),
    "table of large numbers": Case(
        (Standardise((1.7e9, 0.0), (5.0, 1.0), "float64"),), (2,), "table"
    ),
    "table with categories and gaps": Case(
        (CELLS, SCALE), (7,), "table", {}, {"dtype": np.int8, "quantization": (0.02, 5)}
    ),
    "windows": Case((Standardise((1.0, -5.0), (2.0, 0.5)),), (3, 2), "series"),
    "windows relative to their mean": Case(
        (Anchor((0,), "mean"), Standardise((1.0, -5.0), (2.0, 0.5))), (5, 2), "series"
    ),
    "windows relative to their last row, float": Case(
        (Anchor((1,), "last"),), (4, 3), "series", {}, FLOAT
    ),
    "words": Case((Vocabulary(WORDS, 9),), (9,), "text", {}, WORD_NUMBERS),
    "odd words": Case(
        (Vocabulary(WORDS, 9),),
        (9,),
        "text",
        {"dtype": "int32"},
        WORD_NUMBERS,
        np.array(
            [
                "Film DON'T don't2 3film",
                "\u00c9\u00e9\u03a3\u0130\u212a ''i\u3000?",
                "\u65e5\u672c film\x1ffilm\u00a0film",
                "zebrazebra zebr zebra'",
                "",
            ]
        ),
    ),
    "word numbers": Case(
        (),
        (3,),
        "text",
        {"dtype": "int32"},
        WORD_NUMBERS,
        np.array([[1, 2, 70_000]], np.int32),
    ),
}
WRONG = ["padded", "words"]
ON_ARM = [
    *("padded", "16 bits", "mfcc", "table of large numbers"),
    *("table with categories and gaps", "odd words"),
]


def kit(folder: Path, name: str, symbol: str) -> Path:
    """The kit of a case."""
    case = CASES[name]
    folder.mkdir()
    fields = {"modality": case.modality, **case.fields}
    data = data_of(folder, case.steps, case.shape, **fields)
    raw = raw_examples(data) if case.raw is None else case.raw
    return kit_of(folder / "kit", data, raw, case.detail, symbol)


def kits(folder: Path, names: list[str]) -> list[Path]:
    return [kit(folder / f"k{n}", name, f"kit_{n}") for n, name in enumerate(names)]


def with_an_error(folder: Path, name: str) -> Path:
    """A kit that expects a value two steps, or one word, beside the right one."""
    wrong = kit(folder, name, folder.name)
    path, distance = wrong / "golden.c", 1 if CASES[name].modality == "text" else 2
    begin, middle, rest = path.read_text().partition("_INPUT_SIZE] = {\n    ")
    value, _, rest = rest.partition(",")
    path.write_text(f"{begin}{middle}{int(value) - distance},{rest}")
    return wrong


def answer(command: list[str | Path]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def on_host(tmp_path_factory) -> Path:
    """The tests of all cases in one program."""
    folder = tmp_path_factory.mktemp("host")
    wrong = [with_an_error(folder / f"x{n}", name) for n, name in enumerate(WRONG)]
    return program_of(folder, [*kits(folder, [*CASES]), *wrong], HOST)


@pytest.fixture(scope="module")
def on_arm(tmp_path_factory) -> Path:
    """The tests of some cases in one program for a Cortex-M4."""
    folder = tmp_path_factory.mktemp("arm")
    return program_of(folder, kits(folder, ON_ARM), ARM)


@pytest.mark.skipif(not has("gcc"), reason="there is no gcc")
@pytest.mark.parametrize("name", CASES)
def test_the_preprocessing_agrees(on_host, name):
    code, text = answer([on_host, str([*CASES].index(name))])
    assert code == 0, text


@pytest.mark.skipif(not has("gcc"), reason="there is no gcc")
@pytest.mark.parametrize("name", WRONG)
def test_a_value_that_differs_is_counted(on_host, name):
    code, text = answer([on_host, str(len(CASES) + WRONG.index(name))])
    assert (code, text.partition(" of ")[0]) == (1, "preprocessing: 1")


@pytest.mark.skipif(
    not has(ARM[0], QEMU[0]), reason="no gcc-arm-none-eabi, or no qemu-system-arm"
)
@pytest.mark.parametrize("name", ON_ARM)
def test_the_preprocessing_agrees_on_a_cortex_m4(on_arm, name):
    code, text = answer(in_qemu(on_arm, ON_ARM.index(name)))
    assert code == 0, text
