"""A dense autoencoder for anomaly detection.

It reconstructs data like its training data well, and other data badly: the score of
an example is its mean squared error. Hinton, Salakhutdinov, Reducing the
Dimensionality of Data with Neural Networks, 2006. `mlperf_tiny` is MLPerf Tiny's
anomaly detector on ToyADMOS machine sounds (Koizumi et al., 2019):
640-128x4-8-128x4-640, 269,992 parameters, 0.26 M MACs.
"""

from __future__ import annotations

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.input_output import input_layer, require_input
from pipeline.models.registry import builder

MLPERF_TINY = {"units": 128, "layers": 4, "code": 8, "bias": True, "dropout": 0.0}


@builder("autoencoder", presets={"mlperf_tiny": MLPERF_TINY})
def autoencoder(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Dense autoencoder with a narrow code, for anomaly detection.

    Args:
        hp: declares `units` (32 .. 128) and `layers` (1 .. 4) of encoder and decoder
            each, and the width of the `code` (4 .. 32).
        spec: numbers of any shape.

    Returns:
        Inputs `(batch, *spec.shape)` to their reconstruction, of the same shape.
    """
    needs = "numbers of any shape, no tokens"
    require_input("autoencoder", spec, needs, not spec.vocabulary, ["input"])
    build = building_blocks(hp, dropout=0.0)
    units = build.scale_width(hp.Int("units", 32, 128, step=32, default=128))
    count = build.scale_depth(hp.Int("layers", 1, 4, default=4))
    code = build.scale_width(hp.Int("code", 4, 32, step=4, default=8))
    flat = len(spec.shape) == 1
    x = inputs = input_layer(spec)
    x = x if flat else layers.Flatten(name="flatten")(x)
    for number in range(1, count + 1):
        x = build.dense(x, units, f"encoder{number}")
    x = build.dropout(build.dense(x, code, "code"))
    for number in range(1, count + 1):
        x = build.dense(x, units, f"decoder{number}")
    x = layers.Dense(math.prod(spec.shape), name="rebuilt" if flat else "pixels")(x)
    x = x if flat else layers.Reshape(spec.shape, name="rebuilt")(x)
    return keras.Model(inputs, x, name="autoencoder")
