"""A recipe of this pipeline against the tutorial of tfmot, from one trained model.

In: the digits of scikit-learn, and the builder `cnn` with its defaults, trained on
them. Out: bytes of the .tflite files (flash of the target lite), the same after gzip
(download), and their accuracy on 597 test images.
Run: make bench-compress     (python -m benchmarks.compress)

The tutorial (tensorflow.org/model_optimization, "Pruning in Keras example") prunes
from 50 % to 80 % by a polynomial schedule in two epochs, strips the wrappers, and
applies post-training dynamic-range quantization.
"""

from __future__ import annotations

import os

from pipeline.core.determinism import pins

os.environ.update(pins(1, "native"))

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from sklearn.datasets import load_digits

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tflite.inspect import gzip_size
from pipeline.compress.tflite.strip import strip
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.build import build
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import LiteModel
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

CLASSES = tuple("0123456789")
SPEC = TaskSpec("digits", "sklearn:digits", (8, 8, 1), "uint8", CLASSES, 1 / 16)
RECIPE = "prune_channels(0.5) | prune(0.6) | cluster(16) | pcqat"
SEED = 1


def main() -> None:
    """Train, compress in both ways, and print sizes and accuracies."""
    train, validation, test = splits()
    model = registry.build("cnn", {}, SPEC, SEED)
    fit(
        model,
        FitData(SPEC, train, validation),
        FitSettings(epochs=30),
        FitContext(SEED),
    )
    examples = SPEC.to_input(train.x[:200])
    settings = FitSettings(epochs=20)
    tuning = FineTuning(SPEC, train, validation, settings, None, SEED)
    files = {
        "float": build(model, parse_recipe("float"), tuning, examples).content,
        "tutorial of tfmot": tutorial(model, train),
        RECIPE: strip(build(model, parse_recipe(RECIPE), tuning, examples).content),
    }
    rows = {
        name: (accuracy(content, test), len(content), gzip_size(content))
        for name, content in files.items()
    }
    for name, (right, flash, download) in rows.items():
        print(f"{name:50s} {right:.3f}  flash {flash:9,}  download {download:9,}")
    (before, *larger), (after, *smaller) = rows["tutorial of tfmot"], rows[RECIPE]
    fewer = [small / large for small, large in zip(smaller, larger)]
    print(
        f"recipe / tutorial: {fewer[0]:.2f} of the flash, {fewer[1]:.2f} of the "
        f"download, {100 * (after - before):+.1f} points"
    )


def splits() -> tuple[Split, Split, Split]:
    """900 images for training, 300 for validation, 597 for the test."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    x = digits.images[order].astype(np.uint8)[..., None]
    y = digits.target[order].astype(np.int64)
    first, second, third = (slice(0, 900), slice(900, 1200), slice(1200, None))
    return (
        Split(x[first], y[first]),
        Split(x[second], y[second]),
        Split(x[third], y[third]),
    )


def tutorial(model: keras.Model, train: Split) -> bytes:
    """Compress with the steps, batch size and epochs of the tutorial."""
    steps = 2 * int(np.ceil(len(train) / 128))
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.8, 0, steps)
    pruned = tfmot.sparsity.keras.prune_low_magnitude(
        to_tf_keras(model), pruning_schedule=schedule
    )
    tf_keras.utils.set_random_seed(SEED)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pruned.compile("adam", loss, metrics=["accuracy"])
    step = tfmot.sparsity.keras.UpdatePruningStep()
    x = SPEC.to_input(train.x)
    pruned.fit(x, train.y, 128, 2, callbacks=[step], verbose=0)
    stripped = tfmot.sparsity.keras.strip_pruning(pruned)
    converter = tf.lite.TFLiteConverter.from_keras_model(stripped)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())


def accuracy(content: bytes, test: Split) -> float:
    """Accuracy of a .tflite file, run by the interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        predicted = LiteModel(path, SPEC).logits(test.x).argmax(axis=1)
        return float(np.mean(predicted == test.y))


if __name__ == "__main__":
    main()
