"""Images a second through `pad(4) | random_crop(32) | flip`, and as Keras layers.

All take the same float32 batches of 32x32x3 out of memory, in turns, so that
whatever else the machine does meets them alike. Keras's layers run in a serial map:
in a parallel one they give other images on every run. Keras's RandomCrop draws one
place for a whole batch, so the same policy, a place for each image, is its
RandomTranslation by whole pixels; the cheaper crop is printed for comparison.

Run: make bench-augment     (python -m benchmarks.augment)
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
    """Time all in turns; print medians, and the ratio over the rounds."""
    images = np.random.default_rng(1).random((IMAGES, 32, 32, 3), np.float32)
    ways = {
        "policy": by_policy(images),
        "keras layers": by_layers(images, moved()),
        "keras, one crop a batch": by_layers(images, cropped()),
    }
    for dataset in ways.values():
        seconds(dataset)  # traces, warms up
    times = [{name: seconds(d) for name, d in ways.items()} for _ in range(ROUNDS)]
    for name in ways:
        rate = IMAGES / statistics.median(row[name] for row in times)
        print(f"{name:24s} {rate:10,.0f} images/s")
    ratios = [row["keras layers"] / row["policy"] for row in times]
    spread = f"{min(ratios):.2f} .. {max(ratios):.2f}"
    print(
        f"{'policy / keras layers':24s} {statistics.median(ratios):10.2f}  ({spread})"
    )


def by_policy(images: np.ndarray) -> tf.data.Dataset:
    """Augmented in a parallel map: deterministic, on all cores."""
    policy, whole = Policy(POLICY, 7), tf.constant(images)
    at = tf.data.Dataset.range(IMAGES).batch(BATCH, drop_remainder=True)
    return at.map(
        lambda at: policy(tf.gather(whole, at), tf.constant(0), at), tf.data.AUTOTUNE
    )


def moved() -> list[keras.layers.Layer]:
    """Each image moved by up to four pixels, zeros from outside, and mirrored."""
    reach = 4 / 32
    return [
        keras.layers.RandomTranslation(
            reach, reach, fill_mode="constant", interpolation="nearest", seed=1
        ),
        keras.layers.RandomFlip("horizontal", seed=1),
    ]


def cropped() -> list[keras.layers.Layer]:
    """The layers of the policy's own names; all images of a batch are cut alike."""
    return [
        keras.layers.ZeroPadding2D(4),
        keras.layers.RandomCrop(32, 32, seed=1),
        keras.layers.RandomFlip("horizontal", seed=1),
    ]


def by_layers(images: np.ndarray, layers: list[keras.layers.Layer]) -> tf.data.Dataset:
    """Keras's layers, in a serial map."""
    whole = tf.constant(images)

    def augment(at: tf.Tensor) -> tf.Tensor:
        x = tf.gather(whole, at)
        for layer in layers:
            x = layer(x, training=True)
        return x

    at = tf.data.Dataset.range(IMAGES).batch(BATCH, drop_remainder=True)
    return at.map(augment)


def seconds(dataset: tf.data.Dataset) -> float:
    """The time of one pass."""
    begin = time.perf_counter()
    for _ in dataset:
        pass
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
