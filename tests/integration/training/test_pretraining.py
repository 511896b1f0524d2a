"""Pretext tasks: their losses, and an encoder that learns without labels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.train.params import Pretrain
from pipeline.train.pretraining import pretrain_model
from pipeline.training.batches import Batch
from pipeline.training.context import FitContext, FitData
from pipeline.training.pretext import Contrastive, Reconstruction, contrastive_loss
from pipeline.training.pretraining import encoder_of

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b"), scale=1 / 255)
RNG = np.random.default_rng(5)
# A bright column at one of eight places: a structure that a mask leaves visible.
COLUMN = RNG.integers(0, 8, 96)
X = (
    RNG.integers(0, 40, (96, 8, 8, 1))
    + 200 * (np.arange(8) == COLUMN[:, None])[:, None, :, None]
)
TRAIN = Split(X.astype(np.uint8)[:64], np.zeros(64, np.int64))
VALIDATION = Split(X.astype(np.uint8)[64:], np.zeros(32, np.int64))
INPUTS = np.asarray(SPEC.to_input(TRAIN.x))


def batch(epoch: int = 0) -> Batch:
    positions = tf.range(16, dtype=tf.int64)
    return Batch(tf.constant(INPUTS[:16]), tf.zeros(16), None, positions, 0.0, epoch)


def model():
    return registry.build("cnn", {"width": 0.5}, SPEC, 1)


def test_the_contrastive_loss_is_that_of_the_paper():
    z = RNG.normal(size=(6, 5)).astype(np.float32)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    similarity = np.exp(unit @ unit.T / 0.5)
    np.fill_diagonal(similarity, 0)
    pair = [3, 4, 5, 0, 1, 2]
    expected = [-np.log(similarity[k, pair[k]] / similarity[k].sum()) for k in range(6)]
    received = contrastive_loss(tf.constant(z), 0.5).numpy()
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_views_differ_between_epochs_and_are_equal_within_one():
    encoder = encoder_of(model())
    pretext = Contrastive(encoder.output.shape[-1], Policy("shift(2)", 1), 0.2, 1)
    first, again, other = (
        pretext.losses(encoder, batch(epoch), False)[1].numpy() for epoch in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first[:16], first[16:])


def test_blocks_are_masked_and_only_they_count():
    encoder = encoder_of(model())
    pretext = Reconstruction(encoder.output.shape[-1], INPUTS, 0.4, 0.0, 1)
    masks = [pretext._mask(batch(epoch)).numpy() for epoch in range(20)]
    assert np.mean(masks) == pytest.approx(0.4, abs=0.02)
    assert not np.array_equal(masks[0], masks[1])
    losses, outputs = pretext.losses(encoder, batch(), False)
    errors = (outputs.numpy().reshape(16, 8, 8, 1) - INPUTS[:16]) ** 2
    expected = [e[m > 0].mean() for e, m in zip(errors, masks[0])] / INPUTS.var()
    np.testing.assert_allclose(losses, expected, rtol=1e-3)


@pytest.mark.parametrize("method", ["contrastive", "masked", "autoencoder"])
def test_an_encoder_learns_without_labels_and_repeats_to_the_bit(method, tmp_path):
    params = Pretrain(method=method, epochs=12, batch_size=32, learning_rate=5e-3)
    data = FitData(SPEC, TRAIN, VALIDATION, Policy("shift(1) | noise(0.05)", 3))
    runs = []
    for folder in (None, tmp_path / "fit"):
        net = model()
        head = [weight.numpy() for weight in net.layers[-1].weights]
        context = FitContext(7, checkpoint_folder=folder)
        history = pretrain_model(net, data, params, context)
        assert all(map(np.array_equal, head, net.layers[-1].weights))
        runs.append((net.get_weights(), history))
    (first, history), (second, _) = runs
    assert history.best["val_loss"] < 0.96 * history.rows[0]["val_loss"]
    assert all(map(np.array_equal, first, second))


def test_a_finished_pretraining_is_not_done_again(tmp_path):
    params = Pretrain(method="masked", epochs=2, batch_size=32)
    data = FitData(SPEC, TRAIN, VALIDATION)
    context = FitContext(7, checkpoint_folder=tmp_path, progress=lambda *_, **__: None)
    before, after = model(), model()
    pretrain_model(before, data, params, context)
    epochs: list[str] = []
    again = FitContext(
        7, checkpoint_folder=tmp_path, progress=lambda text, **_: epochs.append(text)
    )
    pretrain_model(after, data, params, again)
    assert epochs == []
    assert all(map(np.array_equal, before.get_weights(), after.get_weights()))


def test_a_model_without_flat_features_is_refused():
    segmentation = TaskSpec(
        "x", "x:x", (16, 16, 1), "uint8", ("a", "b"), task="segmentation"
    )
    net = registry.build("unet", {}, segmentation, 1)
    with pytest.raises(UserError, match="ends in a dense layer"):
        encoder_of(net)
