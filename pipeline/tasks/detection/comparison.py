"""What a file finds, and how that compares with what the reference finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.detection.centers import f1_at, value_of
from pipeline.tasks.detection.decoding import NOTHING
from pipeline.tasks.detection.matching import (
    Matches,
    box_similarity,
    counted,
    match_targets,
    used,
)
from pipeline.tasks.detection.metric import METRIC, OTHERS, precision50
from pipeline.tasks.detection.precision import LEVELS, rankings
from pipeline.tasks.detection.sizes import by_size
from pipeline.tasks.evaluation import Change, Comparison, changes_of

DEFAULT_THRESHOLD = 0.5  # where validation had no object to choose one by


@dataclass(frozen=True)
class Boxes:
    """True and found boxes of one file.

    Args:
        y: true boxes, see `pipeline.tasks.boxes`, `(n, true, 5)`.
        found: found boxes, see `decoding.decode`, `(n, found, 6)`.
        threshold: score from which a box counts as found; fixed on validation.
        classes: number of classes.
        size: height and width of the images in pixels.
    """

    y: np.ndarray
    found: np.ndarray
    threshold: float
    classes: int
    size: tuple[int, int]

    @cached_property
    def confident(self) -> np.ndarray:
        """The boxes from the threshold on, `(n, ranks, 6)`."""
        kept = self.found.copy()
        kept[kept[..., 1] < np.float32(self.threshold), 0] = NOTHING
        return used(kept)

    @cached_property
    def matches(self) -> Matches:
        """Matches of the confident boxes at an IoU of 0.5."""
        similarity = box_similarity(self.confident, self.y)
        return match_targets(similarity, self.y, LEVELS[:1])

    @property
    def hit(self) -> np.ndarray:
        """True for true boxes that are found, `(n, true)`."""
        return self.matches.taken[..., 0] & counted(self.y)

    @property
    def false(self) -> np.ndarray:
        """True for confident boxes of no object, `(n, ranks)`."""
        wrong = ~self.matches.hit[..., 0] & ~self.matches.skipped[..., 0]
        return wrong & (self.confident[..., 0] >= 0)

    def average_precision(self) -> list[float | None]:
        """Return the AP50 of each class; None for a class without a true box."""
        ranked, once = (
            rankings(self.found, self.y, LEVELS[:1]),
            np.ones((1, len(self.y))),
        )
        return [
            float(ranked[k].average(once)[0, 0]) if k in ranked else None
            for k in range(self.classes)
        ]


@dataclass(frozen=True)
class DetectionComparison(Comparison):
    """One file compared with the reference.

    Args:
        map50: mean over classes of the average precision at an IoU of 0.5.
        map50_interval: bootstrap interval over images; None where it is undefined.
        drop: mAP50 lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        map: mean of the average precision at IoU 0.5, 0.55 .. 0.95.
        average_precision: AP50 per class; None for a class without a true box.
        absent: numbers of the classes without a true box, which no mean counts.
        worst_class: number of the class with the lowest AP50.
        by_size: `small`, `medium` and `large` -> number of objects and mAP50-95.
        threshold: score from which a box counts as found, fixed on validation.
        center_f1: F1 of centers at that threshold.
        precision: fraction of the boxes found that are true, at an IoU of 0.5.
        recall: fraction of the true boxes that are found.
        objects: number of true boxes.
        lost: true boxes that the reference finds and the file does not.
        gained: true boxes that the file finds and the reference does not.
        change: `map50` and `center_f1` -> file minus reference.
    """

    map50: float
    map50_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    map: float
    average_precision: list[float | None]
    absent: list[int]
    worst_class: int
    by_size: Mapping[str, Mapping[str, Any]]
    threshold: float
    center_f1: float
    precision: float
    recall: float
    objects: int
    lost: int
    gained: int
    change: Mapping[str, Change]


def compare(
    before: Boxes, after: Boxes, resamples: int, seed: int
) -> DetectionComparison:
    """Compare a file with the reference.

    Args:
        before: boxes found by the reference.
        after: boxes found by the file, in the same images.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal images.
    """
    y, old, new = after.y, before.found, after.found
    value, per_class = METRIC.value(new, y), after.average_precision()
    hits, wrong, objects = (
        int(mask.sum()) for mask in (after.hit, after.false, counted(y))
    )
    centers = f1_at(new, y, after.threshold)
    return DetectionComparison(
        map50=value,
        map50_interval=METRIC.interval(new, y, resamples, seed),
        drop=METRIC.value(old, y) - value,
        drop_interval=METRIC.drop_interval(old, new, y, seed, resamples),
        map=OTHERS["map"].value(new, y),
        average_precision=per_class,
        absent=[k for k, value in enumerate(per_class) if value is None],
        worst_class=_worst(per_class),
        by_size=by_size(new, y, after.size),
        threshold=after.threshold,
        center_f1=value_of(centers, len(y)),
        precision=hits / max(hits + wrong, 1),
        recall=hits / max(objects, 1),
        objects=objects,
        lost=int((before.hit & ~after.hit).sum()),
        gained=int((after.hit & ~before.hit).sum()),
        change=_changes(before, after, resamples, seed),
    )


def _worst(per_class: list[float | None]) -> int:
    values = [2.0 if value is None else value for value in per_class]
    return int(np.argmin(values))


def _changes(
    before: Boxes, after: Boxes, resamples: int, seed: int
) -> dict[str, Change]:
    files = (before, after)
    precisions = [precision50(boxes.found, boxes.y) for boxes in files]
    centers = [f1_at(b.found, b.y, b.threshold) for b in files]
    differences = {
        "map50": bootstrap.difference(*precisions),
        "center_f1": bootstrap.difference(*centers),
    }
    return changes_of(differences, len(after.y), resamples, seed)
