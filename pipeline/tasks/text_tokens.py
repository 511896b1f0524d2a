"""Token numbers of texts: characters, bytes, or learned pairs of bytes.

In: a text. Out: int32 token numbers, and the text again. 0 is padding, which no text
holds; 1 is a character that the training texts do not have. Byte pairs: Sennrich,
Haddow, Birch, Neural Machine Translation of Rare Words with Subword Units, 2016; pairs
do not cross the border of a word and the blank before it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING

STEP = "tokens"  # name of the step in spec.json
UNKNOWN, FIRST = 1, 2  # FIRST is the number of the first token
MARK = "\N{REPLACEMENT CHARACTER}"  # shown for a token that is no text
BYTES = 256
WORDS = re.compile(r"\s?\S+|\s+")
MIN_COUNT = 2  # a rarer character is unknown, so that models learn what unknown means


@dataclass(frozen=True)
class Tokens:
    """Turn texts into token numbers.

    Args:
        unit: `characters`, `bytes` or `byte_pairs`.
        length: token numbers per example.
        characters: the known characters, in the order of their numbers, from 2; empty
            for other units.
        merges: `byte_pairs`: two numbers per merge, in the order in which merges are
            applied; merge k has the number 258 + k.
    """

    unit: str
    length: int
    characters: str = ""
    merges: tuple[int, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        first = {"characters": "characters[0]", "bytes": "byte 0"}
        return {
            "padding": PADDING,
            "unknown": UNKNOWN,
            "token_2": first.get(self.unit, "byte 0"),
            "encoding": "UTF-8",
        }

    @property
    def size(self) -> int:
        """Number of token numbers."""
        return FIRST + len(self._pieces)

    @cached_property
    def characters_of(self) -> np.ndarray:
        """Characters that each token begins, `(size,)` float64; 0 for padding."""
        if self.unit == "characters":
            return np.array([0.0, *[1.0] * (self.size - 1)])
        begins = [sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self._pieces]
        return np.array([0, 1, *begins], np.float64)

    def encode(self, text: str) -> np.ndarray:
        """Return the token numbers of a text, int32 `(tokens,)`."""
        if self.unit == "characters":
            numbers = [self._number.get(character, UNKNOWN) for character in text]
            return np.array(numbers, np.int32)
        if self.unit == "bytes":
            return np.frombuffer(_utf8(text), np.uint8).astype(np.int32) + FIRST
        words = [self._word(word) for word in WORDS.findall(text)]
        return np.array([number for word in words for number in word], np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of token numbers, without padding.

        Args:
            numbers: token numbers; one that is no text becomes U+FFFD.
        """
        known = [int(number) for number in numbers if number != PADDING]
        if self.unit == "characters":
            return "".join(self._text(number) for number in known)
        mark = MARK.encode()
        pieces = [self._pieces[n - FIRST] if n >= FIRST else mark for n in known]
        return b"".join(pieces).decode("utf-8", "replace")

    def unknown(self, text: str) -> list[str]:
        """Return the characters of a text that have no token, each once."""
        if self.unit != "characters":
            return []
        return sorted({c for c in text if c not in self._number})

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """Turn texts, `(n,)` of str, into int32 `(n, length)`, cut or padded.

        Rows of token numbers, `(n, length)`, are returned unchanged.
        """
        if batch.dtype.kind in "iu":
            return batch
        rows = np.zeros((len(batch), self.length), np.int32)
        for row, text in zip(rows, batch):
            numbers = self.encode(str(text))[: self.length]
            row[: len(numbers)] = numbers
        return rows

    def windows(self, numbers: np.ndarray) -> np.ndarray:
        """Cut a text into rows of which each begins with the last token before it.

        So every token but the first of the text is predicted once.

        Args:
            numbers: token numbers of a text, `(tokens,)`.

        Returns:
            int32 `(rows, length)`, the last one padded; no row for fewer than two
            tokens.
        """
        step = self.length - 1
        starts = range(0, len(numbers) - 1, step)
        rows = np.zeros((len(starts), self.length), np.int32)
        for row, start in zip(rows, starts):
            part = numbers[start : start + self.length]
            row[: len(part)] = part
        return rows

    def predicted(self, rows: np.ndarray) -> np.ndarray:
        """Count the characters of the predicted tokens of each row, float64 `(n,)`.

        Args:
            rows: of `windows`.
        """
        return self.characters_of[rows[:, 1:]].sum(axis=1)

    def _text(self, number: int) -> str:
        return self.characters[number - FIRST] if number >= FIRST else MARK

    @cached_property
    def _number(self) -> dict[str, int]:
        return {c: number for number, c in enumerate(self.characters, FIRST)}

    @cached_property
    def _pieces(self) -> Sequence[Any]:
        """Text of each token from 2: a character, or bytes."""
        if self.unit == "characters":
            return self.characters
        pieces = [bytes([value]) for value in range(BYTES)]
        for first, second in self._pairs:
            pieces.append(pieces[first - FIRST] + pieces[second - FIRST])
        return pieces

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.merges[::2], self.merges[1::2]))

    @cached_property
    def _rank(self) -> dict[tuple[int, int], int]:
        return {pair: rank for rank, pair in enumerate(self._pairs)}

    @cached_property
    def _word(self) -> Any:
        return lru_cache(maxsize=100_000)(self._merged)

    def _merged(self, word: str) -> tuple[int, ...]:
        """Apply merges to the bytes of a word, the earliest merge first."""
        numbers = [FIRST + byte for byte in _utf8(word)]
        while len(numbers) > 1:
            pairs = list(pairwise(numbers))
            best = min(pairs, key=lambda pair: self._rank.get(pair, len(self._rank)))
            if best not in self._rank:
                break
            numbers = _joined(numbers, best, FIRST + BYTES + self._rank[best])
        return tuple(numbers)


