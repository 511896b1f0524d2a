"""A dense autoencoder: what it rebuilds badly is unlike what it was trained on.

Hinton, Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks,
2006. `mlperf_tiny` is MLPerf Tiny's anomaly detector on ToyADMOS machine sounds
(Koizumi et al., 2019): 640-128x4-8-128x4-640, 269,992 parameters, 0.26 M MACs.
The score of an example is its mean squared error.
"""

from __future__ import annotations

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import entrance, require
from pipeline.models.registry import builder

MLPERF_TINY = {"units": 128, "layers": 4, "code": 8, "bias": True, "dropout": 0.0}


@builder("autoencoder", presets={"mlperf_tiny": MLPERF_TINY})
def autoencoder(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Numbers of any shape to themselves, through a narrow code."""
    needs = "numbers of any shape, no tokens"
    require("autoencoder", spec, needs, not spec.vocabulary, ["input"])
    own = choose(hp, dropout=0.0)
    units = own.wide(hp.Int("units", 32, 128, step=32, default=128))
    count = own.deep(hp.Int("layers", 1, 4, default=4))
    code = own.wide(hp.Int("code", 4, 32, step=4, default=8))
    flat = len(spec.shape) == 1
    x = given = entrance(spec)
    x = x if flat else layers.Flatten(name="flatten")(x)
    for number in range(1, count + 1):
        x = own.dense(x, units, f"encoder{number}")
    x = own.drop(own.dense(x, code, "code"))
    for number in range(1, count + 1):
        x = own.dense(x, units, f"decoder{number}")
    x = layers.Dense(math.prod(spec.shape), name="rebuilt" if flat else "pixels")(x)
    x = x if flat else layers.Reshape(spec.shape, name="rebuilt")(x)
    return keras.Model(given, x, name="autoencoder")
