"""Floors of text generation: stored bytes, gzip, xz, and an order-3 Markov model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.floor import Array, Fitted, Floor
from pipeline.tasks.next_token.markov import ORDER, gzip_bits, markov_bits, xz_bits
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.text_tokens import tokens_of

BITS = 8.0  # of a character that is stored as one byte


def _evidence(teaching: Array, y: Array) -> Array:
    return BITS * np.asarray(y, np.float64)


def _fitted(spec: TaskSpec, train: Array, test: Array, y: Array) -> Iterator[Fitted]:
    tokens = tokens_of(spec)
    if tokens is None:
        return
    texts = [tokens.decode(row[1:]) for row in test]
    training, text = "".join(tokens.decode(row[1:]) for row in train), "".join(texts)
    if not text or not training:
        return
    rate = 1 / max(float(np.sum(y)), 1.0)  # of all windows alike
    yield Fitted("gzip -9 of the test text", y * rate * gzip_bits(text), False)
    yield Fitted("xz -9e of the test text", y * rate * xz_bits(text), False)
    after = y * rate * xz_bits(text, training)
    yield Fitted("xz -9e of the test text after the training text", after, False)
    name = f"a Markov model of {ORDER} characters (Witten-Bell)"
    yield Fitted(name, markov_bits([training], texts), True)


FLOOR = Floor("8 bits per character, as stored", _evidence, fitted=_fitted)
