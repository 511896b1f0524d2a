"""The mean of the training targets as the floor, and outputs in another unit.

In: targets as stored, and outputs `(n, 1)`. Out: residuals of the mean; outputs in the
unit of the labels, standardized outputs, and outputs that are a linear function of the
target, such as degrees Fahrenheit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.floor import Array, Floor, Reading
from pipeline.tasks.spec import TaskSpec


def _evidence(teaching: Array, y: Array) -> Array:
    return y.astype(np.float64) - float(np.mean(teaching, dtype=np.float64))


def _readings(spec: TaskSpec, outputs: Array, y: Array) -> Iterator[Reading]:
    mean, deviation = spec.target["mean"], spec.target["deviation"]
    if (mean, deviation) != (0.0, 1.0):
        yield Reading(
            "its output in the unit of the labels",
            "data.target_unit=labels",
            lambda z: (z.astype(np.float64) - mean) / deviation,
        )
    else:
        center, spread = float(np.mean(y, dtype=np.float64)), float(np.std(y)) or 1.0
        yield Reading(
            "its output standardized",
            "data.target_unit=standardized",
            lambda z: z * spread + center,
        )
    yield from _linear(outputs, y)


def _linear(outputs: Array, y: Array) -> Iterator[Reading]:
    """The linear function of the outputs that is nearest to the targets."""
    z, target = (np.float64(values).reshape(len(y)) for values in (outputs, y))
    if len(y) < 3 or not np.isfinite(z).all() or np.ptp(z) == 0:
        return
    scale, offset = (float(value) for value in np.polyfit(z, target, 1))
    yield Reading(
        f"its output times {scale:.6g} plus {offset:.6g}",
        f"model = keras.Sequential([model, keras.layers.Rescaling({scale:.6g}, "
        f"{offset:.6g})]), or store the labels in the unit of the model",
        lambda values: values * scale + offset,
        fitted=True,
    )


FLOOR = Floor("always the mean of the training targets", _evidence, _readings)
