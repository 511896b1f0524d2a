"""Targets and losses of detection in TensorFlow's graph."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.tasks.boxes import ignored, stacked
from pipeline.tasks.detection.decoding import decode
from pipeline.tasks.detection.training import TRAINING, cell_targets

CLASSES = 3
Y = stacked(
    [
        np.array([[2, 0.1, 0.1, 0.4, 0.5], [0, 0.5, 0.4, 0.9, 0.9]]),
        np.empty((0, 5)),
    ]
)


def logits_of(targets) -> np.ndarray:
    """Outputs that state the targets."""
    heat = np.clip(targets.heat.numpy(), 1e-4, 1 - 1e-4)
    return np.concatenate([np.log(heat / (1 - heat)), targets.distances.numpy()], -1)


@pytest.fixture(scope="module")
def targets():
    return cell_targets(tf.constant(Y), tf.zeros((2, 8, 8, CLASSES + 4)))


def test_the_targets_of_a_scene_decode_to_its_boxes(targets):
    found = decode(logits_of(targets).astype(np.float32))
    kept = found[0][found[0][:, 0] >= 0]
    assert sorted(kept[:, 0].tolist()) == [0, 2]
    for row in kept:
        true = Y[0][Y[0][:, 0] == row[0]][0]
        assert row[2:] == pytest.approx(true[1:], abs=1e-5)
    assert (found[1][:, 0] == -1).all()


@pytest.mark.parametrize("name", TRAINING.losses)
class TestLosses:
    def test_it_is_0_for_the_targets_themselves(self, name, targets):
        outputs = tf.constant(logits_of(targets), tf.float32)
        loss = TRAINING.losses[name](tf.constant(Y), outputs)
        assert loss.shape == (2,)
        assert loss.numpy() == pytest.approx(0, abs=1e-4)

    def test_a_moved_box_and_a_wrong_class_cost(self, name, targets):
        right = logits_of(targets).astype(np.float32)
        moved, other = right.copy(), right.copy()
        moved[..., CLASSES] += 1
        other[..., :CLASSES] = other[..., [1, 2, 0]]
        for outputs in (moved, other):
            assert TRAINING.losses[name](Y, tf.constant(outputs))[0] > 0.05

    def test_the_outputs_of_a_teacher_are_targets(self, name, targets):
        outputs = tf.constant(logits_of(targets), tf.float32)
        assert TRAINING.losses[name](outputs, outputs).numpy() == pytest.approx(
            0, abs=1e-6
        )
        assert TRAINING.losses[name](outputs, 0.5 * outputs)[0] > 0.05

    def test_the_gradient_is_finite_for_any_outputs(self, name):
        outputs = tf.Variable(tf.random.stateless_normal((2, 8, 8, 7), [1, 2], 0, 9))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(TRAINING.losses[name](tf.constant(Y), outputs))
        assert np.isfinite(tape.gradient(loss, outputs).numpy()).all()


def test_scores_inside_an_ignored_object_do_not_count():
    y = stacked([np.array([[ignored(1), 0.0, 0.0, 0.5, 0.5]])])
    outputs = np.full((1, 8, 8, CLASSES + 4), -10, np.float32)
    outputs[0, 1, 1, 1] = 5  # inside
    loss = TRAINING.losses["focal_l1"]
    assert loss(y, tf.constant(outputs))[0] < 1e-3
    outputs[0, 6, 6, 1] = 5  # outside
    assert loss(y, tf.constant(outputs))[0] > 1


def test_evidence_in_the_graph_is_that_of_numpy(targets):
    outputs = logits_of(targets).astype(np.float32)
    found = tf.function(TRAINING.evidence)(tf.constant(Y), tf.constant(outputs))
    assert np.array_equal(found.numpy(), decode(outputs))
