"""A ranking trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment of a ranking. Out: NDCG@10 of its test split
after each tenth of the processor time, of the same network, trained by `train_on_batch`
with Adam and cross-entropy over all items.
Run: make bench-ranking EXP=ranking
(python -m benchmarks.ranking --exp ranking --cpu-seconds 60)
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.plain_script import (
    BATCH,
    REPORTS,
    SEED,
    Task,
    read_task,
    train_within,
)
from pipeline.tasks.metric import metric_of


def main() -> None:
    """Train for the given time, and print NDCG@10 along the way."""
    train(read_task(__doc__, "ranking", 60.0))


def train(task: Task) -> None:
    """Fit a tenth of an epoch at a time until the processor time is over.

    Args:
        task: network, data and budget.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    task.model.compile(keras.optimizers.Adam(1e-3), loss)
    split = task.data.train()
    x, y = np.asarray(split.x, np.int32), np.asarray(split.y)[:, 0]
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    iterator = iter(batches.batch(BATCH).repeat())
    steps = max(1, len(x) // BATCH // REPORTS)

    def step() -> None:
        for _ in range(steps):
            task.model.train_on_batch(*next(iterator))

    def report(used: float, calls: int) -> None:
        value, epoch = ndcg(task), calls * steps * BATCH / len(x)
        print(f"{used:6.0f} s  epoch {epoch:4.1f}  NDCG@10 {value:.3f}")

    train_within(task.budget, step, report)


def ndcg(task: Task) -> float:
    """Compute the metric of the task on the test split."""
    inputs = task.spec.to_input(np.asarray(task.test.x))
    return metric_of(task.spec).of_batches(
        lambda x: np.asarray(task.model.predict_on_batch(x)), inputs, task.test.y
    )


if __name__ == "__main__":
    main()
