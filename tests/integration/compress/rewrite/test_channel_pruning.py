"""Channel pruning and folding: removing dead channels changes no output."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.rewrite.channel_pruning import prune_channels
from pipeline.compress.rewrite.fold import fold_batch_norms, fuse_relu
from pipeline.core.errors import UserError
from pipeline.models.describe import describe


def residual() -> keras.Model:
    """A stem and a body, added, concatenated and flattened, with normalizations."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(image)
    x = stem = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(name="norm2")(x)
    x = layers.Conv2D(6, 1, activation="relu", name="inner")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", name="body")(x)
    x = layers.Add(name="sum")([x, stem])
    both = layers.Concatenate(name="both")([x, stem])
    x = layers.Flatten(name="flatten")(layers.MaxPooling2D(4, name="pool")(both))
    x = layers.Dense(10, activation="relu", name="dense")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="residual")


def nested() -> keras.Model:
    inside = keras.Sequential(
        [
            keras.Input((6, 4), name="tokens"),
            layers.Conv1D(8, 3, activation="relu", name="conv"),
            layers.Reshape((32,), name="flat"),
        ],
        name="inside",
    )
    inputs = keras.Input((6, 4), name="given")
    x = layers.Dense(6, name="dense")(inside(inputs))
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name="outside")


def settled(model: keras.Model, seed: int = 1) -> keras.Model:
    """Random weights, statistics of normalizations among them."""
    draw = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        values = [draw.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
        if not isinstance(layer, keras.Model):
            layer.set_weights(values)
    return model


def kill(model: keras.Model, names: dict[str, list[int]]) -> None:
    """Set the filters of these channels to zero."""
    for name, channels in names.items():
        for layer in model._flatten_layers():
            if layer.name == name:
                weights = layer.get_weights()
                for weight in weights[1 if name == "body" else 0 :]:
                    weight[..., channels] = 0
                layer.set_weights(weights)


def test_removing_dead_channels_changes_no_output():
    model = settled(residual())
    dead = [1, 2, 5, 6]
    kill(
        model,
        {"stem": dead, "body": dead, "inner": [0, 3, 4], "dense": [0, 1, 2, 3, 9]},
    )
    for name, places in (("norm", [1, 2]), ("depthwise", [1]), ("norm2", [1, 2])):
        layer = model.get_layer(name)  # beta, mean and bias would make them nonzero
        weights = layer.get_weights()
        for place in places:
            weights[place][dead] = 0
        layer.set_weights(weights)
    smaller, left_out = prune_channels(model, 0.5)
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype("float32")
    assert left_out == []
    assert smaller.count_params() < 0.45 * model.count_params()
    assert describe(smaller).macs < 0.5 * describe(model).macs
    assert [smaller.get_layer(n).filters for n in ("stem", "inner", "body")] == [
        4,
        3,
        4,
    ]
    np.testing.assert_allclose(smaller(x), model(x), rtol=1e-4)


def test_nested_models_are_pruned():
    model = settled(nested())
    kill(model, {"conv": [0, 1, 2, 7], "dense": [1, 4, 5]})
    smaller, _ = prune_channels(model, 0.5)
    x = np.random.default_rng(0).normal(size=(5, 6, 4)).astype("float32")
    assert smaller.get_layer("flat").target_shape == (16,)
    np.testing.assert_allclose(smaller(x), model(x), rtol=1e-4)


@pytest.mark.parametrize(("fraction", "left"), [(0.25, 6), (0.5, 4), (0.9, 1)])
def test_each_group_loses_the_fraction_and_keeps_at_least_one_channel(fraction, left):
    smaller, _ = prune_channels(settled(residual()), fraction)
    assert (
        smaller.get_layer("stem").filters == smaller.get_layer("body").filters == left
    )
    assert smaller.output_shape == (None, 3)


def test_unsupported_layers_keep_their_channels_and_are_listed():
    inputs = keras.Input((6, 4), name="given")
    x = layers.Dense(8, name="before")(inputs)
    x = layers.LSTM(5, name="lstm")(x)
    x = layers.Dense(6, name="after")(x)
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x), name="net")
    smaller, left_out = prune_channels(model, 0.5)
    units = {
        name: smaller.get_layer(name).units for name in ("before", "lstm", "after")
    }
    assert units == {"before": 8, "lstm": 5, "after": 3}
    assert left_out == ["lstm (LSTM)"]


def test_a_model_without_a_removable_channel_is_rejected():
    inputs = keras.Input((4,), name="given")
    model = keras.Model(inputs, layers.Dense(2, name="logits")(inputs), name="line")
    with pytest.raises(UserError, match='no layer of "line".*leave prune_channels out'):
        prune_channels(model, 0.5)


@pytest.mark.parametrize("make", [residual, nested])
def test_folding_batch_normalizations_changes_no_output(make):
    model = settled(make())
    folded = fold_batch_norms(model)
    kinds = {type(layer).__name__ for layer in folded._flatten_layers()}
    assert "BatchNormalization" not in kinds
    x = np.random.default_rng(0).normal(size=(5, *model.input_shape[1:]))
    np.testing.assert_allclose(folded(x), model(x), rtol=1e-4)


def test_a_relu_layer_is_fused_into_the_layer_before_it():
    model = settled(residual())
    joined = fuse_relu(fold_batch_norms(model))
    names = {layer.name for layer in joined.layers}
    assert "relu" in names  # its input is also read by another layer
    inputs = keras.Input((4,), name="given")
    x = layers.ReLU(name="relu")(layers.Dense(3, name="dense")(inputs))
    x = layers.ReLU(6.0, name="relu6")(layers.Dense(3, name="clipped")(x))
    line = settled(keras.Model(inputs, layers.Dense(2, name="logits")(x), name="line"))
    short = fuse_relu(line)
    kept = [layer.name for layer in short.layers]
    assert kept == ["given", "dense", "clipped", "relu6", "logits"]
    x = np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_allclose(short(x), line(x), rtol=1e-5)


def test_a_batch_normalization_is_not_folded_if_its_input_has_two_readers():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(image)
    y = layers.BatchNormalization(name="norm")(x)
    x = layers.Flatten(name="flatten")(layers.Add(name="sum")([x, y]))
    model = settled(keras.Model(image, layers.Dense(2, name="logits")(x), name="two"))
    folded = fold_batch_norms(model)
    assert folded.get_layer("norm") is not model.get_layer("norm")
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 3))
    np.testing.assert_allclose(folded(x), model(x), rtol=1e-4)
