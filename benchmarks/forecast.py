"""A forecasting network trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment with `data.task: forecasting`. Out: MASE on
its test split after each tenth of the processor time, of the same network, trained by
`model.fit` with Adam and the pinball loss, written by hand on arrays of windows; and
the MASE of the seasonal naive forecast.
Run: make bench-forecast EXP=forecast
(python -m benchmarks.forecast --exp forecast --cpu-seconds 60)

The budget is processor time, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from pipeline.data.artifact import Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.data.test_split import held_out_split
from pipeline.models import registry
from pipeline.tasks.floor import floor_of
from pipeline.tasks.metric import metric_of
from pipeline.tasks.targets import SeriesColumns
from pipeline.train.artifact import read_architecture
from pipeline.training.floor_check import predict

SEED, BATCH, REPORTS = 1, 32, 10


def main() -> None:
    """Train for the given time, and print MASE along the way."""
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
    floor = floor_of(spec)
    assert floor is not None
    naive = metric_of(spec).value(floor.evidence(test.y, test.y), test.y)
    print(f"seasonal naive forecast: MASE {naive:.3f}")
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
    levels = spec.target["quantiles"] or [0.5]
    columns = SeriesColumns(spec.target["horizon"], len(spec.target["names"]))
    x = spec.to_input(np.asarray(split.x))
    y = np.repeat(np.asarray(split.y)[:, : columns.size], len(levels), axis=1)
    weights = np.tile(np.float32(levels), columns.size)

    def pinball(true, predicted):
        error = true - predicted
        return ops.mean(ops.maximum(weights * error, (weights - 1) * error), axis=-1)

    model.compile(keras.optimizers.Adam(1e-3), pinball)
    used, epoch, reported = 0.0, 0, 0
    while used < budget:
        begin = time.process_time()
        model.fit(x, y, batch_size=BATCH, verbose=0)
        used, epoch = used + time.process_time() - begin, epoch + 1
        if used * REPORTS / budget >= reported + 1:
            reported = int(used * REPORTS / budget)
            value = mase(model, spec, test)
            print(f"{used:6.0f} s  epoch {epoch:3d}  MASE {value:.3f}", flush=True)


def mase(model: keras.Model, spec: TaskSpec, split: Split) -> float:
    """Compute the metric of the task on a split."""
    outputs = predict(model, split.x, spec)
    return metric_of(spec).of(outputs, spec.to_input(split.x), split.y)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", default="forecast")
    parser.add_argument("--cpu-seconds", type=float, default=60.0)
    parser.add_argument("--builder", help="default: that of the train stage")
    parser.add_argument("--values", default="{}", help="of the builder, JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
