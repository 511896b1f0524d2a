"""Training speed: plain `model.fit`, this pipeline's loop, and the limit.

    make bench-train, or python -m benchmarks.train

The limit is a loop written by hand for the one net: raw operations, Adam's kernel, an
epoch in one graph. All three fit the builder `cnn` on noise of 8x8 and of 28x28, in
turns in one process with the pins of a stage; the best epoch of each counts, because
neighbours on the machine only ever slow one down.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from pipeline.core.determinism import pins

os.environ.update({**pins(1, "native"), "TF_CPP_MIN_LOG_LEVEL": "3"})

import keras  # noqa: E402  the pins come first
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from pipeline.data.artifact import Split  # noqa: E402
from pipeline.data.spec import TaskSpec  # noqa: E402
from pipeline.fit.loop import fit  # noqa: E402
from pipeline.fit.params import FitSettings  # noqa: E402
from pipeline.models import registry  # noqa: E402

EXAMPLES = {8: 3200, 28: 1600}
WANTED = {8: (1.6, 0.7), 28: (1.15, 0.9)}  # against plain fit, against the limit
BATCH, ROUNDS, EPOCHS = 32, 4, 3
CLASSES = tuple("0123456789")

Rates = dict[str, float]


def main() -> int:
    """Print a line for each size; 1 where a ratio is below what is wanted."""
    print("images         plain         fit   in-graph  of plain  of limit  first step")
    return int(not all([_line(size) for size in EXAMPLES]))


def _line(size: int) -> bool:
    best, speed = measure(size)
    of_plain, of_limit = best["fit"] / best["plain"], best["fit"] / best["limit"]
    kept = of_plain >= WANTED[size][0] and of_limit >= WANTED[size][1]
    rates = "".join(f"{best[name]:10,.0f}/s" for name in ("plain", "fit", "limit"))
    first = speed["seconds_to_first_step"]
    told = f"{of_plain:8.2f}x {of_limit:8.2f}x {first:9.1f} s"
    print(f"{size}x{size}".ljust(7) + rates, told, "" if kept else "below")
    return kept


def measure(size: int) -> tuple[Rates, Rates]:
    """Examples a second of each, and what the loop says of its speed."""
    data, spec = (
        noise(size),
        TaskSpec("noise", "noise", (size, size, 1), "float32", CLASSES),
    )
    speed: Rates = {}
    plain, limit = plain_fit(data, spec), by_hand(data, spec)
    best = dict.fromkeys(("plain", "fit", "limit"), 0.0)
    for _ in range(ROUNDS):
        best["plain"] = max(best["plain"], _rate(plain, size))
        best["fit"] = max(best["fit"], our_fit(data, spec, speed))
        best["limit"] = max(best["limit"], _rate(limit, size))
    return best, speed


def noise(size: int) -> Split:
    """Images that say nothing of their class."""
    draws = np.random.default_rng(1)
    x = draws.random((EXAMPLES[size], size, size, 1), np.float32)
    return Split(x, draws.integers(0, 10, EXAMPLES[size]))


def _rate(epoch: Callable[[], None], size: int) -> float:
    """The best of a few epochs; the first of all is the one that traces."""
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - begin)
    return EXAMPLES[size] / min(seconds)


def plain_fit(data: Split, spec: TaskSpec) -> Callable[[], None]:
    """`model.fit(x, y)` with Keras's defaults."""
    model = registry.build("cnn", {}, spec, seed=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return lambda: model.fit(data.x, data.y, batch_size=BATCH, verbose=0)


def our_fit(data: Split, spec: TaskSpec, speed: Rates) -> float:
    """The loop of `pipeline.fit`, from a fresh model."""
    model = registry.build("cnn", {}, spec, seed=1)
    settings = FitSettings(epochs=EPOCHS + 1, batch_size=BATCH)
    few = Split(data.x[:BATCH], data.y[:BATCH])
    now: Rates = {}
    fit(model, spec, data, few, settings, seed=1, speed=now)
    first = speed.get("seconds_to_first_step", np.inf)
    speed["seconds_to_first_step"] = min(first, now["seconds_to_first_step"])
    return now["examples_per_second"]


def by_hand(data: Split, spec: TaskSpec) -> Callable[[], None]:
    """An epoch of the same net in one graph, and nothing that could be left out."""
    model = registry.build("cnn", {}, spec, seed=1)
    weights = [tf.Variable(value) for value in model.get_weights()]
    moments = [(tf.Variable(0 * w), tf.Variable(0 * w)) for w in weights]
    count, steps = tf.Variable(0.0), len(data) // BATCH
    x, y = tf.constant(data.x), tf.constant(data.y)

    def step(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        now = count.assign_add(1.0)
        with tf.GradientTape() as tape:
            logits = _net(tf.gather(x, at), weights, tf.cast(now, tf.int32))
            answers = tf.gather(y, at)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, weights)
        for weight, (m, v), gradient in zip(weights, moments, gradients):
            _adam(weight, m, v, now, gradient)
        right = tf.cast(tf.argmax(logits, axis=-1) == answers, tf.float32)
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
    """The builder `cnn` in raw operations."""
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
