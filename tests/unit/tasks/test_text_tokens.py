"""Token numbers of texts, and texts of token numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.text_tokens import Tokens, learn_tokens, tokens_of

TEXT = "the cat\nsat on the mät"
# "th" and then "the", by the numbers of the bytes t, h, e.
MERGES = (2 + ord("t"), 2 + ord("h"), 258, 2 + ord("e"))


@pytest.mark.parametrize(
    "tokens",
    [
        Tokens("characters", 8, "".join(sorted(set(TEXT)))),
        Tokens("bytes", 8),
        Tokens("byte_pairs", 8, merges=MERGES),
    ],
    ids=lambda tokens: tokens.unit,
)
class TestEveryUnit:
    def test_a_text_comes_back(self, tokens):
        assert tokens.decode(tokens.encode(TEXT)) == TEXT

    def test_every_token_but_the_first_is_predicted_once(self, tokens):
        numbers = tokens.encode(TEXT)
        rows = tokens.windows(numbers)
        predicted = rows[:, 1:].reshape(-1)
        assert np.array_equal(predicted[predicted > 0], numbers[1:])
        assert np.array_equal(rows[1:, 0], rows[:-1, -1])

    def test_characters_are_counted_also_where_a_token_is_none_or_several(self, tokens):
        numbers = tokens.encode(TEXT)
        first = tokens.characters_of[numbers[0]]
        counted = tokens.predicted(tokens.windows(numbers)).sum()
        assert counted == len(TEXT) - first

    def test_numbers_are_below_the_size_and_above_padding(self, tokens):
        numbers = tokens.encode(TEXT)
        assert numbers.min() >= 2 and numbers.max() < tokens.size
        assert len(tokens.characters_of) == tokens.size

    def test_texts_and_rows_are_prepared_alike(self, tokens):
        rows = tokens.apply(np.array([TEXT[:4], ""], object))
        assert rows.shape == (2, 8) and rows.dtype == np.int32
        assert not rows[1].any() and tokens.apply(rows) is rows


def test_byte_pairs_apply_the_earliest_merge_first():
    tokens = Tokens("byte_pairs", 8, merges=MERGES)
    assert tokens.encode("the").tolist() == [259]
    assert len(tokens.encode("t he")) == 4  # not across the border of a word


def test_an_unknown_character_is_one_token():
    tokens = learn_tokens(["aabbz"], "characters", 4, 10)
    assert tokens.characters == "ab"  # z occurs once
    assert tokens.encode("axb").tolist() == [2, 1, 3]
    assert tokens.unknown("axbx") == ["x"]
    assert tokens.decode([2, 1, 0]) == "a\N{REPLACEMENT CHARACTER}"


def test_the_vocabulary_keeps_the_most_frequent_characters():
    tokens = learn_tokens(["aaabbbccdd"], "characters", 4, 4)
    assert tokens.characters == "ab" and tokens.size == 4


def test_byte_pairs_are_learned_by_a_library():
    pytest.importorskip("tokenizers")
    tokens = learn_tokens(["the then the this " * 20], "byte_pairs", 8, 270)
    assert 258 < tokens.size <= 270  # fewer, where no pair is left
    assert len(tokens.encode("the then")) < len("the then")
    assert tokens.decode(tokens.encode(TEXT)) == TEXT


def test_the_signature_holds_the_tokens():
    step = {"step": "tokens", "unit": "characters", "length": 4, "characters": "ab"}
    spec = TaskSpec("t", "corpus:t", (4,), "int32", (), preprocess=(step,))
    assert tokens_of(spec) == Tokens("characters", 4, "ab")
    assert tokens_of(TaskSpec("t", "csv:t", (4,), "int32", ())) is None
