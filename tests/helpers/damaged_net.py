"""A depthwise network that computes the same as before, but that int8 ruins.

Channels of the depthwise layers are made quiet, and the next weights large, as in
networks whose batch normalizations learned very different scales. Nothing is trained:
normalizations take the statistics of the data, and the last layer is fitted by least
squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FACTOR = 300.0  # quiet channels are divided by it
QUIET = 0.9  # fraction of the channels
TRAIN = 1200


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images of scikit-learn's digits as float32, 0 .. 1, and their classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.images / 16).astype(np.float32)[..., None], data.target


def depthwise_net(corner: float | None = None, width: int = 16) -> Any:
    """A Keras 3 model with two depthwise blocks, about 90 % accurate on digits.

    Args:
        corner: maximum of the activations; default none.
        width: channels.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    x, y = digits()
    image = keras.Input((8, 8, 1), name="image")
    h = layers.Conv2D(width, 3, 2, "same", use_bias=False, name="stem")(image)
    for number in range(2):
        h = layers.BatchNormalization(momentum=0.0, name=f"norm{number}")(h)
        h = layers.ReLU(corner, name=f"relu{number}")(h)
        h = layers.DepthwiseConv2D(
            3, padding="same", use_bias=False, name=f"depthwise{number}"
        )(h)
        h = layers.BatchNormalization(momentum=0.0, name=f"depthwise_norm{number}")(h)
        h = layers.ReLU(corner, name=f"depthwise_relu{number}")(h)
        h = layers.Conv2D(width, 1, use_bias=False, name=f"pointwise{number}")(h)
    h = layers.BatchNormalization(momentum=0.0, name="last_norm")(h)
    h = layers.ReLU(name="last_relu")(h)
    features = layers.Flatten(name="flatten")(h)
    model = keras.Model(
        image, layers.Dense(10, name="logits")(features), name="depthwise_net"
    )
    model(x[:TRAIN], training=True)
    values = np.asarray(keras.Model(image, features)(x[:TRAIN]))
    ones = np.concatenate([values, np.ones((TRAIN, 1))], 1)
    square = ones.T @ ones + 10 * np.eye(ones.shape[1])
    weights = np.linalg.solve(square, ones.T @ np.eye(10)[y[:TRAIN]])
    model.get_layer("logits").set_weights([weights[:-1], weights[-1]])
    return model


def damage(model: Any) -> None:
    """Make most channels of the depthwise layers quiet; outputs stay equal."""
    generator = np.random.default_rng(3)
    for number in range(2):
        norm = model.get_layer(f"depthwise_norm{number}")
        following = model.get_layer(f"pointwise{number}")
        gamma, beta, *others = norm.get_weights()
        quiet = generator.permutation(len(gamma)) < QUIET * len(gamma)
        factors = np.where(quiet, FACTOR, 1.0)
        norm.set_weights([gamma / factors, beta / factors, *others])
        (kernel,) = following.get_weights()
        following.set_weights([kernel * factors[:, None]])
