"""Targets of a forecast, standardized with the training split.

A row of `y` in the unit of the data, see `SeriesColumns`, becomes a row as it is
stored: targets and seasonal naive forecast on the scale of the output, and the scale of
errors as the MASE of an error of 1 in that scale. `output * deviation + mean + level`
is a number in the unit of the data; the level is that of an anchor, else 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.targets import Labels, Prepared, SeriesColumns


@dataclass(frozen=True)
class SeriesScale:
    """Scale of a forecast.

    Args:
        columns: layout of the rows.
        mean: of each target in training, after its level was subtracted, `(count,)`.
        deviation: standard deviation of each target in training, `(count,)`.
        facts: further entries of the `target` of spec.json.
    """

    columns: SeriesColumns
    mean: np.ndarray
    deviation: np.ndarray
    facts: Mapping[str, Any]

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Return rows as they are stored, float32."""
        columns, level = self.columns, self.columns.level(y)
        center = (level + self.mean)[:, None]
        stored = columns.join(
            (columns.targets(y) - center) / self.deviation,
            (columns.naive(y) - center) / self.deviation,
            self.deviation / columns.scale(y),
            level,
            columns.block(y),
        )
        return stored.astype(np.float32)

    def numbers(self, y: np.ndarray) -> np.ndarray:
        """Return the numbers to predict, in the unit of the data."""
        return np.asarray(self.columns.targets(y))

    def to_json(self) -> dict[str, Any]:
        """Return the `target` of spec.json."""
        scale = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        return {**self.facts, **scale}


def _prepare(labels: Labels, params: Any) -> Prepared:
    series = params.series
    columns = SeriesColumns(series.horizon, len(series.targets))
    teaching = labels.teaching
    relative = columns.targets(teaching) - columns.level(teaching)[:, None]
    mean, deviation = relative.mean(axis=(0, 1)), relative.std(axis=(0, 1))
    if params.target_unit == "labels":
        mean, deviation = np.zeros_like(mean), np.ones_like(deviation)
    facts = {
        "name": ", ".join(series.targets),
        "names": list(series.targets),
        "horizon": series.horizon,
        "gap": series.between,
        "season": series.season,
        "quantiles": list(series.quantiles),
        "anchor": series.anchor,
        **labels.facts,
    }
    scale = SeriesScale(columns, mean, np.where(deviation > 0, deviation, 1.0), facts)
    examples = {name: len(positions) for name, positions in labels.indices.items()}
    shown = {"forecast": {key: facts[key] for key in SHOWN if key in facts}}
    assert all(examples[name] for name in ("train", "validation"))
    return Prepared(labels.y, labels.classes, labels.indices, scale, shown)


SHOWN = ("horizon", "season", "step", "series", "blocks", "end_of_training")
TARGETS = _prepare
