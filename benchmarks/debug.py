"""How much of a post-training loss each adjustment recovers, on damaged networks.

In: networks whose depthwise channels are scaled so that they compute the same, but a
few channels are louder than the others: a small depthwise network, the family
mobilenet_v2, and EfficientNet-Lite0 if its .keras file is named. Nothing is trained
but a linear classifier on their features of scikit-learn's digits. Out: a table per
network.
Run: make bench-debug [FILE=efficientnet_lite0_imagenet.keras]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from pipeline.compress.adjust.graph import Runner
from pipeline.compress.debug.remedies import ADJUSTMENTS
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.rewrite.fold import batch_norms
from pipeline.compress.tflite.strip import strip
from pipeline.compress.tfmot.build import build
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.models import registry

FACTOR = 200.0  # quiet channels are divided by it
QUIET = 0.9  # fraction of the channels
TRAIN, CALIBRATION, TEST = 1000, 40, 200


def main(file: str | None) -> None:
    """Print the tables.

    Args:
        file: EfficientNet-Lite0 as a .keras file; None leaves it out.
    """
    for name, features, size in _networks(file):
        x, y = _digits(size, features.input.shape[-1])
        model = with_classifier(features, x[:TRAIN], y[:TRAIN])
        damage(model, x[:CALIBRATION])
        print(f"\n{name}: {model.count_params():,} parameters")
        _print_table(model, x, y)


def damage(model: keras.Model, examples: np.ndarray) -> None:
    """Divide most channels after each depthwise layer, and multiply the next weights.

    Channels that reach the corner of a ReLU6 are left alone, so outputs stay equal.

    Args:
        model: with a BatchNormalization after each depthwise layer.
        examples: model inputs.
    """
    generator = np.random.default_rng(1)
    pairs = [
        (norm, following)
        for layer, norm in batch_norms(model).items()
        if type(layer).__name__ == "DepthwiseConv2D"
        and (following := _next_linear(norm)) is not None
    ]
    peaks_of_pairs = _peaks(model, [norm for norm, _ in pairs], examples)
    for (norm, following), peaks in zip(pairs, peaks_of_pairs, strict=True):
        chosen = generator.random(len(peaks)) < QUIET
        factors = np.where(chosen & (peaks < 5.5), FACTOR, 1.0)
        gamma, beta, *others = norm.get_weights()
        norm.set_weights([gamma / factors, beta / factors, *others])
        kernel, *others = following.get_weights()
        following.set_weights([kernel * factors[:, None], *others])


def with_classifier(model: keras.Model, x: np.ndarray, y: np.ndarray) -> keras.Model:
    """Add a linear classifier, fitted by ridge regression.

    Args:
        model: gives features `(n, k)`.
        x: model inputs.
        y: classes 0 .. 9.
    """
    features = _outputs(model, x)
    ones = np.concatenate([features, np.ones((len(x), 1))], 1)
    square = ones.T @ ones + 0.01 * len(x) * np.eye(ones.shape[1])
    weights = np.linalg.solve(square, ones.T @ np.eye(10)[y])
    dense = layers.Dense(10, name="classifier")
    whole = keras.Model(model.input, dense(model.output), name="damaged")
    dense.set_weights([weights[:-1], weights[-1]])
    return whole


def _networks(file: str | None) -> Iterator[tuple[str, keras.Model, int]]:
    keras.utils.set_random_seed(1)
    for name, model, size in (
        ("depthwise network", _depthwise(), 8),
        ("mobilenet_v2", _mobilenet(), 32),
    ):
        yield name, _adapted(model, size), size
    if file:
        yield "EfficientNet-Lite0", _efficientnet(Path(file), 96), 96


def _depthwise() -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem")(image)
    for number in range(3):
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.DepthwiseConv2D(
            3, padding="same", use_bias=False, name=f"depthwise{number}"
        )(x)
        x = layers.BatchNormalization(name=f"depthwise_norm{number}")(x)
        x = layers.ReLU(name=f"depthwise_relu{number}")(x)
        x = layers.Conv2D(32, 1, use_bias=False, name=f"pointwise{number}")(x)
    x = layers.BatchNormalization(name="last_norm")(x)
    return keras.Model(image, layers.Flatten(name="flatten")(x), name="depthwise")


def _mobilenet() -> keras.Model:
    shape, classes = (32, 32, 1), tuple("0123456789")
    spec = TaskSpec("digits", "sklearn:digits", shape, "uint8", classes)
    model = registry.build("mobilenet_v2", {}, spec, seed=1)
    return keras.Model(model.input, model.layers[-1].input, name="mobilenet_v2")


def _adapted(model: keras.Model, size: int) -> keras.Model:
    """Give the normalizations the statistics of the data."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    x, _ = _digits(size, model.input.shape[-1])
    model(x[:256], training=True)
    return model