def tokens_of(spec: TaskSpec) -> Tokens | None:
    """Return the tokens of a data set; None where it holds other data.

    Args:
        spec: signature of the data.
    """
    value = next((dict(v) for v in spec.preprocess if v["step"] == STEP), None)
    if value is None:
        return None
    merges = tuple(value.get("merges", ()))
    return Tokens(value["unit"], value["length"], value.get("characters", ""), merges)


def learn_tokens(
    texts: Sequence[str], unit: str, length: int, vocabulary: int
) -> Tokens:
    """Learn the tokens of the training texts.

    Args:
        texts: of the training split.
        unit: `characters`, `bytes` or `byte_pairs`.
        length: token numbers per example.
        vocabulary: maximum number of tokens; bytes always have 258.

    Raises:
        UserError: for `byte_pairs` without the package tokenizers.
    """
    if unit == "bytes":
        return Tokens(unit, length)
    if unit == "byte_pairs":
        return Tokens(unit, length, merges=_learn_merges(texts, vocabulary))
    counts = Counter(character for text in texts for character in text)
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    frequent = [c for c in ranked if counts[c] >= MIN_COUNT] or ranked
    return Tokens(unit, length, "".join(sorted(frequent[: vocabulary - FIRST])))


def _learn_merges(texts: Sequence[str], vocabulary: int) -> tuple[int, ...]:
    """Learn merges with the library tokenizers."""
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise UserError(
            "data.corpus.unit: byte_pairs needs the package tokenizers: pip install "
            "'keras-frontier-pipeline[byte_pairs]', or tokenizers; or set it to "
            "characters or bytes"
        ) from None
    letters = _letters_of_bytes()
    words = Counter(word for text in texts for word in WORDS.findall(text))
    spelled = {"".join(letters[b] for b in _utf8(w)): n for w, n in words.items()}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=max(0, vocabulary - FIRST),
        initial_alphabet=letters,
        show_progress=False,
    )
    # The words are separate texts already, repeated as often as they occur.
    tokenizer.train_from_iterator(
        (w for w, n in spelled.items() for _ in range(n)), trainer
    )
    return _numbered(tokenizer, letters)


def _numbered(tokenizer: Any, letters: Sequence[str]) -> tuple[int, ...]:
    """Return the merges of a trained tokenizer by the numbers of `Tokens`."""
    import json

    numbers = {letter: FIRST + byte for byte, letter in enumerate(letters)}
    merges: list[int] = []
    for merge in json.loads(tokenizer.to_str())["model"]["merges"]:
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        merges += [numbers[first], numbers[second]]
        numbers[first + second] = FIRST + BYTES + len(merges) // 2 - 1
    return tuple(merges)


def _letters_of_bytes() -> list[str]:
    """One letter per byte, none of them a blank, so that any bytes make a word."""
    return [chr(0x4E00 + byte) for byte in range(BYTES)]


def _joined(numbers: Sequence[int], pair: tuple[int, int], merged: int) -> list[int]:
    """Replace every occurrence of a pair, from left to right."""
    result: list[int] = []
    position = 0
    while position < len(numbers):
        if tuple(numbers[position : position + 2]) == pair:
            result.append(merged)
            position += 2
        else:
            result.append(numbers[position])
            position += 1
    return result


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
