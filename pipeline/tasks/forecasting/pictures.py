"""forecasts.json and forecasts.png: typical, worst and most changed forecasts.

One picture per example: the last steps of its window, the truth, and the forecasts of
the float baseline and of the chosen file, with its interval if it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.core.json_io import write_json
from pipeline.tasks.evaluation import Context
from pipeline.tasks.forecasting.errors import Layout

TYPICAL, WORST, CHANGED = (0.25, 0.5, 0.75), 2, 1  # quantiles of the error; counts
COLUMNS = 2
PAST = 3  # horizons of the window that are drawn
TRUTH, FLOAT, CHOSEN = "#222222", "#4477aa", "#ee6677"
Example = tuple[int, str]  # position in the test split, and the reason


@dataclass(frozen=True)
class Drawing:
    """Forecasts of two files for the test split.

    Args:
        context: the test split.
        layout: of outputs and targets.
        y: targets as stored, `(n, columns)`.
        before: outputs of the float baseline.
        after: outputs of the chosen file.
    """

    context: Context
    layout: Layout
    y: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def past(self, position: int, series: int) -> np.ndarray:
        """Return the window of a series in the unit of the data, `(steps,)`."""
        values = np.asarray(self.context.test.x[position], np.float64)[:, series]
        for step in reversed(list(self.context.data.steps())):
            if hasattr(step, "deviation"):
                values = values * step.deviation[series] + step.mean[series]
        return values + self._level(position)[series]

    def truth(self, position: int) -> np.ndarray:
        """Return the targets in the unit of the data, `(horizon, count)`."""
        y = self.y[position : position + 1].astype(np.float64)
        columns = self.layout.columns
        return self.layout.numbers(columns.targets(y), columns.level(y))[0]

    def forecast(self, outputs: np.ndarray, position: int) -> np.ndarray:
        """Return a forecast in the unit of the data, `(horizon, count, levels)`."""
        scaled = self.layout.outputs(outputs[position : position + 1])
        return self.layout.numbers(scaled, self._level(position)[None])[0]

    def _level(self, position: int) -> np.ndarray:
        y = self.y[position : position + 1].astype(np.float64)
        return np.asarray(self.layout.columns.level(y)[0])


def choose(before: np.ndarray, after: np.ndarray) -> list[Example]:
    """Choose the examples that are drawn.

    Args:
        before: error of each example with the float baseline, `(n,)`.
        after: error of each example with the chosen file, `(n,)`.
    """
    order = np.argsort(after, kind="stable")
    last = len(order) - 1
    examples = [(int(order[round(q * last)]), "typical") for q in TYPICAL]
    examples += [(int(n), "worst") for n in order[::-1][:WORST]]
    changed = np.argsort(-np.abs(after - before), kind="stable")[:CHANGED]
    examples += [(int(n), "changed") for n in changed]
    return list({position: (position, why) for position, why in examples}.values())


def write(out: Path, drawing: Drawing, examples: list[Example]) -> None:
    """Write both files.

    Args:
        out: folder of the files.
        drawing: forecasts of two files.
        examples: that are drawn.
    """
    write_json(out / "forecasts.json", {"examples": _described(drawing, examples)})
    rows = -(-len(examples) // COLUMNS)
    figure = Figure(figsize=(5 * COLUMNS, 2.4 * rows))
    grid = figure.subplots(rows, COLUMNS, squeeze=False).reshape(-1)
    for axes in grid[len(examples) :]:
        axes.set_axis_off()
    for axes, (position, reason) in zip(grid, examples):
        _draw(axes, drawing, position, reason)
    grid[0].legend(fontsize=7, loc="upper left")
    figure.subplots_adjust(0.06, 0.04, 0.98, 0.95, hspace=0.35)
    figure.savefig(out / "forecasts.png", dpi=90)


def _described(drawing: Drawing, examples: list[Example]) -> list[dict[str, Any]]:
    median = drawing.layout.median
    return [
        {
            "position": position,
            "reason": reason,
            "truth": drawing.truth(position).tolist(),
            "baseline": drawing.forecast(drawing.before, position)[
                ..., median
            ].tolist(),
            "chosen": drawing.forecast(drawing.after, position)[..., median].tolist(),
        }
        for position, reason in examples
    ]


def _draw(axes: Axes, drawing: Drawing, position: int, reason: str) -> None:
    """Draw the first target of an example."""
    layout = drawing.layout
    truth = drawing.truth(position)[:, 0]
    past = drawing.past(position, 0)[-PAST * len(truth) :]
    before, after = (
        drawing.forecast(outputs, position)[:, 0]
        for outputs in (drawing.before, drawing.after)
    )
    ahead = np.arange(1, len(truth) + 1)
    axes.plot(np.arange(1 - len(past), 1), past, color=TRUTH, linewidth=0.8)
    axes.plot(ahead, truth, color=TRUTH, label="truth")
    axes.plot(ahead, before[:, layout.median], color=FLOAT, label="float baseline")
    style = {"color": CHOSEN, "linestyle": "--"}
    axes.plot(ahead, after[:, layout.median], label="chosen file", **style)
    if len(layout.levels) > 1:
        axes.fill_between(ahead, after[:, 0], after[:, -1], color=CHOSEN, alpha=0.2)
    axes.axvline(0.5, color="#999999", linewidth=0.6)
    axes.set_title(f"test example {position} ({reason})", fontsize=8)
    axes.tick_params(labelsize=7)