def _efficientnet(path: Path, size: int) -> keras.Model:
    """The network without its classifier, for images of another size."""
    source = keras.models.load_model(path)
    config = source.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = [None, size, size, 3]
    model = keras.Model.from_config(config)
    model.set_weights(source.get_weights())
    pooling = next(
        layer
        for layer in reversed(model.layers)
        if isinstance(layer, layers.GlobalAveragePooling2D)
    )
    return keras.Model(model.input, pooling.output, name="efficientnet")


def _digits(size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    x = (digits.images / 8 - 1).astype(np.float32)[..., None]
    x = x.repeat(size // 8, 1).repeat(size // 8, 2).repeat(channels, 3)
    return x, digits.target


def _next_linear(layer: Any) -> Any:
    """The convolution after a normalization, past its activation; None if several."""
    while len(layer._outbound_nodes) == 1:
        layer = layer._outbound_nodes[0].operation
        if type(layer).__name__ == "Conv2D":
            return layer
        if type(layer).__name__ not in ("ReLU", "Activation"):
            return None
    return None


def _peaks(
    model: keras.Model, chosen: list[Any], examples: np.ndarray
) -> list[np.ndarray]:
    """Largest output per channel of each layer."""
    inner = keras.Model(model.input, [layer.output for layer in chosen])
    values = [np.asarray(value) for value in inner(examples, training=False)]
    return [value.reshape(-1, value.shape[-1]).max(0) for value in values]


def _outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    batches = (x[begin : begin + 100] for begin in range(0, len(x), 100))
    return np.concatenate([np.asarray(model(b, training=False)) for b in batches])


def _print_table(model: keras.Model, x: np.ndarray, y: np.ndarray) -> None:
    test, classes = x[TRAIN : TRAIN + TEST], y[TRAIN : TRAIN + TEST]
    baseline = float(np.mean(_outputs(model, test).argmax(1) == classes))
    print(
        f"{'recipe':44s}{'accuracy':>10s}{'recovers':>10s}{'bytes':>12s}{'change':>8s}"
    )
    print(f"{'float':44s}{baseline:10.4f}")
    first: tuple[float, int] | None = None
    for text in ("int8", *(f"{adjustment} | int8" for adjustment in ADJUSTMENTS)):
        try:
            content = build(model, parse_recipe(text), None, x[:CALIBRATION]).content
        except UserError as error:
            print(f"{text:44s}  {error}")
            continue
        content = strip(content)
        runner = Runner(content)
        outputs = np.concatenate([runner.run([image[None]])[0] for image in test])
        accuracy = float(np.mean(outputs.argmax(1) == classes))
        first = first or (accuracy, len(content))
        lost = baseline - first[0]
        recovered = (accuracy - first[0]) / lost if lost > 0 else 0.0
        change = len(content) / first[1] - 1
        print(
            f"{text:44s}{accuracy:10.4f}{recovered:10.0%}{len(content):12,}"
            f"{change:+8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
