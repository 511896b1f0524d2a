"""A forecasting network trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment with `data.task: forecasting`. Out: MASE on
its test split after each tenth of the processor time, of the same network, trained by
`model.fit` with Adam and the pinball loss, written by hand on arrays of windows; and
the MASE of the seasonal naive forecast.
Run: make bench-forecast EXP=forecast
(python -m benchmarks.forecast --exp forecast --cpu-seconds 60)
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from benchmarks.plain_script import BATCH, Task, read_task, train_within
from pipeline.tasks.floor import floor_of
from pipeline.tasks.metric import metric_of
from pipeline.tasks.targets import SeriesColumns


def main() -> None:
    """Train for the given time, and print MASE along the way."""
    task = read_task(__doc__, "forecast", 60.0)
    floor, y = floor_of(task.spec), task.test.y
    assert floor is not None
    naive = metric_of(task.spec).value(floor.evidence(y, y), y)
    print(f"seasonal naive forecast: MASE {naive:.3f}")
    train(task)


def train(task: Task) -> None:
    """Fit epoch by epoch until the processor time is over.

    Args:
        task: network, data and budget.
    """
    spec, split = task.spec, task.data.train()
    levels = spec.target["quantiles"] or [0.5]
    columns = SeriesColumns(spec.target["horizon"], len(spec.target["names"]))
    x = spec.to_input(np.asarray(split.x))
    y = np.repeat(np.asarray(split.y)[:, : columns.size], len(levels), axis=1)
    weights = np.tile(np.float32(levels), columns.size)

    def pinball(true, predicted):
        error = true - predicted
        return ops.mean(ops.maximum(weights * error, (weights - 1) * error), axis=-1)

    def report(used: float, epoch: int) -> None:
        print(f"{used:6.0f} s  epoch {epoch:3d}  MASE {task.value():.3f}", flush=True)

    task.model.compile(keras.optimizers.Adam(1e-3), pinball)
    train_within(
        task.budget,
        lambda: task.model.fit(x, y, batch_size=BATCH, verbose=0),
        report,
    )


if __name__ == "__main__":
    main()
