"""A text model trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment of text generation. Out: bits per character
of its test split after each tenth of the processor time, of the same network, trained
by `train_on_batch` with Adam and cross-entropy, the loss of padding included.
Run: make bench-text-generation
(python -m benchmarks.text_generation --exp text_generation --cpu-seconds 300)

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

SEED, BATCH, REPORTS = 1, 32, 10


def main() -> None:
    """Train for the given time, and print bits per character along the way."""
    arguments = _arguments()
    folder = Path("experiments") / arguments.exp
    data, test = read_data(folder / "data"), held_out_split(folder / "data")
    if arguments.builder:
        builder, values = arguments.builder, json.loads(arguments.values)
    else:
        trained = read_architecture(folder / "train")
        builder, values = trained.builder, trained.values
    model = registry.build(builder, values, data.spec, SEED)
    print(f"{builder} {json.dumps(values)}: {model.count_params():,} parameters")
    train(model, data.train(), data.spec, test, arguments.cpu_seconds)


def train(
    model: keras.Model, split: Split, spec: TaskSpec, test: Split, budget: float
) -> None:
    """Fit a tenth of an epoch at a time until the processor time is over.

    Args:
        model: an untrained network.
        split: the training split.
        spec: signature of the data.
        test: the test split.
        budget: processor time in seconds, without the evaluations.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    x = np.asarray(split.x, np.int32)
    y = np.pad(x[:, 1:], ((0, 0), (0, 1)))
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    endless = batches.batch(BATCH).repeat()
    steps = max(1, len(x) // BATCH // REPORTS)
    used, calls, reported, iterator = 0.0, 0, 0, iter(endless)
    while used < budget:
        begin = time.process_time()
        for _ in range(steps):
            model.train_on_batch(*next(iterator))
        used, calls = used + time.process_time() - begin, calls + 1
        if used * REPORTS / budget >= reported + 1:
            reported = int(used * REPORTS / budget)
            value = bits_per_character(model, spec, test)
            epoch = calls * steps * BATCH / len(x)
            print(f"{used:6.0f} s  epoch {epoch:4.1f}  {value:.3f} bits per character")


def bits_per_character(model: keras.Model, spec: TaskSpec, split: Split) -> float:
    """Compute the metric of the task on a split."""
    inputs = spec.to_input(np.asarray(split.x))
    return metric_of(spec).of_batches(
        lambda x: np.asarray(model.predict_on_batch(x)), inputs, split.y
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", default="text_generation")
    parser.add_argument("--cpu-seconds", type=float, default=300.0)
    parser.add_argument("--builder", help="default: that of the train stage")
    parser.add_argument("--values", default="{}", help="of the builder, JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
