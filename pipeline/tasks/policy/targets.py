"""Targets of a policy: rows of the seed of an episode, and one step of it.

    seed, action, reward, ended, next observation (not preprocessed)

Rows of training are steps of the seeded behavior policy. A row of validation and test
stands for an episode, which the seed begins again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.policy.episodes import REWARD
from pipeline.tasks.targets import Labels, Prepared


@dataclass(frozen=True)
class StepRows:
    """Rows of steps, which have no scale.

    Args:
        facts: the `target` of spec.json.
    """

    facts: Mapping[str, Any]

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Return rows as they are stored, float32."""
        return y.astype(np.float32)

    def numbers(self, y: np.ndarray) -> np.ndarray:
        """Return the rewards, of which the range is reported."""
        return np.asarray(y[:, REWARD])

    def to_json(self) -> dict[str, Any]:
        """Return the `target` of spec.json."""
        return dict(self.facts)


def _prepare(labels: Labels, params: Any) -> Prepared:
    shown = {"environment": dict(labels.facts)}
    scale = StepRows(labels.facts)
    return Prepared(labels.y, labels.classes, labels.indices, scale, shown)


TARGETS = _prepare
