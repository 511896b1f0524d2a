"""The history of a fit, as a table and as curves.

In: a record per epoch. Out: history.csv, curves.png, and the summary of the best epoch.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from pipeline.core.wording import quantity
from pipeline.metrics.metric import Metric

# Split -> prefix of its columns, color of its curve.
CURVES = {"training": ("", "C0"), "validation": ("val_", "C1")}


@dataclass(frozen=True)
class History:
    """The records of all epochs, and the best one.

    Args:
        rows: `epoch, accuracy, learning_rate, loss, val_accuracy, val_loss` of each
            epoch. Other tasks have the key of their metric in the place of `accuracy`.
        best: the record of the epoch whose weights were restored.
    """

    rows: list[dict[str, float]]
    best: dict[str, float]

    @classmethod
    def of(
        cls, rows: list[dict[str, float]], monitor: str, lower: bool = False
    ) -> History:
        """Select the best row: the minimum of a loss, the best value of a metric.

        Args:
            rows: at least one record.
            monitor: a column, such as `val_loss`.
            lower: True if lower values of the metric are better; default False.
        """
        sign = 1 if lower or monitor.endswith("loss") else -1
        return cls(rows, min(rows, key=lambda row: sign * row[monitor]))

    def write_csv(self, path: Path) -> None:
        """Write one line per epoch; floats read back equal."""
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def draw(
        self, path: Path, title: str, metric: Metric, training_loss: str = ""
    ) -> None:
        """Plot loss and metric against the epoch, for training and validation.

        Args:
            path: PNG file.
            title: precedes the name of the quantity, such as `baseline`.
            metric: metric of the task.
            training_loss: name of the loss that was minimized, such as
                `distillation loss`, where it is another quantity than the loss on
                validation: it gets axes of its own. Default: the same quantity.
        """
        figure = Figure(figsize=(12 if training_loss else 8, 3.2), layout="constrained")
        both = ("training", "validation")
        panels: list[tuple[str, str, Sequence[str]]]
        panels = [("loss", "loss", both), (metric.key, metric.name, both)]
        if training_loss:
            panels[:1] = [("loss", training_loss, both[:1]), ("loss", "loss", both[1:])]
        axes = figure.subplots(1, len(panels))
        for axis, (key, name, splits) in zip(axes, panels):
            self._draw_curves(axis, key, splits)
            axis.set(xlabel="epoch", title=f"{title}: {name}")
            axis.spines[["top", "right"]].set_visible(False)
        axes[-1 if metric.key in self.best else 0].legend(frameon=False)
        figure.savefig(path, dpi=100)

    def _draw_curves(self, axis: Any, key: str, splits: Sequence[str]) -> None:
        epochs = [row["epoch"] for row in self.rows]
        for split, (prefix, color) in CURVES.items():
            # Some metrics have no training column.
            if split in splits and f"{prefix}{key}" in self.best:
                values = [row[f"{prefix}{key}"] for row in self.rows]
                axis.plot(epochs, values, label=split, color=color)
        axis.axvline(self.best["epoch"], color="0.6", linestyle=":", label="best")


def format_parameters(count: int, digits: int = 1) -> str:
    """Format a number of parameters: `44.5 k parameters`, or `85 parameters`.

    Args:
        count: number of parameters; below 1000 it is written in full.
        digits: decimals of thousands; default 1.
    """
    if count < 1000:
        return quantity(count, "parameter")
    return f"{count / 1000:.{digits}f} k parameters"


def summary(
    history: History, epochs: int, weights: int, metric: Metric
) -> dict[str, Any]:
    """Return the metrics of the best epoch, with a headline for the terminal.

    Args:
        history: a finished fit.
        epochs: maximum number of epochs; fewer in the history mean early stopping.
        weights: number of parameters of the model.
        metric: metric of the task.
    """
    best = history.best
    stopped = ", stopped early" if len(history.rows) < epochs else ""
    name = "" if metric.scale > 1 else f"{metric.name} "
    headline = (
        f"best {name}{best[f'val_{metric.key}']:.3f} (epoch {best['epoch']}/"
        f"{len(history.rows)}{stopped}), {format_parameters(weights)}"
    )
    return {
        "headline": headline,
        "weights": weights,
        "epochs": len(history.rows),
        "best": best,
    }
