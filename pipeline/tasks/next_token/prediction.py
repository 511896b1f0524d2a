"""The likelihood of a text: its bits, and bits per character."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.tasks.next_token.bits import token_bits
from pipeline.tasks.prediction import Row, TaskPrediction
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.text_tokens import tokens_of


def _rows(
    outputs: np.ndarray, stored: np.ndarray, spec: TaskSpec, point: Mapping[str, Any]
) -> list[Row]:
    bits = token_bits(outputs, stored).sum(axis=1)
    tokens = tokens_of(spec)
    counts = tokens.predicted(stored) if tokens else (stored[:, 1:] > 0).sum(axis=1)
    return [_row(float(b), int(count)) for b, count in zip(bits, counts)]


def _row(bits: float, characters: int) -> Row:
    return {
        "characters": characters,
        "bits": bits,
        "bits_per_character": bits / characters if characters else None,
    }


def _text(row: Row) -> str:
    if row["bits_per_character"] is None:
        return "no character to predict"
    return (
        f"{row['bits_per_character']:.3f} bits per character, {row['bits']:.1f} bits "
        f"of {row['characters']:,} characters"
    )


PREDICTION = TaskPrediction(_rows, _text)
