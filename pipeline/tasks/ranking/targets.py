"""Targets of a ranking: rows of the true item and of items that are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.targets import Labels, Prepared

SHOWN = ("items", "users", "relations", "best")


@dataclass(frozen=True)
class Items:
    """The items that are ranked.

    Args:
        popularity: number of training examples of each item, `(items,)`.
        facts: entries of the `target` of spec.json.
    """

    popularity: np.ndarray
    facts: Mapping[str, Any]

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Return targets as they are stored, int32."""
        return y.astype(np.int32)

    def numbers(self, y: np.ndarray) -> np.ndarray:
        """Return how often training has each true item, `(n,)`."""
        return self.popularity[y[:, 0]]

    def to_json(self) -> dict[str, Any]:
        """Return the `target` of spec.json."""
        return dict(self.facts)


def _prepare(labels: Labels, params: Any) -> Prepared:
    facts, teaching = labels.facts, labels.y[labels.indices["train"], 0]
    popularity = np.bincount(teaching, minlength=facts["items"])
    shown = {"ranking": {key: facts[key] for key in SHOWN if key in facts}}
    items = Items(popularity, facts)
    return Prepared(labels.y, (), labels.indices, items, shown)


TARGETS = _prepare
