"""Three numbers per example, in the unit of the data."""

import numpy as np

from pipeline.tasks.prediction import TaskPrediction


def _rows(outputs, stored, spec, point):
    scale = spec.target
    numbers = np.float64(outputs) * scale["deviation"] + scale["mean"]
    return [{"name": scale["name"], "quantiles": row} for row in numbers.tolist()]


def _text(row):
    low, middle, high = row["quantiles"]
    return f"{row['name']} {middle:.4g}, mostly {low:.4g} to {high:.4g}"


PREDICTION = TaskPrediction(_rows, _text)
