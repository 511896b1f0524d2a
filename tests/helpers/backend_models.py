"""Small models trained under another backend of Keras, and their predictions.

Run: KERAS_BACKEND=jax python tests/helpers/backend_models.py FOLDER
Out: FOLDER/NAME.keras per model, and FOLDER/predictions.npz: `NAME_x` and `NAME_y`.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers


def convolutional() -> keras.Model:
    """Operations of `keras.ops`, a residual block, normalizations, a softmax."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Rescaling(2.0, -1.0, name="scale")(image)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(x)
    x = layers.ReLU(max_value=6.0, name="relu6")(layers.BatchNormalization()(x))
    deep = layers.DepthwiseConv2D(3, padding="same", name="deep")(x)
    x = keras.ops.relu(layers.Add(name="sum")([x, deep]) * 0.5 + 0.1)
    x = layers.Dropout(0.1)(layers.MaxPooling2D()(x))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="end")(x))


def recurrent() -> keras.Model:
    """Layers with random states, and a recurrent one in both directions."""
    steps = [keras.Input((6, 4), name="steps"), layers.Conv1D(5, 3, activation="gelu")]
    cell = layers.LSTM(3, dropout=0.1)
    return keras.Sequential([*steps, layers.Bidirectional(cell), layers.Dense(2)])


def narrow(policy: str) -> keras.Model:
    """Layers that compute, or also store, 16-bit numbers; logits in float32."""
    keras.config.set_dtype_policy(policy)
    table = [keras.Input((6,), name="row"), layers.Dense(4, activation="relu")]
    model = keras.Sequential([*table, layers.Dense(2, dtype="float32", name="end")])
    keras.config.set_dtype_policy("float32")
    return model


def write(folder: Path) -> None:
    """Train every model for an epoch, and save it with predictions.

    Args:
        folder: that the files are written to.
    """
    models = {"convolutional": convolutional(), "recurrent": recurrent()}
    models |= {name: narrow(name) for name in ("mixed_float16", "bfloat16")}
    rng, arrays = np.random.default_rng(0), {}
    for name, model in models.items():
        x = rng.random((32, *model.input_shape[1:]), np.float32)
        model.compile("sgd", "mse")
        model.fit(x, rng.random((32, model.output_shape[-1])), epochs=1, verbose=0)
        y = keras.ops.convert_to_numpy(model.predict(x[:4], verbose=0))
        arrays |= {f"{name}_x": x[:4], f"{name}_y": y.astype(np.float32)}
        model.save(folder / f"{name}.keras")
        _deflate(folder / f"{name}.keras")
    np.savez_compressed(folder / "predictions.npz", **arrays)


def _deflate(path: Path) -> None:
    """Compress the members of a .keras file, which Keras stores."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
