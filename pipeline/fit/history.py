"""What happened in each epoch of a fit, as a table and as curves."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from pipeline.metrics.metric import Metric


@dataclass(frozen=True)
class History:
    """Rows of `epoch, accuracy, loss, val_accuracy, val_loss`, and the best one.

    The key of another task's metric stands in the place of `accuracy`.
    """

    rows: list[dict[str, float]]
    best: dict[str, float]

    @classmethod
    def of(
        cls, rows: list[dict[str, float]], monitor: str, lower: bool = False
    ) -> History:
        """Name the best row: the smallest loss, or the best metric.

        Args:
            monitor: the column that decides.
            lower: whether a lower metric is better.
        """
        sign = 1 if lower or monitor.endswith("loss") else -1
        return cls(rows, min(rows, key=lambda row: sign * row[monitor]))

    def write_csv(self, path: Path) -> None:
        """One line an epoch; floats are written so that they read back equal."""
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def draw(self, path: Path, title: str, metric: Metric) -> None:
        """Loss and metric against the epoch, training and validation."""
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        epochs = [row["epoch"] for row in self.rows]
        axes = figure.subplots(1, 2)
        names = {"loss": "loss", metric.key: metric.name}
        for axis, (key, name) in zip(axes, names.items()):
            if key in self.best:  # not where training examples have no metric
                axis.plot(epochs, [row[key] for row in self.rows], label="training")
            validated = [row[f"val_{key}"] for row in self.rows]
            axis.plot(epochs, validated, label="validation", color="C1")
            axis.axvline(self.best["epoch"], color="0.6", linestyle=":", label="kept")
            axis.set(xlabel="epoch", title=f"{title}: {name}")
            axis.spines[["top", "right"]].set_visible(False)
        axes[1 if metric.key in self.best else 0].legend(frameon=False)
        figure.savefig(path, dpi=100)


def sized(weights: int, digits: int = 1) -> str:
    """`44.5 k weights`, or `85 weights` of fewer than a thousand."""
    if weights < 1000:
        return f"{weights} weights"
    return f"{weights / 1000:.{digits}f} k weights"


def summary(
    history: History, epochs: int, weights: int, metric: Metric
) -> dict[str, Any]:
    """The numbers of the kept epoch, and the line for the terminal."""
    best = history.best
    early = ", stopped early" if len(history.rows) < epochs else ""
    what = "" if metric.scale > 1 else f"{metric.name} "
    headline = (
        f"best {what}{best[f'val_{metric.key}']:.3f} in epoch {best['epoch']} of "
        f"{len(history.rows)}{early}, {sized(weights)}"
    )
    return {
        "headline": headline,
        "weights": weights,
        "epochs": len(history.rows),
        "best": best,
    }
