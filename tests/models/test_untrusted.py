"""A .keras file from somebody else: it is read, and none of its code is run."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.engine.errors import UserError
from pipeline.models.files import load_model


def test_code_inside_a_keras_file_is_refused_and_not_run(tmp_path):
    marker, path = tmp_path / "owned", tmp_path / "a.keras"
    text = str(marker)
    given = keras.Input((2,))
    trap = keras.layers.Lambda(lambda x: (open(text, "w"), x)[1], output_shape=(2,))
    keras.Model(given, trap(given)).save(path)
    assert not marker.exists()
    with pytest.raises(UserError, match="a.keras: not readable as a Keras model"):
        load_model(path)
    assert not marker.exists()
    keras.models.load_model(path, safe_mode=False)(np.zeros((1, 2)))
    assert marker.exists()  # without the safe mode the trap does close
