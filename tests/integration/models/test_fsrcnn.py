"""Restoration models and batches: sizes, and inputs that stay beside their targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.check import check_policy
from pipeline.augment.grammar import GRAMMAR
from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import parse_pipe
from pipeline.data.artifact import Split
from pipeline.models import registry
from pipeline.tasks.restoration.metric import METRIC
from pipeline.tasks.restoration.quality import similarity
from pipeline.tasks.training import training_metric
from pipeline.train.params import TrainParams
from pipeline.training.batches import BatchSource
from pipeline.training.gradients import diagnose, gradient_norms
from tests.helpers.models_cases import spec

RNG = np.random.default_rng(7)
IMAGES = replace(
    spec((8, 8, 3), task="restoration", classes=()), scale=1 / 255, dtype="uint8"
)


def to(side: int):
    """A signature whose clean images have this height and width."""
    return replace(IMAGES, target={"shape": [side, side, 3]})


@pytest.mark.parametrize("side", [8, 16, 24])
def test_fsrcnn_returns_images_of_the_target_and_begins_near_the_enlarged_input(side):
    model = registry.build("fsrcnn", {"features": 8}, to(side), 1)
    assert model.output_shape == (None, side, side, 3)
    x = np.full((1, 8, 8, 3), 0.5, np.float32)
    assert np.abs(model(x) - 0.5).max() < 0.1


def test_unet_enlarges_the_image_for_a_larger_target():
    values = {"filters": 8, "levels": 1, "width": 0.25}
    for side in (8, 16):
        assert registry.build("unet", values, to(side), 1).output_shape[1] == side


def test_the_input_and_its_clean_image_are_mirrored_together():
    y = RNG.integers(0, 255, (6, 16, 16, 3)).astype(np.uint8)
    x = y[:, ::2, ::2]
    source = BatchSource(Split(x, y), to(16), 6, seed=1, policy=Policy("flip", 3))
    batch = source.batch(tf.constant(0, tf.int64), tf.range(6, dtype=tf.int64))
    mirrored = 0
    for image, clean, small, large in zip(batch.x, batch.y, x / 255, y / 255):
        turned = not np.allclose(clean, large, atol=1e-6)
        mirrored += turned
        step = -1 if turned else 1
        assert np.allclose(clean, large[:, ::step], atol=1e-6)
        assert np.allclose(image, small[:, ::step], atol=1e-6)
    assert 0 < mirrored < 6


def test_steps_that_would_change_the_input_alone_are_refused():
    with pytest.raises(UserError, match="step 2, noise.*steps for it: flip"):
        check_policy(parse_pipe("flip | noise(0.1)", GRAMMAR), to(16))


def test_psnr_in_the_graph_is_that_of_numpy():
    y = RNG.integers(0, 255, (4, 16, 16, 3)).astype(np.uint8)
    outputs = (y / 255 + RNG.normal(0, 0.1, y.shape)).astype(np.float32)
    metric = training_metric(to(16), y)
    values = metric.evidence(tf.constant(y / 255, tf.float32), tf.constant(outputs))
    evidence = METRIC.evidence(outputs, outputs, y)
    assert np.allclose(values[:, 0], evidence[:, 0], atol=1e-3)
    assert metric.value(values.numpy(), y) == pytest.approx(METRIC.value(evidence, y))


def test_ssim_is_that_of_tensorflow():
    y = RNG.integers(0, 255, (4, 16, 16, 3)).astype(np.uint8)
    images = np.clip(y + RNG.normal(0, 25, y.shape), 0, 255).astype(np.uint8)
    # TensorFlow leaves out the border, where a window is incomplete.
    inner = similarity(images, y)[:, 5:-5, 5:-5].mean(axis=(1, 2, 3))
    assert np.allclose(inner, tf.image.ssim(images, y, 255), atol=1e-5)


def test_gradients_reach_every_layer_of_an_untrained_model():
    y = RNG.integers(0, 255, (8, 16, 16, 3)).astype(np.uint8)
    split = Split(np.ascontiguousarray(y[:, ::2, ::2]), y)
    for builder in ("fsrcnn", "unet"):
        model = registry.build(builder, {"features": 8, "filters": 8}, to(16), 1)
        norms = gradient_norms(model, to(16), split, TrainParams(loss="mae"))
        assert not diagnose(norms), builder
