"""Character numbers of a text and of the text that it becomes, in one row.

In: a text, or `text SEPARATOR target`. Out: int32 rows that an encoder-decoder reads,
and the target's text again:

    [ input, padded to `length` | END, target, END, padded to `target_length` + 2 ]

The decoder reads all numbers after the input but the last one, and predicts each from
those before it, so that the row holds its input and its targets. 0 is padding, 1 a
character that training does not have, 2 begins and ends a target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING

STEP = "pair_tokens"  # name of the step in spec.json
SEPARATOR = "\x1f"  # ASCII's unit separator, between a text and its target
UNKNOWN, END, FIRST = 1, 2, 3  # FIRST is the number of the first character
MARK = "\N{REPLACEMENT CHARACTER}"  # shown for an unknown character
MIN_COUNT = 2  # a rarer character of inputs is unknown, so that models learn the case


@dataclass(frozen=True)
class PairTokens:
    """Turn pairs of texts into rows of character numbers.

    Args:
        length: character numbers of an input.
        target_length: maximum number of characters of a target.
        characters: the known characters, in the order of their numbers, from 3.
    """

    length: int
    target_length: int
    characters: str

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {
            "padding": PADDING,
            "unknown": UNKNOWN,
            "begin_and_end": END,
            "token_3": "characters[0]",
            "row": "input, then begin, target, end; each padded at its end",
        }

    @property
    def size(self) -> int:
        """Number of character numbers."""
        return FIRST + len(self.characters)

    @property
    def steps(self) -> int:
        """Steps that a decoder predicts: the target and its end."""
        return self.target_length + 1

    def encode(self, text: str) -> np.ndarray:
        """Return the character numbers of a text, int32 `(characters,)`."""
        return np.array([self._number.get(c, UNKNOWN) for c in text], np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of character numbers up to the end, without padding.

        Args:
            numbers: character numbers; an unknown one becomes U+FFFD.
        """
        text = ""
        for number in map(int, numbers):
            if number == END:
                break
            if number != PADDING:
                text += self.characters[number - FIRST] if number >= FIRST else MARK
        return text

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """Turn texts, `(n,)` of str, into int32 `(n, length + target_length + 2)`.

        A text without a target has none after the beginning of the target. Rows of
        character numbers are returned unchanged.
        """
        if batch.dtype.kind in "iu":
            return batch
        rows = np.zeros((len(batch), self.length + self.target_length + 2), np.int32)
        for row, pair in zip(rows, batch):
            text, separator, target = str(pair).partition(SEPARATOR)
            numbers = self.encode(text)[: self.length]
            row[: len(numbers)] = numbers
            row[self.length] = END
            if separator:
                numbers = self.encode(target)[: self.target_length]
                row[self.length + 1 : self.length + 1 + len(numbers)] = numbers
                row[self.length + 1 + len(numbers)] = END
        return rows

    def unknown(self, text: str) -> list[str]:
        """Return the characters of a text that have no number, each once."""
        return sorted({c for c in text if c not in self._number})

    def input_of(self, row: np.ndarray) -> str:
        """Return the input of a row, `(length + target_length + 2,)`."""
        return self.decode(row[: self.length])

    def target_of(self, row: np.ndarray) -> str:
        """Return the target of a row, `(length + target_length + 2,)`."""
        return self.decode(row[self.length + 1 :])

    def line(self, row: np.ndarray) -> str:
        """Return a row as a line of text."""
        return f"{self.input_of(row)}  ->  {self.target_of(row)}"

    @cached_property
    def _number(self) -> dict[str, int]:
        return {c: number for number, c in enumerate(self.characters, FIRST)}


def pair_tokens_of(spec: TaskSpec) -> PairTokens | None:
    """Return the characters of a data set; None where it holds numbers only.

    Args:
        spec: signature of the data.
    """
    value = next((dict(v) for v in spec.preprocess if v["step"] == STEP), None)
    if value is None:
        return None
    return PairTokens(value["length"], value["target_length"], value["characters"])


def learn_pair_tokens(
    pairs: Iterable[str], length: int, target_length: int
) -> PairTokens:
    """Learn the characters of the training pairs.

    All characters of targets are known, as others could not be written.

    Args:
        pairs: `text SEPARATOR target` of the training split.
        length: character numbers of an input.
        target_length: maximum number of characters of a target.
    """
    inputs: Counter[str] = Counter()
    targets: set[str] = set()
    for pair in pairs:
        text, _, target = pair.partition(SEPARATOR)
        inputs.update(text)
        targets.update(target)
    known = targets | {c for c, count in inputs.items() if count >= MIN_COUNT}
    return PairTokens(length, target_length, "".join(sorted(known)))


def likeliest(logits: np.ndarray) -> np.ndarray:
    """Return the likeliest character number or end, int `(..., )`.

    Args:
        logits: of a model, `(..., vocabulary)`; those of padding and of the unknown
            character, which no text holds, are left out.
    """
    return logits[..., END:].argmax(axis=-1) + END


def greedy(
    predict: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, steps: int
) -> np.ndarray:
    """Write targets one character at a time, taking the likeliest one.

    Args:
        predict: rows `(n, columns)` -> logits `(n, steps, vocabulary)`; the logits of
            a step must not depend on later numbers.
        rows: character numbers, `(n, columns)`; targets in them are not read.
        steps: of a target with its end.

    Returns:
        Character numbers, int32 `(n, steps)`, padding after the end. A text that does
        not end has `steps` numbers.
    """
    rows = np.array(rows, np.int32)
    written = rows[:, -steps:]  # a view: what is written is read in the next step
    written[:] = PADDING
    running = np.arange(len(rows))
    for step in range(steps):
        if not len(running):
            break
        following = likeliest(predict(rows[running])[:, step])
        written[running, step] = following
        running = running[following != END]
    return written.copy()
