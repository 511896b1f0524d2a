"""A picture of one episode: observations and actions over its steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline.tasks.policy.episodes import Played

FLOAT, CHOSEN = "#4477AA", "#EE6677"
MAX_ROWS = 8  # numbers of an observation that are drawn


def draw(path: Path, before: Played, after: Played, seed: int) -> None:
    """Draw the recorded episode of two policies.

    Args:
        path: PNG file.
        before: of the float baseline.
        after: of the chosen file.
        seed: of the episode.
    """
    size = min(MAX_ROWS, len(before.observations[0]))
    figure = Figure(figsize=(9, 1.1 * (size + 1)))
    axes = figure.subplots(size + 1, 1, sharex=True)
    for played, color, style, name in (
        (before, FLOAT, "-", "float baseline"),
        (after, CHOSEN, "--", "chosen file"),
    ):
        rows = np.array(played.observations)
        for k in range(size):
            label = f"{name}, {len(rows)} steps"
            axes[k].plot(rows[:, k], style, color=color, linewidth=0.9, label=label)
        axes[size].step(
            range(len(rows)), played.actions, style, color=color, linewidth=0.6
        )
    for k in range(size):
        axes[k].set_ylabel(f"number {k}", fontsize=7)
        axes[k].tick_params(labelsize=7)
    axes[size].set_ylabel("action", fontsize=7)
    axes[size].set_xlabel(f"step of the episode with seed {seed}", fontsize=7)
    axes[size].tick_params(labelsize=7)
    axes[0].legend(fontsize=7, loc="upper right")
    figure.subplots_adjust(0.09, 0.08, 0.98, 0.97, hspace=0.15)
    figure.savefig(path, dpi=90)
