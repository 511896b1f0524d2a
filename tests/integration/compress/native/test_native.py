"""Compression without tfmot: recipes, layers of the user's own, resumed fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.native.build import build
from pipeline.compress.native.kernels import kernels_of
from pipeline.compress.native.masks import free_mask
from pipeline.compress.native.transformed_model import TransformedModel
from pipeline.compress.native.transforms import Masked
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.distillation import DistillationTerm
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.inference.interpreter import LiteModel
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from tests.helpers.cases import chosen


@keras.saving.register_keras_serializable("tests")
class Gate(layers.Layer):
    """A layer of the user's own: x times a clipped linear map of x."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="gate")

    def call(self, x: Any) -> Any:
        return x * keras.ops.relu6(keras.ops.matmul(x, self.kernel))


def mixed() -> keras.Model:
    """Layers that tfmot refuses: Conv1D, nested, depthwise pruning, the user's own."""
    keras.utils.set_random_seed(4)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.DepthwiseConv2D(3, depth_multiplier=4, name="depth")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.Reshape((36, 4), name="steps")(x)
    x = layers.Conv1D(6, 3, strides=3, activation="relu", name="one")(x)
    inner = keras.Input((12, 6), name="in")
    y = layers.Dense(6, name="dense")(Gate(name="gate")(inner))
    x = keras.Model(inner, y, name="nested")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="mixed")


@pytest.fixture(scope="module")
def short(spec, train, validation) -> FineTuning:
    settings = FitSettings(epochs=1, batch_size=96)
    return FineTuning(spec, train, validation, settings, None, seed=7)


@pytest.mark.parametrize(
    "text",
    chosen(
        [
            "prune(0.6) | pqat",
            "prune(0.5, two_of_four) | int8",
            "quantize_weights(3, all) | int8",
            "prune(0.6, free, gradual) | cluster(4) | int8",
            "binary",
        ],
        0,
    ),
)
def test_layers_that_tfmot_refuses_are_compressed(spec, train, short, text):
    recipe = parse_recipe(text)
    built = build(mixed(), recipe, short, spec.to_input(train.x[:30]))
    facts = read_facts(built.content)
    assert violations(facts, recipe.export, built.sparsity, built.distinct) == []
    if "prune" in text:
        # Rows of two_of_four that end in fewer than four weights keep these.
        fraction = 0.455 if "two_of_four" in text else 0.6
        assert built.sparsity == pytest.approx(fraction, abs=0.01)
    if "pqat" in text:
        reason = "pqat: gate (Gate), activations inside it are calibrated"
        assert any(line.startswith(reason) for line in built.left_out)


@pytest.mark.slow
def test_clusters_survive_training_for_int8(small_net, spec, train, short):
    recipe = parse_recipe("cluster(8) | cqat")
    built = build(small_net, recipe, short, spec.to_input(train.x[:30]))
    facts = read_facts(built.content)
    assert violations(facts, "int8", 0.0, built.distinct) == []
    assert max(facts.distinct) <= 8 and not facts.per_channel


def test_the_file_is_accurate_and_reproducible(
    small_net, spec, train, validation, short, written
):
    examples = spec.to_input(train.x[:60])
    teacher = DistillationTerm(lambda x: small_net(x, training=False), 0.5, 2.0)
    settings = FitSettings(epochs=1, ema_momentum=0.9, schedule="constant")
    tuning = replace(short, settings=settings, distillation=teacher)
    first, second = (
        build(small_net, parse_recipe("qat"), tuning, examples) for _ in "ab"
    )
    model = LiteModel(written(first.content), spec)
    predictions = model.logits(validation.x).argmax(1)
    assert np.mean(predictions == validation.y) > 0.9
    assert first.content == second.content
    step = model.output["quantization"][0]
    # The outputs of the Keras model are those of the file, to the last bit of int8.
    outputs = model.logits(train.x[:60])
    assert np.abs(outputs - first.outputs).max() <= 1.01 * step
    assert np.mean(np.abs(outputs - first.outputs) < step / 2) > 0.97


@pytest.mark.slow
def test_a_killed_fit_resumes_to_the_bit(small_net, spec, train, validation, tmp_path):
    straight = masked(small_net)
    train_masked(straight, spec, train, validation, None)
    with pytest.raises(KeyboardInterrupt):
        train_masked(masked(small_net), spec, train, validation, tmp_path, kill=1)
    resumed = masked(small_net)
    train_masked(resumed, spec, train, validation, tmp_path)
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        assert np.array_equal(one, other)
    straight.bake()
    assert np.mean(kernels_of(straight.inner)[1].values == 0) == 0.5


def masked(model: keras.Model) -> TransformedModel:
    """A copy of a model, with half of each kernel masked."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    kernels = kernels_of(copy)
    pairs = [(k.variable, Masked(free_mask(k.values, 0.5))) for k in kernels]
    return TransformedModel(copy, pairs)


def train_masked(
    model: keras.Model, spec, train, validation, folder: Path | None, kill: int = -1
) -> None:
    """Two epochs, the second of which may be interrupted."""

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == kill:
                raise KeyboardInterrupt

    settings = FitSettings(epochs=2, batch_size=96, checkpoint_seconds=0)
    context = FitContext(3, callbacks=[Kill()], checkpoint_folder=folder)
    fit(model, FitData(spec, train, validation), settings, context)
