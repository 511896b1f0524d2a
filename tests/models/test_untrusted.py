"""A .keras file from somebody else: it is read, and none of its code is run."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.models.files import load_model


def test_code_inside_a_keras_file_is_refused_and_not_run(tmp_path):
    marker, path = tmp_path / "owned", tmp_path / "a.keras"
    text = str(marker)
    given = keras.Input((2,))
    trap = keras.layers.Lambda(
        lambda x: (open(text, "w"), x)[1], output_shape=(2,), name="lambda"
    )
    keras.Model(given, trap(given)).save(path)
    assert not marker.exists()
    said = '/a.keras: not readable as a Keras model: layer "lambda" is a Lambda'
    with pytest.raises(UserError, match=said) as told:
        load_model(path)
    assert "safe_mode" not in str(told.value)
    assert not marker.exists()
    keras.models.load_model(path, safe_mode=False)(np.zeros((1, 2)))
    assert marker.exists()  # without the safe mode the trap does close


class Twice(keras.layers.Layer):
    """Nobody else knows it."""

    def call(self, x):
        return 2 * x


def odd(x):
    """An activation that nobody else knows."""
    return x


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Twice(name="mine"), r'layer "mine" \(Twice\) is of a class of its own, of '),
        (
            keras.layers.Dense(2, activation=odd),
            r"\(Dense\) uses the function odd of a script",
        ),
    ],
)
def test_a_part_of_ones_own_is_named(tmp_path, layer, said):
    given = keras.Input((2,))
    keras.Model(given, layer(given)).save(tmp_path / "a.keras")
    with pytest.raises(UserError, match=said) as told:
        load_model(tmp_path / "a.keras")
    assert len(str(told.value).splitlines()) == 1
