"""Triplets, angles and batches of an embedding, against worked examples."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.embedding.training import (
    ANGLE,
    MARGIN,
    SCALE,
    TRAINING,
    ArcFace,
    triplet,
)
from pipeline.training.batches import BatchSource, validation_positions

RNG = np.random.default_rng(3)
Y = np.array([0, 0, 0, 1, 1, 2, 2, 2])
OUTPUTS = RNG.normal(size=(8, 3)).astype(np.float32)
SPEC = TaskSpec("x", "x:x", (2,), "float32", tuple("abcdef"), task="embedding")


def semi_hard_by_loops(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    vectors = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    away = ((vectors[:, None] - vectors) ** 2).sum(axis=-1)
    losses = np.zeros(len(y))
    for anchor in range(len(y)):
        negatives = away[anchor, y != y[anchor]]
        terms = []
        for positive in np.flatnonzero(y == y[anchor]):
            if positive == anchor:
                continue
            near = away[anchor, positive]
            farther = negatives[negatives > near]
            chosen = farther.min() if len(farther) else negatives.max()
            terms.append(max(0.0, near - chosen + MARGIN))
        losses[anchor] = np.mean(terms)
    return losses


class TestTriplet:
    def test_the_loss_of_each_anchor_is_that_of_its_semi_hard_triplets(self):
        losses = triplet(tf.constant(Y), tf.constant(OUTPUTS)).numpy()
        assert losses == pytest.approx(semi_hard_by_loops(Y, OUTPUTS), abs=1e-5)
        assert losses.max() > 0

    def test_targets_with_an_axis_are_the_same(self):
        columns = triplet(tf.constant(Y[:, None]), tf.constant(OUTPUTS))
        assert np.allclose(columns, triplet(tf.constant(Y), tf.constant(OUTPUTS)))

    def test_gradients_are_finite_and_one_class_has_none(self):
        for y in (Y, np.zeros(8, int)):
            outputs = tf.Variable(OUTPUTS)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(triplet(tf.constant(y), outputs))
            gradient = tape.gradient(loss, outputs).numpy()
            assert np.isfinite(gradient).all()
            assert (np.abs(gradient).max() > 0) == (len(set(y)) > 1)
            assert (float(loss) > 0) == (len(set(y)) > 1)

    def test_equal_vectors_cost_the_margin(self):
        losses = triplet(tf.constant(Y), tf.ones((8, 3))).numpy()
        assert losses == pytest.approx(MARGIN, abs=1e-5)


class TestArcFace:
    def test_the_margin_is_added_to_the_true_angle(self):
        loss = ArcFace(3, np.array([2, 2, 7, 9]), 1)
        (directions,) = (v.numpy() for v in loss.variables)
        assert directions.shape == (3, 3)
        y, outputs = np.array([7, 2]), OUTPUTS[:2]
        unit = [
            v / np.linalg.norm(v, axis=1, keepdims=True) for v in (outputs, directions)
        ]
        angles = np.arccos(unit[0] @ unit[1].T)
        angles[[0, 1], [1, 0]] += ANGLE
        logits = SCALE * np.cos(np.minimum(angles, np.pi))
        expected = np.log(np.exp(logits).sum(1)) - logits[[0, 1], [1, 0]]
        found = loss(tf.constant(y), tf.constant(outputs)).numpy()
        assert found == pytest.approx(expected, rel=1e-4)

    def test_the_same_seed_has_the_same_directions(self):
        first, second, other = (ArcFace(3, Y, seed).variables[0] for seed in (1, 1, 2))
        assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_a_teacher_with_the_same_distances_costs_nothing():
    turned = OUTPUTS[:, [2, 0, 1]] * np.float32(5)
    losses = TRAINING.distillation(tf.constant(OUTPUTS), tf.constant(turned))
    assert losses.numpy() == pytest.approx(0, abs=1e-6)
    other = tf.constant(RNG.normal(size=(8, 5)).astype(np.float32))
    assert TRAINING.distillation(tf.constant(OUTPUTS), other).numpy().min() > 0


class TestBatches:
    def source(self, count: int = 42) -> BatchSource:
        y = np.repeat(np.arange(6), 7)[:count]
        split = Split(np.zeros((len(y), 2), np.float32), y)
        return BatchSource(split, SPEC, 8, 1)

    def test_a_batch_holds_four_examples_of_a_class(self):
        source = self.source()
        order = source.order(tf.constant(0, tf.int64)).numpy()
        assert order.shape == (5, 8) and len(np.unique(order)) == 40
        y = source.split.y[order].reshape(-1, 4)
        mixed = sum(len(set(group)) > 1 for group in y)
        assert mixed <= 5  # a group at the end of each class may be of two
        assert len({tuple(row) for row in source.split.y[order]}) > 1

    def test_groups_are_drawn_anew_in_each_epoch(self):
        source = self.source()
        first, again, other = (
            source.order(tf.constant(n, tf.int64)).numpy() for n in (0, 0, 1)
        )
        assert np.array_equal(first, again) and not np.array_equal(first, other)

    def test_validation_batches_hold_all_classes_of_a_sorted_split(self):
        y = np.repeat(np.arange(6), 7)
        batches = validation_positions(42, 14, SPEC)
        assert sorted(np.concatenate(batches)) == list(range(42))
        assert all(len(set(y[rows])) == 6 for rows in batches)
