"""Pruning and quantization-aware training, with the real tfmot and the real loop."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.build import build
from pipeline.compress.tfmot.techniques import TECHNIQUES, apply, kernel_sparsity, prune
from pipeline.core.errors import UserError
from pipeline.inference.interpreter import LiteModel
from tests.helpers.cases import slow


def recurrent() -> keras.Model:
    """LSTM, which tfmot prunes but does not quantize."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Reshape((8, 8), name="rows")(image)
    x = layers.LSTM(6, name="lstm")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="recurrent")


def branched() -> keras.Model:
    """Convolutions that feed a Concatenate, where tfmot's scheme loses zeros."""
    image = keras.Input((8, 8, 1), name="image")
    left = layers.Conv2D(4, 3, padding="same", activation="relu", name="left")(image)
    right = layers.Conv2D(4, 3, padding="same", activation="relu", name="right")(image)
    x = layers.Concatenate(name="both")([left, right])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="branched")


def unpruned() -> keras.Model:
    """A depthwise convolution, which tfmot cannot prune."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.DepthwiseConv2D(3, depth_multiplier=3, name="logits")(image)
    return keras.Model(
        image, layers.GlobalAveragePooling2D(name="p")(x), name="shallow"
    )


@pytest.fixture
def calibration(spec, train) -> np.ndarray:
    return spec.to_input(train.x[:60])


def test_pruning_zeroes_the_given_fraction_and_fine_tunes_the_rest(small_net, tuning):
    pruned = prune(to_tf_keras(small_net), tuning.after("prune"), 0.7)
    assert kernel_sparsity(pruned) == pytest.approx(0.7, abs=0.01)
    names = [[layer.name for layer in model.layers] for model in (pruned, small_net)]
    assert names[0] == names[1]
    before = np.asarray(small_net.get_layer("dense").kernel)
    after = pruned.get_layer("dense").kernel.numpy()
    assert np.mean(after[after != 0] != before[after != 0]) > 0.5


@pytest.mark.parametrize(
    ("make", "text", "left_out"),
    [
        (None, "qat", []),
        (None, "prune(0.6) | int8", []),
        (None, "prune(0.6) | pqat", []),
        slow(recurrent, "prune(0.6) | pqat", ["pqat: lstm (LSTM)"]),
        slow(branched, "prune(0.6) | pqat", []),
    ],
)
def test_the_file_keeps_the_promises_of_its_recipe(
    small_net, tuning, calibration, make, text, left_out
):
    recipe = parse_recipe(text)
    built = build(make() if make else small_net, recipe, tuning, calibration)
    facts = read_facts(built.content)
    assert built.left_out == left_out
    assert violations(facts, "int8", built.sparsity) == []
    assert built.sparsity == pytest.approx(0.6 if "prune" in text else 0, abs=0.01)
    assert facts.sparsity >= built.sparsity - 0.005


def mixed() -> keras.Model:
    """Unsupported layers directly before supported ones."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Rescaling(2.0, name="scale")(image)
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = layers.Conv2D(4, 3, activation="elu", name="elu")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="mixed")


@pytest.mark.parametrize("technique", ["qat", "pqat"])
def test_only_supported_layers_are_quantized(technique):
    def fit(model, callbacks):
        """Leave the weights unchanged."""

    model = TECHNIQUES[technique](to_tf_keras(mixed()), fit)
    names = {layer.name for layer in model.layers if layer.name.startswith("quant_")}
    assert names == {"quant_conv", "quant_flatten", "quant_logits"}


def test_the_file_is_accurate_and_reproducible(
    small_net, tuning, calibration, written, spec, validation
):
    first, second = (
        build(small_net, parse_recipe("qat"), tuning, calibration) for _ in range(2)
    )
    model = LiteModel(written(first.content), spec)
    predictions = model.logits(validation.x).argmax(1)
    assert np.mean(predictions == validation.y) > 0.9
    assert first.content == second.content


def test_a_technique_that_supports_no_layer_is_rejected(tuning):
    step = parse_recipe("prune(0.5)").techniques[0]
    with pytest.raises(UserError, match="no layer of .shallow.*DepthwiseConv2D.*leave"):
        apply(step, to_tf_keras(unpruned()), tuning.after("prune"))
