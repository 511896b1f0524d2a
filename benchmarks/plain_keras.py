"""A network trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment on images with a target per pixel
(segmentation, restoration), or on text pairs. Out: the task's metric on the test split
after each tenth of the processor time, of the same network, trained by `model.fit` with
Adam, without augmentation; where the floor is computed from the input, also the floor.
Run: make bench-segmentation, make bench-restoration, make bench-text-pairs
(python -m benchmarks.plain_keras --exp scenes_segmentation --cpu-seconds 120)
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.plain_script import BATCH, SEED, Task, read_task, train_within
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.tasks.floor import floor_of
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import target_of


def main() -> None:
    """Train for the given time, and print the metric along the way."""
    task = read_task(__doc__, "scenes_segmentation", 120.0)
    _print_floor(task)
    train(task)


def train(task: Task) -> None:
    """Fit epoch by epoch until the processor time is over.

    Args:
        task: network, data and budget.
    """
    spec, split = task.spec, task.data.train()
    task.model.compile(keras.optimizers.Adam(2e-3), loss_of(spec))
    x, y = spec.to_input(np.asarray(split.x)), np.asarray(split.y)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    batches = batches.batch(BATCH).map(lambda a, b: (a, target_of(b, a, spec)))
    name = metric_of(spec).metric.name

    def report(used: float, epoch: int) -> None:
        print(f"{used:6.0f} s  epoch {epoch:3d}  {name} {task.value():.3f}", flush=True)

    train_within(task.budget, lambda: task.model.fit(batches, verbose=0), report)


def loss_of(spec: TaskSpec) -> keras.losses.Loss:
    """Return the loss that a script would take."""
    task = task_of(spec)
    if not (task.dense or task.target == "pair"):
        raise UserError(
            f"{spec.source}: is for {task.title}, without a target per pixel "
            "or character"
        )
    if task.predicts_classes:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanAbsoluteError()


def _print_floor(task: Task) -> None:
    floor, metric, test = floor_of(task.spec), metric_of(task.spec), task.test
    if floor is not None and floor.reads_inputs:
        value = metric.value(floor.of(task.data.train().y, test.x, test.y), test.y)
        print(f"{floor.name}: {metric.metric.name} {value:.3f}")


if __name__ == "__main__":
    main()
