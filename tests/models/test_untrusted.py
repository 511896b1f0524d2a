"""A .keras file from somebody else: it is read, and none of its code is run."""

from __future__ import annotations

import keras
import pytest

from pipeline.engine.errors import UserError
from pipeline.models.files import load_model


def test_code_inside_a_keras_file_is_refused(tmp_path):
    given = keras.Input((2,))
    marker = tmp_path / "owned"

    def trap(x, path=str(marker)):
        open(path, "w").close()
        return x

    layer = keras.layers.Lambda(trap, output_shape=(2,), name="trap")
    model = keras.Model(given, layer(given))
    marker.unlink(missing_ok=True)
    model.save(tmp_path / "a.keras")
    with pytest.raises(UserError, match="a.keras: not readable as a Keras model"):
        load_model(tmp_path / "a.keras")
    assert not marker.exists()
