"""What all plain Keras scripts of the benchmarks share: network, budget, metric.

In: a finished data stage of an experiment. Out: the same network as that of the train
stage, untrained, and a line after each tenth of the processor time.

The budget is processor time, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Data, Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.data.test_split import held_out_split
from pipeline.models import registry
from pipeline.tasks.metric import metric_of
from pipeline.train.artifact import read_architecture
from pipeline.training.floor_check import predict

SEED, BATCH, REPORTS = 1, 32, 10


@dataclass(frozen=True)
class Task:
    """The work of one script.

    Args:
        model: an untrained network.
        data: published data.
        test: the test split.
        budget: processor time in seconds, without the evaluations.
    """

    model: keras.Model
    data: Data
    test: Split
    budget: float

    @property
    def spec(self) -> TaskSpec:
        """Signature of the data."""
        return self.data.spec

    def value(self) -> float:
        """Compute the metric of the task on the test split."""
        outputs, spec = predict(self.model, self.test.x, self.spec), self.spec
        x = spec.to_input(self.test.x)
        return metric_of(spec).of(outputs, x, self.test.y)

    def value_of_batches(self) -> float:
        """Compute the metric without holding all outputs, which can be many."""
        inputs = self.spec.to_input(np.asarray(self.test.x))
        return metric_of(self.spec).of_batches(
            lambda x: np.asarray(self.model.predict_on_batch(x)), inputs, self.test.y
        )


def read_task(doc: str | None, exp: str, seconds: float) -> Task:
    """Read the arguments of a script, build the network and print its size.

    Args:
        doc: docstring of the script, whose first line is the help.
        exp: default experiment.
        seconds: default budget.
    """
    arguments = _arguments(doc or "", exp, seconds)
    folder = Path("experiments") / arguments.exp
    data, test = read_data(folder / "data"), held_out_split(folder / "data")
    if arguments.builder:
        builder, values = arguments.builder, json.loads(arguments.values)
    else:
        trained = read_architecture(folder / "train")
        builder, values = trained.builder, trained.values
    model = registry.build(builder, values, data.spec, SEED)
    print(f"{builder} {json.dumps(values)}: {model.count_params():,} parameters")
    return Task(model, data, test, arguments.cpu_seconds)


def train_within(
    budget: float,
    step: Callable[[], object],
    report: Callable[[float, int], None],
    reports: int = REPORTS,
) -> None:
    """Repeat a step until the processor time is over.

    Args:
        budget: in seconds, without the reports.
        step: trains, such as one epoch.
        report: called with the seconds used and the number of steps, after each
            fraction of the budget.
        reports: number of these fractions.
    """
    used, steps, reported = 0.0, 0, 0
    while used < budget:
        begin = time.process_time()
        step()
        used, steps = used + time.process_time() - begin, steps + 1
        if used * reports / budget >= reported + 1:
            reported = int(used * reports / budget)
            report(used, steps)


def train_on_batches(task: Task, x: np.ndarray, y: np.ndarray, text: str) -> None:
    """Fit a tenth of an epoch at a time with Adam and cross-entropy.

    Args:
        task: network, data and budget.
        x: model inputs, `(n, ...)`.
        y: class numbers, `(n, ...)`.
        text: of the metric in a line, such as `NDCG@10 {:.3f}`.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    task.model.compile(keras.optimizers.Adam(1e-3), loss)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), SEED)
    iterator = iter(batches.batch(BATCH).repeat())
    steps = max(1, len(x) // BATCH // REPORTS)

    def step() -> None:
        for _ in range(steps):
            task.model.train_on_batch(*next(iterator))

    def report(used: float, calls: int) -> None:
        epoch = calls * steps * BATCH / len(x)
        value = text.format(task.value_of_batches())
        print(f"{used:6.0f} s  epoch {epoch:4.1f}  {value}")

    train_within(task.budget, step, report)


def _arguments(doc: str, exp: str, seconds: float) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--exp", default=exp)
    parser.add_argument("--cpu-seconds", type=float, default=seconds)
    parser.add_argument("--builder", help="default: that of the train stage")
    parser.add_argument("--values", default="{}", help="of the builder, JSON")
    return parser.parse_args()
