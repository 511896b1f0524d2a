"""COCO's run lengths: masks as lengths of alternating runs of 0 and 1.

In: `{"size": [height, width], "counts": ...}`; counts are a list, or the text of the
COCO API, in which a length is written in digits of 5 bits and, from the fourth on, as
the difference to the length before the last. Pixels are counted down columns. Out: bool
`(height, width)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.core.quoting import shown

FIRST = 48  # character of the digit 0
SIGN, MORE, BITS = 0x10, 0x20, 5
MAX_DIGITS = 13  # of a number of 64 bits


def decode(value: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Decode a mask.

    Args:
        value: the run lengths.
        size: height and width of the image, which must be those of the mask.

    Raises:
        ValueError: for another size, or counts that do not cover the image.
    """
    stated = value.get("size")
    if not isinstance(stated, list | tuple) or tuple(stated) != size:
        raise ValueError(
            f"its mask has the size {shown(stated)}, the image {list(size)}"
        )
    stored = value.get("counts")
    counts = _numbers(stored) if isinstance(stored, str) else stored
    valid = isinstance(counts, list) and all(type(n) is int and n >= 0 for n in counts)
    if not isinstance(counts, list) or not valid or sum(counts) != math.prod(size):
        raise ValueError("its run lengths do not add up to the pixels of the image")
    runs = np.arange(len(counts)) % 2 == 1
    return np.repeat(runs, counts).reshape(size, order="F")


def _numbers(text: str) -> list[int]:
    """Read the lengths of the COCO API's text."""
    numbers: list[int] = []
    value, digits = 0, 0
    for character in text:
        code = ord(character) - FIRST
        value |= (code & (MORE - 1)) << (BITS * digits)
        digits += 1
        if digits > MAX_DIGITS:
            raise ValueError("a run length has more than 64 bits")
        if code & MORE:
            continue
        if code & SIGN:
            value -= 1 << (BITS * digits)
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value, digits = 0, 0
    return numbers
