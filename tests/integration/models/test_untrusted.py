"""A .keras file from a third party is read without running any of its code."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.models.files import load_model


def test_code_inside_a_keras_file_is_refused_and_not_run(tmp_path):
    marker, path = tmp_path / "owned", tmp_path / "a.keras"
    text = str(marker)
    inputs = keras.Input((2,))
    trap = keras.layers.Lambda(
        lambda x: (open(text, "w"), x)[1],  # noqa: SIM115
        output_shape=(2,),
        name="lambda",
    )
    keras.Model(inputs, trap(inputs)).save(path)
    assert not marker.exists()
    message = '/a.keras: not readable as a Keras model: layer "lambda" is a Lambda'
    with pytest.raises(UserError, match=message) as caught:
        load_model(path)
    assert "safe_mode" not in str(caught.value)
    assert not marker.exists()
    keras.models.load_model(path, safe_mode=False)(np.zeros((1, 2)))
    assert marker.exists()  # without the safe mode the trap does close


class Twice(keras.layers.Layer):
    """A custom layer."""

    def call(self, x):
        return 2 * x


def odd(x):
    """A custom activation."""
    return x


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Twice(name="mine"), r'layer "mine" \(Twice\) is of a class from '),
        (
            keras.layers.Dense(2, activation=odd),
            r"\(Dense\) uses the function odd of a script",
        ),
    ],
)
def test_custom_code_is_named(tmp_path, layer, message):
    inputs = keras.Input((2,))
    keras.Model(inputs, layer(inputs)).save(tmp_path / "a.keras")
    with pytest.raises(UserError, match=message) as caught:
        load_model(tmp_path / "a.keras")
    assert len(str(caught.value).splitlines()) == 1
