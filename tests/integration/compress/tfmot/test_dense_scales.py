"""One scale per Dense kernel, where that costs no accuracy."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras

from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tfmot.dense_scales import error, with_dense_scales
from pipeline.compress.tfmot.export import export

X = np.random.default_rng(1).normal(size=(32, 24)).astype(np.float32)


def choice(spread: float) -> tuple[bytes, bytes]:
    """The file with a scale per output, and the one that is chosen.

    Args:
        spread: factor between the largest kernel column and the smallest.
    """
    tf_keras.utils.set_random_seed(1)
    tensor = tf_keras.Input((24,), name="x")
    hidden = tf_keras.layers.Dense(96, activation="relu", name="hidden")
    x = hidden(tensor)
    model = tf_keras.Model(tensor, tf_keras.layers.Dense(24, name="end")(x))
    kernel, bias = hidden.get_weights()
    factors = np.geomspace(1, spread, 96, dtype=np.float32)
    hidden.set_weights([kernel / factors, bias])
    end = model.get_layer("end")
    kernel, bias = end.get_weights()
    end.set_weights([kernel * factors[:, None], bias])
    outputs = np.asarray(model(X))
    plain = export(model, "int8", X)
    other = lambda: export(model, "int8", X, dense_scale=True)  # noqa: E731
    return plain, with_dense_scales(model, plain, other, X, outputs)


def test_a_scale_per_kernel_saves_bytes_where_kernels_are_even():
    plain, chosen = choice(1.0)
    assert len(chosen) < len(plain) - 1000
    assert read_facts(plain).per_channel and not read_facts(chosen).per_channel


def test_uneven_kernels_keep_a_scale_per_output():
    plain, chosen = choice(1000.0)
    assert chosen == plain


def test_the_error_is_that_of_the_outputs():
    tensor = tf_keras.Input((24,), name="x")
    model = tf_keras.Model(tensor, tf_keras.layers.Dense(3, name="end")(tensor))
    outputs, content = np.asarray(model(X)), export(model, "float")
    assert error(content, X, outputs) == pytest.approx(0, abs=1e-6)
    assert error(content, X, outputs + 2) == pytest.approx(2, abs=1e-5)
