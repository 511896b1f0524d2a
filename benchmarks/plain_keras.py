"""A network trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment on images with a target per pixel
(segmentation, restoration). Out: the task's metric on the test split after each tenth
of the processor time, of the same network, trained by `model.fit` with Adam, without
augmentation; for a restoration also the metric of the enlarged input.
Run: make bench-segmentation, make bench-restoration
(python -m benchmarks.plain_keras --exp scenes_segmentation --cpu-seconds 120)

The budget is processor time, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.data.artifact import Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.data.test_split import held_out_split
from pipeline.models import registry
from pipeline.tasks.floor import floor_of
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import target_of
from pipeline.train.artifact import read_architecture
from pipeline.training.floor_check import predict

SEED, BATCH, REPORTS = 1, 32, 10


def main() -> None:
    """Train for the given time, and print the metric along the way."""
    arguments = _arguments()
    folder = Path("experiments") / arguments.exp
    data, test = read_data(folder / "data"), held_out_split(folder / "data")
    spec = data.spec
    if arguments.builder:
        builder, values = arguments.builder, json.loads(arguments.values)
    else:
        trained = read_architecture(folder / "train")
        builder, values = trained.builder, trained.values
    model = registry.build(builder, values, spec, SEED)
    print(f"{builder} {json.dumps(values)}: {model.count_params():,} parameters")
    split = data.train()
    _print_floor(spec, split, test)
    train(model, split, spec, test, arguments.cpu_seconds)


def train(
    model: keras.Model, split: Split, spec: TaskSpec, test: Split, budget: float
) -> None:
    """Fit epoch by epoch until the processor time is over.

    Args:
        model: an untrained network.
        split: the training split.
        spec: signature of the data.
        test: the test split.
        budget: processor time in seconds, without the evaluations.
    """
    model.compile(keras.optimizers.Adam(2e-3), loss_of(spec))
    x, y = spec.to_input(np.asarray(split.x)), np.asarray(split.y)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    batches = batches.batch(BATCH).map(lambda a, b: (a, target_of(b, a, spec)))
    used, epoch, reported = 0.0, 0, 0
    while used < budget:
        begin = time.process_time()
        model.fit(batches, verbose=0)
        used, epoch = used + time.process_time() - begin, epoch + 1
        if used * REPORTS / budget >= reported + 1:
            reported = int(used * REPORTS / budget)
            metric, value = metric_of(spec).metric.name, value_of(model, spec, test)
            print(f"{used:6.0f} s  epoch {epoch:3d}  {metric} {value:.3f}", flush=True)


def loss_of(spec: TaskSpec) -> keras.losses.Loss:
    """Return the loss that a script would take."""
    task = task_of(spec)
    if not task.dense:
        raise UserError(
            f"{spec.source}: is for {task.title}, without a target per pixel"
        )
    if task.predicts_classes:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanAbsoluteError()


def value_of(model: keras.Model, spec: TaskSpec, split: Split) -> float:
    """Compute the metric of the task on a split."""
    outputs = predict(model, split.x, spec)
    return metric_of(spec).of(outputs, spec.to_input(split.x), split.y)


def _print_floor(spec: TaskSpec, split: Split, test: Split) -> None:
    floor, metric = floor_of(spec), metric_of(spec)
    if floor is not None and floor.reads_inputs:
        value = metric.value(floor.of(split.y, test.x, test.y), test.y)
        print(f"{floor.name}: {metric.metric.name} {value:.3f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", default="scenes_segmentation")
    parser.add_argument("--cpu-seconds", type=float, default=120.0)
    parser.add_argument("--builder", help="default: that of the train stage")
    parser.add_argument("--values", default="{}", help="of the builder, JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
