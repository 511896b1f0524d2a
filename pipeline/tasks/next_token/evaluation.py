"""Evaluation of text generation: bits per character, and changed tokens.

In: logits of every window of the test split. Out: a row of evaluation.json.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.tasks.evaluation import (
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
)
from pipeline.tasks.next_token.bits import token_bits
from pipeline.tasks.next_token.metric import METRIC
from pipeline.tasks.targets import PADDING

BATCH = 64  # windows whose logits are in memory


@dataclass(frozen=True)
class Likelihood:
    """The test text under one file.

    Args:
        characters: predicted characters of each window, `(n,)`.
        bits: of each window, `(n,)`.
        likeliest: likeliest token at each step, int32 `(n, steps - 1)`.
        following: true token at each step, int32 `(n, steps - 1)`; 0 is padding.
    """

    characters: np.ndarray
    bits: np.ndarray
    likeliest: np.ndarray
    following: np.ndarray


@dataclass(frozen=True)
class TextComparison(Comparison):
    """One file compared with the reference.

    Args:
        bits_per_character: of the test text.
        bits_per_character_interval: bootstrap interval over windows.
        drop: bits per character more than the reference.
        drop_interval: paired bootstrap interval of the drop.
        token_accuracy: fraction of tokens that are the likeliest.
        changed_tokens: fraction of steps whose likeliest token is another one than the
            reference's.
        perplexity: 2 to the power of the bits per token.
    """

    bits_per_character: float
    bits_per_character_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    token_accuracy: float
    changed_tokens: float
    perplexity: float


def compare(
    before: Likelihood, after: Likelihood, resamples: int, seed: int
) -> TextComparison:
    """Compare a file with the reference.

    Args:
        before: the test text under the reference.
        after: the same text under the file.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal windows.
    """
    y, bits = after.characters, (before.bits, after.bits)
    value, real = METRIC.value(after.bits, y), after.following != PADDING
    return TextComparison(
        bits_per_character=value,
        bits_per_character_interval=METRIC.interval(after.bits, y, resamples, seed),
        drop=value - METRIC.value(before.bits, y),
        drop_interval=METRIC.drop_interval(*bits, y, seed, resamples),
        token_accuracy=float((after.likeliest == after.following)[real].mean()),
        changed_tokens=float((after.likeliest != before.likeliest)[real].mean()),
        perplexity=float(2 ** (after.bits.sum() / max(int(real.sum()), 1))),
    )


def _predict(context: Context, model: Model, point: Point) -> Likelihood:
    x = np.asarray(context.test.x)
    bits, likeliest = [], []
    for begin in range(0, len(x), BATCH):
        rows = x[begin : begin + BATCH]
        logits = model.logits(rows)
        bits.append(token_bits(logits, rows).sum(axis=1))
        likeliest.append(logits[:, :-1].argmax(axis=-1).astype(np.int32))
    return Likelihood(
        np.asarray(context.test.y, np.float64),
        np.concatenate(bits),
        np.concatenate(likeliest),
        x[:, 1:],
    )


EVALUATION = Evaluator(
    _predict, as_row(compare), evidence=lambda likelihood: likelihood.bits
)
