"""The seasonal naive forecast as the floor: the same step of the last season."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.floor import Array, Floor, Reading
from pipeline.tasks.forecasting.errors import Layout, errors
from pipeline.tasks.spec import TaskSpec


def _floor(spec: TaskSpec) -> Floor:
    """Return the floor of a data set.

    Args:
        spec: signature of the data.
    """
    layout, season = Layout(spec), spec.target["season"]

    def evidence(teaching: Array, y: Array) -> Array:
        naive = layout.columns.naive(y)
        outputs = np.repeat(naive[..., None], len(layout.levels), axis=-1)
        return errors(layout, outputs.reshape(len(y), -1), y)

    name = (
        f"the seasonal naive forecast (the value {season} steps earlier)"
        if season > 1
        else "the naive forecast (the last value)"
    )
    return Floor(name, evidence, _readings)


def _readings(spec: TaskSpec, outputs: Array, y: Array) -> Iterator[Reading]:
    """Outputs in the unit of the data, or standardized, where the other is read."""
    layout = Layout(spec)
    mean, deviation = layout.mean[:, None], layout.deviation[:, None]
    shape = (-1, layout.columns.horizon, layout.columns.count, len(layout.levels))
    if spec.target["anchor"] == "none" and (deviation != 1).any():
        yield Reading(
            "its output in the unit of the data",
            "data.target_unit=labels",
            lambda z: ((z.reshape(shape) - mean) / deviation).reshape(len(z), -1),
        )


FLOOR = _floor
