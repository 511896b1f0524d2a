"""Corruptions of texts: misspelled words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.data.features import Vocabulary, find_step
from pipeline.evaluate.corruptions.corruption import Corruption, Generator
from pipeline.tasks.spec import TaskSpec

LETTERS = "abcdefghijklmnopqrstuvwxyz"
UNKNOWN = 1  # token number of words that are not in the vocabulary


def for_texts(spec: TaskSpec, steps: Sequence[Any]) -> list[Corruption]:
    """Return misspelled words, where the data have a vocabulary.

    Args:
        spec: signature of the data.
        steps: preprocessing steps from raw to stored, see `pipeline.data.features`.
    """
    vocabulary = find_step(steps, Vocabulary)
    if vocabulary is None:
        return []
    words = vocabulary.words
    numbers = {word: number for number, word in enumerate(words)}

    def corrupt(raw: np.ndarray, amount: float, rng: Generator) -> np.ndarray:
        tokens = raw.copy()
        chosen = (raw > UNKNOWN) & (rng.random(raw.shape) < amount)
        for position in map(tuple, np.argwhere(chosen)):
            word = misspell(words[raw[position]], rng)
            tokens[position] = numbers.get(word, UNKNOWN)
        return spec.to_input(tokens)

    amounts = (0.05, 0.1, 0.2, 0.3, 0.5)
    return [Corruption("typos", "fraction of the words", amounts, corrupt)]


def misspell(word: str, rng: Generator) -> str:
    """Change one letter: swap it with the next, drop, double or replace it.

    Args:
        word: at least one letter.
        rng: source of the position, the kind of change and the new letter.
    """
    position, kind = int(rng.integers(len(word))), int(rng.integers(4))
    letter = LETTERS[int(rng.integers(len(LETTERS)))]
    before, old, after = word[:position], word[position], word[position + 1 :]
    if kind == 0 and after:
        return before + after[0] + old + after[1:]
    if kind == 1:
        return before + after
    return before + (old * 2 if kind == 2 else letter) + after
