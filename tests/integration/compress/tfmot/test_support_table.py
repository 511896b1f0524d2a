"""The compression table: one row per layer, equal to what recipes leave out."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.support_table import support_table
from pipeline.compress.tfmot.supported_layers import unsupported_layers


def test_every_layer_of_a_convolutional_net_has_its_row(small_net):
    rows = {row.name: row for row in support_table(small_net)}
    assert set(rows) == {layer.name for layer in small_net.layers[1:]}
    conv, pool = rows["conv"], rows["pool"]
    assert (conv.prune, conv.cluster, conv.qat, conv.int8) == ("yes",) * 4
    assert (pool.prune, pool.cluster, pool.qat) == ("-", "-", "yes")


def test_no_is_printed_where_recipes_leave_a_layer_out():
    given = keras.Input((6, 4), name="given")
    x = layers.Conv1D(4, 3, name="conv")(given)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    model = keras.Model(given, layers.Dense(3, name="logits")(x), name="net")
    rows = support_table(model)
    missed = [f"{row.name} ({row.kind})" for row in rows if row.qat == "no"]
    assert missed == unsupported_layers(to_tf_keras(model), "qat") == ["conv (Conv1D)"]


def test_depthwise_kernels_are_clustered_and_not_pruned():
    image = keras.Input((6, 6, 2), name="image")
    x = layers.DepthwiseConv2D(3, name="depthwise")(image)
    x = layers.Flatten(name="flatten")(x)
    model = keras.Model(image, layers.Dense(3, name="logits")(x), name="net")
    row = next(row for row in support_table(model) if row.name == "depthwise")
    assert (row.prune, row.cluster, row.qat, row.int8) == ("no", "yes", "yes", "yes")


@pytest.mark.slow
def test_a_layer_that_the_converter_refuses_does_not_affect_the_others():
    """A recurrent layer of more than 256 steps has no int8 form."""
    given = keras.Input((300, 2), name="given")
    x = layers.GRU(2, name="gru")(given)
    model = keras.Model(given, layers.Dense(3, name="logits")(x), name="net")
    assert {row.name: row.int8 for row in support_table(model)} == {
        "gru": "no",
        "logits": "yes",
    }
