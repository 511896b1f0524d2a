"""Augmentation speed of `pad(4) | random_crop(32) | flip` against Keras layers.

In: random float32 images (16384, 32, 32, 3) in memory. Out: images per second of each
implementation, measured in turns so that other load affects them equally.
Run: make bench-augment     (python -m benchmarks.augment)

The Keras layers run in a serial map, because in a parallel one they give different
images on every run. RandomCrop of Keras draws one position per batch, so the same
policy, with one position per image, is RandomTranslation by whole pixels; the cheaper
crop is printed for comparison.
"""

from __future__ import annotations

import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy

POLICY = "pad(4) | random_crop(32) | flip"
IMAGES, BATCH, ROUNDS = 16_384, 128, 5


def main() -> None:
    """Time the implementations in turns; print medians and the ratio per round."""
    images = np.random.default_rng(1).random((IMAGES, 32, 32, 3), np.float32)
    datasets = {
        "policy": policy_dataset(images),
        "keras layers": layer_dataset(images, translation()),
        "keras, one crop per batch": layer_dataset(images, crop()),
    }
    for dataset in datasets.values():
        seconds(dataset)  # tracing and warm-up
    times = [{name: seconds(d) for name, d in datasets.items()} for _ in range(ROUNDS)]
    for name in datasets:
        rate = IMAGES / statistics.median(row[name] for row in times)
        print(f"{name:26s} {rate:10,.0f} images/s")
    ratios = [row["keras layers"] / row["policy"] for row in times]
    spread = f"{min(ratios):.2f} .. {max(ratios):.2f}"
    print(
        f"{'policy / keras layers':26s} {statistics.median(ratios):10.2f}  ({spread})"
    )


def policy_dataset(images: np.ndarray) -> tf.data.Dataset:
    """Augment with a policy in a parallel map: deterministic, on all cores."""
    policy, source = Policy(POLICY, 7), tf.constant(images)

    def augment(index: tf.Tensor) -> tf.Tensor:
        return policy(tf.gather(source, index), tf.constant(0), index)

    return batches().map(augment, tf.data.AUTOTUNE)


def batches() -> tf.data.Dataset:
    """Indices of images, `(BATCH,)` int64."""
    return tf.data.Dataset.range(IMAGES).batch(BATCH, drop_remainder=True)


def translation() -> list[keras.layers.Layer]:
    """Layers that move each image by up to 4 pixels, fill with 0, and mirror it."""
    factor = 4 / 32
    return [
        keras.layers.RandomTranslation(
            factor, factor, fill_mode="constant", interpolation="nearest", seed=1
        ),
        keras.layers.RandomFlip("horizontal", seed=1),
    ]


def crop() -> list[keras.layers.Layer]:
    """Layers with the names of the steps; all images of a batch are cropped equally."""
    return [
        keras.layers.ZeroPadding2D(4),
        keras.layers.RandomCrop(32, 32, seed=1),
        keras.layers.RandomFlip("horizontal", seed=1),
    ]


def layer_dataset(
    images: np.ndarray, layers: list[keras.layers.Layer]
) -> tf.data.Dataset:
    """Augment with Keras layers in a serial map."""
    source = tf.constant(images)

    def augment(index: tf.Tensor) -> tf.Tensor:
        x = tf.gather(source, index)
        for layer in layers:
            x = layer(x, training=True)
        return x

    return batches().map(augment)


def seconds(dataset: tf.data.Dataset) -> float:
    """Seconds of one pass over a data set."""
    begin = time.perf_counter()
    for _ in dataset:
        pass
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
