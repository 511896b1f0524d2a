"""Tables of the vocabulary in C: sorted words, their numbers, lower case.

In: a `vocabulary` step. Out: values of the template `text.c.j2`.

Words are matched by their bytes. Of the characters beyond ASCII, those are converted to
lower case that become an ASCII letter or a word of the vocabulary: every other one is
an unknown word of one character in both cases.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.compress.kit import c_text
from pipeline.data.features import Vocabulary

BYTES_OF_SHORT = 65_536
CASED = 0x20000  # no character from here on has another case
SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"


def tables(step: Vocabulary) -> dict[str, Any]:
    """Compute the tables of a vocabulary.

    Args:
        step: the words and the length of a text.
    """
    numbers = {word: number for number, word in enumerate(step.words)}
    words = sorted(numbers, key=lambda word: word.encode())
    ordered = np.array([numbers[word] for word in words], np.int64)
    return {
        "words": words,
        "texts": c_text.strings(words),
        "word_numbers": c_text.numbers(ordered),
        "number_type": "uint16_t" if len(words) < BYTES_OF_SHORT else "uint32_t",
        "longest": max(len(word.encode()) for word in words),
        "lower_case": lower_case(frozenset(words)),
    }


def lower_case(words: frozenset[str]) -> list[tuple[int, int, int]]:
    """Return code point, and those of its lower case, 0 where there is one only.

    Args:
        words: the vocabulary.
    """
    pairs = ((code, chr(code).lower()) for code in range(0x80, CASED))
    changed = ((code, text) for code, text in pairs if text != chr(code))
    return [
        (code, ord(text[0]), ord(text[1]) if len(text) > 1 else 0)
        for code, text in changed
        if text[0].isascii() or text in words
    ]


def note(step: Vocabulary) -> str:
    """Return where C differs from Python; empty where it does not."""
    if FINAL_SIGMA not in step.words:
        return ""
    return (
        "A capital sigma becomes the small one; Python writes the final form at the "
        "end of a word."
    )
