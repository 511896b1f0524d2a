"""Losses and pixel counts of masks in the graph, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.losses import kd
from pipeline.tasks.registry import get
from pipeline.tasks.segmentation.counts import pixel_counts
from pipeline.tasks.segmentation.training import TRAINING
from pipeline.tasks.targets import IGNORED
from pipeline.tasks.training import inference_batch
from pipeline.training.batches import BatchSource
from pipeline.training.losses import example_losses
from pipeline.training.objective import weighed_mean
from pipeline.training.params import FitSettings

RNG = np.random.default_rng(5)
CLASSES = ("background", "a", "b", "c")
SPEC = TaskSpec(
    "x", "masks:x", (6, 6, 1), "uint8", CLASSES, 1 / 255, task="segmentation"
)
Y = RNG.integers(0, 3, (4, 6, 6)).astype(np.uint8)
LOGITS = RNG.normal(size=(4, 6, 6, 4)).astype(np.float32)
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
TRUE = np.take_along_axis(P, Y[..., None].astype(int), axis=-1)[..., 0]


def loss(name: str, y: np.ndarray = Y, logits: np.ndarray = LOGITS) -> np.ndarray:
    settings = FitSettings(loss=name)
    return example_losses(settings, SPEC)(tf.constant(y), tf.constant(logits)).numpy()


def test_every_loss_of_the_task_is_a_map_and_is_smaller_for_better_logits():
    for name in get("segmentation").losses:
        better = LOGITS + 3 * np.eye(4, dtype=np.float32)[Y]
        assert loss(name).shape == Y.shape
        assert loss(name, logits=better).mean() < loss(name).mean()


def test_cross_entropy_and_focal_are_their_formulas():
    assert np.allclose(loss("cross_entropy"), -np.log(TRUE), atol=1e-5)
    expected = -((1 - TRUE) ** 2) * np.log(TRUE)
    assert np.allclose(loss("focal"), expected, atol=1e-5)


def test_dice_is_its_formula_over_the_classes_of_an_image():
    for number, mask in enumerate(Y):
        ratios = []
        for label in np.unique(mask):
            true, p = mask == label, P[number, ..., label]
            ratios.append((2 * p[true].sum() + 1) / (true.sum() + p.sum() + 1))
        assert np.allclose(loss("dice")[number], 1 - np.mean(ratios), atol=1e-5)


def test_a_sum_of_losses_is_their_sum():
    total = loss("cross_entropy") + loss("dice")
    assert np.allclose(loss("cross_entropy_dice"), total, atol=1e-6)


@pytest.mark.parametrize("name", get("segmentation").losses)
def test_pixels_without_a_label_change_no_loss(name):
    y = Y.copy()
    y[:, :3] = IGNORED
    other = LOGITS.copy()
    other[:, :3] = 9.0 * RNG.normal(size=other[:, :3].shape)
    assert np.allclose(loss(name, y)[:, 3:], loss(name, y, other)[:, 3:], atol=1e-5)
    if "dice" not in name:
        assert not loss(name, y)[:, :3].any()


def test_an_image_without_any_label_has_no_loss():
    y = np.full_like(Y, IGNORED)
    for name in get("segmentation").losses:
        assert not loss(name, y).any()


def test_counts_in_the_graph_are_those_of_numpy():
    y = Y.copy()
    y[0, 0] = IGNORED
    counts = TRAINING.evidence(tf.constant(y), tf.constant(LOGITS)).numpy()
    assert np.array_equal(counts, pixel_counts(y, LOGITS.argmax(-1), 4))


def test_weights_of_classes_weigh_pixels():
    x = RNG.integers(0, 255, (4, 6, 6, 1)).astype(np.uint8)
    weights = (0.5, 1.0, 4.0, 0.0)
    source = BatchSource(Split(x, Y, weights), SPEC, 4, seed=1)
    positions = tf.range(4, dtype=tf.int64)
    batch = source.batch(tf.constant(0, tf.int64), positions)
    assert np.allclose(batch.weights.numpy(), np.array(weights)[Y])
    losses = tf.constant(loss("cross_entropy"))
    expected = (losses.numpy() * np.array(weights)[Y]).mean()
    assert float(weighed_mean(losses, batch.weights)) == pytest.approx(expected, 1e-5)


def test_distillation_of_maps_has_a_loss_per_pixel():
    assert kd(LOGITS, LOGITS, 2.0).shape == Y.shape


def test_large_outputs_are_computed_in_smaller_batches():
    large = TaskSpec("x", "x:x", (96, 96, 3), "uint8", CLASSES, task="segmentation")
    small = TaskSpec("x", "x:x", (96, 96, 3), "uint8", CLASSES)
    assert 8 <= inference_batch(large) < inference_batch(small) == 512
