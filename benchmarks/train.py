"""Training speed: `model.fit` of Keras, the loop of this pipeline, and a limit.

In: noise of 8x8 and of 28x28 pixels, and the builder `cnn`. Out: examples per second
of the three, and their ratios; exit code 1 when a ratio is below its target.
Run: make bench-train     (python -m benchmarks.train)

The limit is a loop written by hand for this network: raw operations, the fused kernel
of Adam, and one epoch per graph call. All run in turns in one process with the pins of
a stage; the best epoch counts, because other load can only slow a loop down.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from pipeline.core.determinism import pins

os.environ.update({**pins(1, "native"), "TF_CPP_MIN_LOG_LEVEL": "3"})

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

EXAMPLES = {8: 3200, 28: 1600}
TARGETS = {8: (1.6, 0.7), 28: (1.15, 0.9)}  # ratios to plain fit and to the limit
BATCH, ROUNDS, EPOCHS = 32, 4, 3
CLASSES = tuple("0123456789")

Rates = dict[str, float]


def main() -> int:
    """Print one line per size; return 1 when a ratio is below its target."""
    print("images         plain         fit   in-graph  of plain  of limit  first step")
    reached = [_line(size) for size in EXAMPLES]
    return 0 if all(reached) else 1


def _line(size: int) -> bool:
    best, speed = measure(size)
    of_plain, of_limit = best["fit"] / best["plain"], best["fit"] / best["limit"]
    reached = of_plain >= TARGETS[size][0] and of_limit >= TARGETS[size][1]
    rates = "".join(f"{best[name]:10,.0f}/s" for name in ("plain", "fit", "limit"))
    first = speed["seconds_to_first_step"]
    ratios = f"{of_plain:8.2f}x {of_limit:8.2f}x {first:9.1f} s"
    print(f"{size}x{size}".ljust(7) + rates, ratios, "" if reached else "below")
    return reached


def measure(size: int) -> tuple[Rates, Rates]:
    """Examples per second of the three loops, and the speed that `fit` reports."""
    data = noise(size)
    spec = TaskSpec("noise", "noise", (size, size, 1), "float32", CLASSES)
    speed: Rates = {}
    plain, limit = plain_fit(data, spec), by_hand(data, spec)
    best = dict.fromkeys(("plain", "fit", "limit"), 0.0)
    for _ in range(ROUNDS):
        best["plain"] = max(best["plain"], _rate(plain, size))
        best["fit"] = max(best["fit"], our_fit(data, spec, speed))
        best["limit"] = max(best["limit"], _rate(limit, size))
    return best, speed


def noise(size: int) -> Split:
    """Random images with random classes."""
    rng = np.random.default_rng(1)
    x = rng.random((EXAMPLES[size], size, size, 1), np.float32)
    return Split(x, rng.integers(0, 10, EXAMPLES[size]))


def _rate(epoch: Callable[[], None], size: int) -> float:
    """Examples per second of the best of a few epochs."""
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - begin)
    return EXAMPLES[size] / min(seconds)


def plain_fit(data: Split, spec: TaskSpec) -> Callable[[], None]:
    """Prepare an epoch of `model.fit(x, y)` with the defaults of Keras."""
    model = registry.build("cnn", {}, spec, seed=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return lambda: model.fit(data.x, data.y, batch_size=BATCH, verbose=0)


def our_fit(data: Split, spec: TaskSpec, speed: Rates) -> float:
    """Examples per second of the loop of `pipeline.training`, from a fresh model."""
    model = registry.build("cnn", {}, spec, seed=1)
    settings = FitSettings(epochs=EPOCHS + 1, batch_size=BATCH)
    few = Split(data.x[:BATCH], data.y[:BATCH])
    measured: Rates = {}
    fit(model, FitData(spec, data, few), settings, FitContext(1, speed=measured))
    first = speed.get("seconds_to_first_step", np.inf)
    speed["seconds_to_first_step"] = min(first, measured["seconds_to_first_step"])
    return measured["examples_per_second"]


def by_hand(data: Split, spec: TaskSpec) -> Callable[[], None]:
    """Prepare an epoch of the same network as one graph with nothing superfluous."""
    model = registry.build("cnn", {}, spec, seed=1)
    weights = [tf.Variable(value) for value in model.get_weights()]
    moments = [(tf.Variable(0 * w), tf.Variable(0 * w)) for w in weights]
    count, steps = tf.Variable(0.0), len(data) // BATCH
    x, y = tf.constant(data.x), tf.constant(data.y)

    def step(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        number = count.assign_add(1.0)
        with tf.GradientTape() as tape:
            logits = _net(tf.gather(x, index), weights, tf.cast(number, tf.int32))
            targets = tf.gather(y, index)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, weights)
        for weight, (m, v), gradient in zip(weights, moments, gradients):
            _adam(weight, m, v, number, gradient)
        right = tf.cast(tf.argmax(logits, axis=-1) == targets, tf.float32)
        return loss, tf.reduce_mean(right)

    @tf.function(autograph=False)
    def epoch(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        key = tf.stack([1, number])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(data)), key)

        def body(i: tf.Tensor, losses: tf.Tensor, right: tf.Tensor):
            loss, accuracy = step(order[i * BATCH : (i + 1) * BATCH])
            return i + 1, losses + loss, right + accuracy

        return tf.while_loop(lambda i, *_: i < steps, body, (0, 0.0, 0.0))

    return lambda: [float(value) for value in epoch(tf.constant(0))]


def _net(x: tf.Tensor, weights: list[tf.Variable], seed: tf.Tensor) -> tf.Tensor:
    """Compute the builder `cnn` in raw operations."""
    for kernel, bias in (weights[0:2], weights[2:4]):
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.reshape(x, [BATCH, -1])
    x = tf.nn.relu(x @ weights[4] + weights[5])
    x = tf.nn.experimental.stateless_dropout(x, 0.2, tf.stack([1, seed]))
    return x @ weights[6] + weights[7]


def _adam(
    weight: tf.Variable,
    m: tf.Variable,
    v: tf.Variable,
    step: tf.Tensor,
    gradient: tf.Tensor,
) -> None:
    tf.raw_ops.ResourceApplyAdam(
        var=weight.handle,
        m=m.handle,
        v=v.handle,
        beta1_power=0.9**step,
        beta2_power=0.999**step,
        lr=1e-3,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-7,
        grad=gradient,
    )


if __name__ == "__main__":
    sys.exit(main())
