"""The bridge: equal models for every architecture, an error otherwise."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from pipeline.compress.rewrite.fold import (
    fold_batch_norms,
    fold_input_normalizations,
    neutralize_constant_channels,
)
from pipeline.compress.rewrite.rebuild import model_outputs
from pipeline.compress.tfmot.bridge import (
    TOLERANCE,
    check_equal,
    check_same_outputs,
    max_difference,
    to_tf_keras,
)
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.core.errors import UserError

IMAGE, SEQUENCE = (8, 8, 3), (6, 4)


def model_of(*stack, shape=IMAGE, dtype="float32") -> keras.Model:
    image = x = keras.Input(shape, dtype=dtype, name="image")
    for layer in stack:
        x = layer(x)
    return keras.Model(image, x, name="model")


def normalized() -> keras.Model:
    model = model_of(
        layers.Conv2D(4, 3, use_bias=False, name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(6.0, name="relu"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(3, kernel_regularizer="l2", name="logits"),
    )
    statistics = model.get_layer("norm").weights
    for weight in statistics:
        weight.assign(np.random.default_rng(1).uniform(0.5, 2, weight.shape))
    return model


def residual() -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    shared = layers.Conv2D(3, 3, padding="same", activation="silu", name="shared")
    x = shared(image) + image
    x = layers.Add(name="join")([shared(x), x])
    return keras.Model(
        image, layers.Flatten(name="flatten")(x * image), name="residual"
    )


def concatenated() -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    left = layers.Conv2D(2, 1, activation="leaky_relu", name="left")(image)
    right = layers.MaxPooling2D(1, name="right")(image)
    x = layers.Concatenate(name="both")([left, right])
    return keras.Model(image, layers.LeakyReLU(0.1, name="leaky")(x), name="join")


def attention() -> keras.Model:
    sequence = keras.Input(SEQUENCE, name="sequence")
    x = layers.MultiHeadAttention(2, 3, name="heads")(sequence, sequence)
    x = layers.LayerNormalization(name="norm")(x)
    return keras.Model(sequence, x, name="attention")


def nested() -> keras.Model:
    inner = keras.Sequential(
        [keras.Input(IMAGE), layers.Conv2D(3, 1, name="conv"), layers.RandomFlip()],
        name="inner",
    )
    return model_of(layers.Conv2D(3, 3, padding="same", name="conv"), inner)


def tokens() -> keras.Model:
    return model_of(
        layers.Embedding(10, 4, mask_zero=True, name="table"),
        layers.LSTM(3, name="lstm"),
        shape=(6,),
        dtype="int32",
    )


MODELS = {
    "conv, normalization, relu": normalized,
    "residual, shared layer, bare operators": residual,
    "concatenation": concatenated,
    "attention": attention,
    "nested model": nested,
    "tokens with a mask": tokens,
    "sequential": lambda: keras.Sequential(
        [keras.Input(IMAGE), layers.Flatten(name="flatten"), layers.Dense(3)]
    ),
    "dense": lambda: model_of(
        layers.Flatten(name="f"), layers.Dense(4, "gelu"), layers.Dropout(0.5)
    ),
    "depthwise": lambda: model_of(
        layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, name="depthwise")
    ),
    "separable": lambda: model_of(
        layers.SeparableConv2D(4, 3, dilation_rate=2, activation="tanh", name="s")
    ),
    "transposed": lambda: model_of(
        layers.UpSampling2D(name="u"), layers.Conv2DTranspose(2, 3, strides=2, name="t")
    ),
    "preprocessing": lambda: model_of(
        layers.Rescaling(2.0, -1.0), layers.Normalization(mean=0.1, variance=2.0)
    ),
    "lstm": lambda: model_of(layers.LSTM(5, name="lstm"), shape=SEQUENCE),
    "gru": lambda: model_of(layers.GRU(5, name="gru"), shape=SEQUENCE),
    "both directions": lambda: model_of(
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="b"),
        layers.Bidirectional(layers.GRU(3), merge_mode="sum", name="c"),
        shape=SEQUENCE,
    ),
    "an activation that tf_keras lacks": lambda: model_of(
        layers.Conv2D(2, 3, activation="squareplus", name="h")
    ),
    "an activation with another meaning": lambda: model_of(
        layers.GRU(3, recurrent_activation="hard_sigmoid", name="gru"), shape=(5, 4)
    ),
    "a class that tf_keras lacks": lambda: model_of(layers.RMSNormalization()),
    "one dimension": lambda: model_of(
        layers.Conv1D(3, 2, padding="causal"),
        layers.GroupNormalization(3),
        shape=(6, 3),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_copy_computes_the_same(name):
    model = MODELS[name]()
    copy = to_tf_keras(model)
    assert isinstance(copy, tf_keras.Model)
    batch = random_batch(model, seed=99)
    expected, received = model(batch, training=False), copy(batch, training=False)
    assert np.abs(np.asarray(expected)).max() > 0
    assert max_difference(np.asarray(expected), np.asarray(received)) <= TOLERANCE


def test_layers_keep_their_names_and_their_number_of_weights():
    model = normalized()
    copy = to_tf_keras(model)
    assert [each.name for each in copy.layers] == [each.name for each in model.layers]
    assert copy.count_params() == model.count_params()


def test_a_nested_model_is_inlined_and_equal_names_are_made_unique():
    names = [layer.name for layer in to_tf_keras(nested()).layers]
    assert names == ["image", "conv", "inner_conv"]


def test_a_prefixed_name_that_is_taken_is_made_unique():
    taken = layers.Conv2D(3, 1, name="inner_conv")
    copy = to_tf_keras(model_of(taken, *nested().layers[1:]))
    names = [layer.name for layer in copy.layers]
    assert names == ["image", "inner_conv", "conv", "inner_conv_"]


def test_two_conversions_share_no_layer():
    model = normalized()
    first, second = to_tf_keras(model), to_tf_keras(model)
    first.get_layer("logits").bias.assign([9, 9, 9])
    assert not np.any(second.get_layer("logits").bias.numpy() == 9)
    assert not np.any(np.asarray(model.get_layer("logits").bias) == 9)


def test_dropout_drops_in_training_although_keras_records_inference():
    copy = to_tf_keras(model_of(layers.Flatten(), layers.Dropout(0.5, seed=1)))
    ones = np.ones((2, *IMAGE), np.float32)
    assert 0 < np.mean(np.asarray(copy(ones, training=True)) == 0) < 1


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def bare_function() -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    return keras.Model(image, keras.ops.sin(image), name="waves")


REFUSED = {
    "a subclassed model": (Subclassed, ["Subclassed", "no graph", "functional"]),
    "a model that is not built": (
        lambda: keras.Sequential([layers.Dense(3)]),
        ["no graph", "built"],
    ),
    "a bare function": (bare_function, ["Sin", "not a layer", "Multiply"]),
    "an open dimension": (
        lambda: model_of(layers.GRU(3), shape=(None, 4)),
        ['input "image"', "(None, None, 4)", "must be fixed"],
    ),
    "half precision": (
        lambda: model_of(layers.Conv2D(2, 3, dtype="mixed_float16", name="half")),
        ['layer "half"', "mixed_float16", "float32"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_models_are_rejected_naming_the_layer(name):
    make, words = REFUSED[name]
    with pytest.raises(UserError) as caught:
        to_tf_keras(make())
    for word in words:
        assert word in str(caught.value)


def test_the_check_finds_a_copy_with_other_weights():
    model = normalized()
    copy = to_tf_keras(model)
    kernel = copy.get_layer("conv").kernel
    kernel.assign(kernel + 1e-3)
    with pytest.raises(UserError, match='layer "conv"'):
        check_equal(model, copy, seed=1)


def test_layers_frozen_in_training_are_compressed_with_the_others():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(2, 3, name="frozen")(image)
    x = layers.BatchNormalization(name="norm")(x)
    model = keras.Model(image, x, name="net")
    model.trainable = False
    converted = to_tf_keras(model)
    assert [weight.name for weight in converted.trainable_weights] == [
        "frozen/kernel:0",
        "frozen/bias:0",
    ]


def adapted(*stack, mean, variance, shape=IMAGE, axis=-1) -> keras.Model:
    """A model that begins with an adapted Normalization."""
    norm = layers.Normalization(axis=axis, name="adapted")
    model = model_of(norm, *stack, shape=shape)
    norm.set_weights([np.asarray(mean), np.asarray(variance), np.asarray(9)])
    norm.finalize_state()
    return model


def shared_normalization() -> keras.Model:
    ends = [keras.Input((4,), name=name) for name in ("a", "b")]
    norm = layers.Normalization(mean=[1, 2, 3, 4], variance=[4, 4, 1, 1], name="norm")
    dense = layers.Dense(2, name="dense")
    return keras.Model(ends, layers.Add()([dense(norm(end)) for end in ends]))


DENSE = {"mean": [1.0, 200.0, 0.3, 0.5], "variance": [4.0, 900.0, 0.0, 0.01]}
PIXELS = {"mean": [0.5, 2.0, -1.0], "variance": [0.3, 4.0, 1.0]}
ALIKE = {"mean": [1.0, 20.0, 0.3, 5.0], "variance": [4.0, 9.0, 8.0, 1.0]}
NORMALIZED = {
    "before a dense layer, one channel without variance": (
        lambda: adapted(layers.Dense(3, name="dense"), **DENSE, shape=(4,)),
        False,
    ),
    "before a dense layer": (
        lambda: adapted(layers.Dense(3, name="dense"), **ALIKE, shape=(4,)),
        True,
    ),
    "channels that are not alike": (
        lambda: adapted(layers.Conv2D(4, 3), mean=[0] * 3, variance=[1, 1, 17]),
        False,
    ),
    "before a convolution": (
        lambda: adapted(layers.Conv2D(4, 3, use_bias=False), **PIXELS),
        True,
    ),
    "before a grouped one": (
        lambda: adapted(layers.Conv2D(6, 3, groups=3), **PIXELS),
        False,
    ),
    "before a depthwise one": (
        lambda: adapted(layers.DepthwiseConv2D(3, depth_multiplier=2), **PIXELS),
        True,
    ),
    "before a border, mean zero": (
        lambda: adapted(
            layers.Conv2D(4, 3, padding="same"), mean=[0] * 3, variance=[0.3, 4, 1]
        ),
        True,
    ),
    "before a border": (
        lambda: adapted(layers.Conv2D(4, 3, padding="same"), **PIXELS),
        False,
    ),
    "before a pooling": (lambda: adapted(layers.MaxPooling2D(), **PIXELS), False),
    "at each place another": (
        lambda: adapted(
            layers.Conv1D(2, 2),
            mean=np.zeros((6, 4)),
            variance=np.full((6, 4), 2),
            shape=SEQUENCE,
            axis=(1, 2),
        ),
        False,
    ),
    "used twice": (lambda: shared_normalization(), False),
    "in a nested model": (
        lambda: model_of(adapted(layers.Dense(3), **ALIKE, shape=(4,)), shape=(4,)),
        True,
    ),
}


@pytest.mark.parametrize("name", NORMALIZED)
def test_an_adapted_normalization_is_converted_and_folded_where_that_is_exact(name):
    make, exact = NORMALIZED[name]
    model = make()
    batch = random_batch(model, seed=5)
    expected = np.asarray(model_outputs(model, batch))
    assert 0.1 < np.abs(expected).max() < 100  # not 1e7
    neutral, lines = neutralize_constant_channels(model)
    folded = fold_input_normalizations(neutral)
    kinds = [type(layer).__name__ for layer in folded._flatten_layers()]
    assert ("Normalization" not in kinds) == exact
    line = "adapted (Normalization), 1 channels without variance"
    assert lines == ([line] if "without variance" in name else [])
    copy = to_tf_keras(model)
    clone = tf_keras.models.clone_model(copy)  # as tfmot does
    clone.set_weights(copy.get_weights())
    for other in (
        model_outputs(neutral, batch),
        model_outputs(folded, batch),
        copy(batch),
        clone(batch),
    ):
        assert max_difference(expected, np.asarray(other)) <= TOLERANCE


def test_a_normalization_with_another_mean_is_rejected():
    model = NORMALIZED["before a dense layer, one channel without variance"][0]()
    copy = to_tf_keras(model)
    norm = copy.get_layer("adapted")
    norm.mean = norm.mean + 0.01
    with pytest.raises(UserError, match=r'layer "adapted" \(Normalization\)'):
        check_equal(model, copy, seed=1)


def listed() -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    return keras.Model([image], layers.Conv2D(2, 3, name="conv")(image))


def named() -> keras.Model:
    image = keras.Input(IMAGE, name="image")
    return keras.Model({"image": image}, layers.Conv2D(2, 3, name="conv")(image))


@pytest.mark.parametrize("make", [normalized, listed, named, nested])
def test_models_are_called_with_inputs_in_their_own_structure(make, recwarn):
    model = make()
    folded = fold_batch_norms(model)
    check_same_outputs(model, folded)
    for each in (model, folded):
        check_equal(each, to_tf_keras(each), seed=1)
    warned = [str(warning.message) for warning in recwarn]
    assert not [text for text in warned if "structure of `inputs`" in text]


def test_a_nested_model_that_repeats_a_name_is_rebuilt():
    def plus(x, number):
        x = x + number
        x._keras_history.operation.name = "more"
        return x

    image = keras.Input(IMAGE, name="image")
    inside = keras.Input(IMAGE, name="image")
    inner = keras.Model(inside, plus(inside, 1.0), name="inner")
    model = keras.Model(image, plus(inner(image), 2.0))
    twice = fold_batch_norms(model)
    check_same_outputs(model, twice)
    names = [each.name for each in twice.operations]
    assert sorted(names) == ["image", "more", "more_"]
    assert [each.name for each in model.operations] == ["image", "inner", "more"]
