"""An order-3 Markov model of characters, and compressors of files, as floors.

In: training and test texts. Out: bits of each test text. The Markov model interpolates
counts of all orders as Witten and Bell (The Zero-Frequency Problem, 1991) do: what
follows a context for the first time is left to the next shorter one. gzip and xz see
the test text alone; xz is also given the training text as the text before it, whose
size is subtracted.
"""

from __future__ import annotations

import gzip
import lzma
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

ORDER = 3
UNICODE = 1_114_112  # code points: a character never seen costs their logarithm
PRESET = 9 | lzma.PRESET_EXTREME
Counts = dict[str, dict[str, int]]


def markov_bits(training: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """Compute the bits of texts under a Markov model.

    Args:
        training: texts that it is fitted to, each in one piece.
        texts: consecutive pieces of the test text; a piece has the end of the one
            before it as context.

    Returns:
        Bits of each piece, `(n,)`.
    """
    counts = _count(training)
    bits, context = np.zeros(len(texts)), ""
    for number, text in enumerate(texts):
        for character in text:
            bits[number] -= np.log2(_probability(counts, context, character))
            context = (context + character)[-ORDER:]
    return bits


def gzip_bits(text: str) -> int:
    """Return the bits of a text compressed by gzip -9."""
    return 8 * len(gzip.compress(text.encode(), 9, mtime=0))


def xz_bits(text: str, before: str = "") -> int:
    """Return the bits that a text adds to what xz -9e makes of the text before it.

    Args:
        text: the text.
        before: the text before it; default none.
    """
    whole = len(lzma.compress((before + text).encode(), preset=PRESET))
    return 8 * (whole - (len(lzma.compress(before.encode(), preset=PRESET))))


def _count(training: Sequence[str]) -> Counts:
    counts: Counts = defaultdict(lambda: defaultdict(int))
    for text in training:
        for position, character in enumerate(text):
            for order in range(min(position, ORDER) + 1):
                counts[text[position - order : position]][character] += 1
    return counts


def _probability(counts: Counts, context: str, character: str) -> float:
    """Interpolate from order 0 upwards."""
    probability = 1 / UNICODE
    for order in range(len(context) + 1):
        following = counts.get(context[len(context) - order :])
        if not following:
            break
        total, kinds = sum(following.values()), len(following)
        seen = following.get(character, 0)
        probability = (seen + kinds * probability) / (total + kinds)
    return probability
