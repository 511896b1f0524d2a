"""A segmentation network trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment with `data.task: segmentation`. Out: mIoU on
its test split after each tenth of the processor time, of the same network, trained by
`model.fit` with Adam and cross-entropy, without augmentation.
Run: make bench-segmentation
(python -m benchmarks.segmentation --exp scenes_segmentation --cpu-seconds 120)

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

from pipeline.data.artifact import Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.data.test_split import held_out_split
from pipeline.models import registry
from pipeline.tasks.metric import metric_of
from pipeline.train.artifact import read_architecture
from pipeline.training.floor_check import predict

SEED, BATCH, REPORTS = 1, 32, 10


def main() -> None:
    """Train for the given time, and print mIoU along the way."""
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
    train(model, data.train(), spec, test, arguments.cpu_seconds)


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
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    x, y = spec.to_input(np.asarray(split.x)), np.asarray(split.y, np.int32)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    used, epoch, reported = 0.0, 0, 0
    while used < budget:
        begin = time.process_time()
        model.fit(batches.batch(BATCH), verbose=0)
        used, epoch = used + time.process_time() - begin, epoch + 1
        if used * REPORTS / budget >= reported + 1:
            reported = int(used * REPORTS / budget)
            print(
                f"{used:6.0f} s  epoch {epoch:3d}  mIoU {miou(model, spec, test):.3f}"
            )


def miou(model: keras.Model, spec: TaskSpec, split: Split) -> float:
    """Compute the metric of the task on a split."""
    outputs = predict(model, split.x, spec)
    return metric_of(spec).of(outputs, spec.to_input(split.x), split.y)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", default="scenes_segmentation")
    parser.add_argument("--cpu-seconds", type=float, default=120.0)
    parser.add_argument("--builder", help="default: that of the train stage")
    parser.add_argument("--values", default="{}", help="of the builder, JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
