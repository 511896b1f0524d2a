"""Bits per character and its floors, against numbers worked out by hand."""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pytest
import tensorflow as tf

from pipeline.metrics import bootstrap
from pipeline.tasks.next_token.bits import token_bits
from pipeline.tasks.next_token.evaluation import Likelihood, compare
from pipeline.tasks.next_token.floor import FLOOR
from pipeline.tasks.next_token.markov import gzip_bits, markov_bits, xz_bits
from pipeline.tasks.next_token.metric import METRIC
from pipeline.tasks.next_token.prediction import PREDICTION
from pipeline.tasks.next_token.training import TRAINING
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.training import target_of

STEP = {"step": "tokens", "unit": "characters", "length": 5, "characters": "abc"}
SPEC = TaskSpec(
    name="t",
    source="corpus:t",
    shape=(5,),
    dtype="int32",
    classes=(),
    modality="text",
    task="next_token",
    vocabulary=5,
    preprocess=(STEP,),
)
X = np.array([[2, 3, 4, 2, 3], [3, 2, 0, 0, 0]], np.int32)
Y = np.array([4.0, 1.0])
LOGITS = np.random.default_rng(3).normal(size=(2, 5, 5)).astype(np.float32)


class TestBits:
    def test_equal_logits_cost_the_logarithm_of_the_vocabulary(self):
        bits = METRIC.evidence(np.zeros((2, 5, 5)), X, Y)
        assert np.allclose(bits, np.log2(5) * Y)
        assert METRIC.value(bits, Y) == pytest.approx(np.log2(5))

    def test_a_sure_model_costs_nothing(self):
        following = np.pad(X[:, 1:], ((0, 0), (0, 1)))
        assert token_bits(100.0 * np.eye(5)[following], X).sum() < 1e-6

    def test_the_graph_counts_the_same_bits(self):
        targets = target_of(tf.constant(Y), tf.constant(X), SPEC)
        bits = TRAINING.evidence(targets, tf.constant(LOGITS)).numpy()
        assert np.allclose(bits, METRIC.evidence(LOGITS, X, Y), atol=1e-5)

    def test_padding_has_no_loss(self):
        targets = target_of(tf.constant(Y), tf.constant(X), SPEC)
        loss = TRAINING.losses["cross_entropy"](targets, tf.constant(LOGITS)).numpy()
        assert loss.shape == (2, 5)
        assert not loss[1, 1:].any() and not loss[:, -1].any() and loss[0, :4].all()

    def test_a_resample_of_every_window_once_is_the_metric_itself(self):
        bits = METRIC.evidence(LOGITS, X, Y)
        (value,) = bootstrap.once(METRIC.resampled(bits, Y), 2)
        assert value == pytest.approx(METRIC.value(bits, Y))

    def test_a_drop_is_positive_where_bits_rise(self):
        bits = METRIC.evidence(LOGITS, X, Y)
        low, high = METRIC.drop_interval(bits, bits + 1, Y, 1, 50)
        assert 0 < low <= high

    def test_files_are_compared_on_the_same_text(self):
        bits = METRIC.evidence(LOGITS, X, Y)
        likeliest = LOGITS[:, :-1].argmax(axis=-1)
        before = Likelihood(Y, bits, likeliest, X[:, 1:])
        after = Likelihood(Y, bits + Y, (likeliest + 1) % 5, X[:, 1:])
        row = compare(before, after, 50, 1).to_json()
        assert row["drop"] == pytest.approx(1.0) and row["changed_tokens"] == 1.0
        assert compare(before, before, 50, 1).drop == 0.0

    def test_a_text_is_predicted_in_bits_per_character(self):
        rows = PREDICTION.rows(LOGITS, X, SPEC, {})
        assert [row["characters"] for row in rows] == [4, 1]
        bits = METRIC.evidence(LOGITS, X, Y)
        assert rows[0]["bits_per_character"] == pytest.approx(bits[0] / 4)
        assert "bits of 4 characters" in PREDICTION.text(rows[0])


class TestFloors:
    def test_the_markov_model_interpolates_orders(self):
        unseen = 1 / 1_114_112
        bits = markov_bits(["ab"], ["a"])
        first = (1 + 2 * unseen) / 4  # two characters, of two kinds
        assert bits[0] == pytest.approx(-np.log2(first))

    def test_a_piece_continues_the_one_before_it(self):
        whole = markov_bits(["abcabcabc" * 9], ["abcabc"])
        pieces = markov_bits(["abcabcabc" * 9], ["abc", "abc"])
        assert pieces.sum() == pytest.approx(whole.sum())
        assert pieces[1] < pieces[0]

    def test_compressors_are_those_of_the_system(self):
        text = "a text, a text, a text" * 9
        assert gzip_bits(text) == 8 * len(gzip.compress(text.encode(), 9, mtime=0))
        whole = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
        empty = lzma.compress(b"", preset=9 | lzma.PRESET_EXTREME)
        assert xz_bits(text) == 8 * (len(whole) - len(empty))
        assert xz_bits(text, text) < xz_bits(text)

    def test_the_floors_are_in_bits_of_each_window(self):
        rows = list(FLOOR.fitted(SPEC, np.repeat(X, 30, axis=0), X, Y))
        assert [row.learned for row in rows] == [False, False, False, True]
        assert all(row.evidence.shape == (2,) for row in rows)
        assert METRIC.value(FLOOR.evidence(Y, Y), Y) == 8.0
        assert METRIC.value(rows[-1].evidence, Y) < 8.0
