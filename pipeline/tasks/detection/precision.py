"""Average precision of found boxes, as COCO's evaluation computes it.

In: matches of found boxes. Out: the mean over classes of the average precision at 101
levels of recall, for all images or for many resamples of them at once. Equal to
pycocotools, which the tests compare it with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.metrics.bootstrap import Statistic
from pipeline.tasks.detection.matching import (
    Matches,
    box_similarity,
    counted,
    match_targets,
    used,
)

LEVELS = np.linspace(0.5, 0.95, 10)  # of the IoU
RECALLS = np.linspace(0, 1, 101)
TINY = np.spacing(1)


@dataclass(frozen=True)
class Ranking:
    """Found boxes of one class in all images, by descending score.

    Args:
        image: position of the image, `(found,)`.
        hit: 1 for a true box, `(found, levels)`.
        miss: 1 for a false one, `(found, levels)`; neither for one that counts nowhere.
        true: number of true boxes per image, `(n,)`.
    """

    image: np.ndarray
    hit: np.ndarray
    miss: np.ndarray
    true: np.ndarray

    def curve(self, weights: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return recall and precision after each found box, `(resamples, found)`.

        Args:
            weights: how often each image counts, `(resamples, n)`.
            level: position of the level of IoU.
        """
        drawn = weights[:, self.image]
        hits = np.cumsum(drawn * self.hit[:, level], axis=1)
        misses = np.cumsum(drawn * self.miss[:, level], axis=1)
        total = np.maximum(weights @ self.true, TINY)[:, None]
        return hits / total, hits / (hits + misses + TINY)

    def sampled(self, weights: np.ndarray, level: int) -> np.ndarray:
        """Return the precision at each recall of `RECALLS`, `(resamples, 101)`.

        Args:
            weights: how often each image counts, `(resamples, n)`.
            level: position of the level of IoU.
        """
        recall, precision = self.curve(weights, level)
        reached = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.pad(reached, ((0, 0), (0, 1)))
        places = [np.searchsorted(row, RECALLS, side="left") for row in recall]
        return np.take_along_axis(reached, np.stack(places), axis=1)

    def average(self, weights: np.ndarray) -> np.ndarray:
        """Return the average precision per level, `(resamples, levels)`.

        NaN for a resample without a true box of the class.

        Args:
            weights: how often each image counts, `(resamples, n)`.
        """
        levels = range(self.hit.shape[1])
        values = np.stack([self.sampled(weights, k).mean(axis=1) for k in levels], 1)
        return np.where((weights @ self.true)[:, None] > 0, values, np.nan)


def rankings(
    found: np.ndarray, y: np.ndarray, levels: np.ndarray
) -> dict[int, Ranking]:
    """Rank the found boxes of each class that has a true box.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        levels: of the IoU, `(levels,)`.

    Returns:
        Class number -> its ranking.
    """
    found = used(found)
    matches = match_targets(box_similarity(found, y), y, levels)
    return rankings_of(found, y, matches, counted(y))


def rankings_of(
    found: np.ndarray, y: np.ndarray, matches: Matches, real: np.ndarray
) -> dict[int, Ranking]:
    """Rank found boxes that are matched already.

    Args:
        found: `(n, found, 6)`.
        y: `(n, true, 5)`.
        matches: of both.
        real: true boxes that count, bool `(n, true)`.
    """
    present = np.unique(y[..., 0][real]).astype(int)
    return {int(k): _ranking(int(k), found, y, matches, real) for k in present}


def _ranking(
    number: int, found: np.ndarray, y: np.ndarray, matches: Matches, real: np.ndarray
) -> Ranking:
    image, rank = np.nonzero(found[..., 0] == number)
    order = np.argsort(-found[image, rank, 1], kind="stable")
    image, rank = image[order], rank[order]
    hit, skipped = matches.hit[image, rank], matches.skipped[image, rank]
    true = ((y[..., 0] == number) & real).sum(axis=1)
    return Ranking(image, hit.astype(float), (~hit & ~skipped).astype(float), true)


def mean_precision(
    found: np.ndarray, y: np.ndarray, levels: np.ndarray = LEVELS
) -> Statistic:
    """Return the mean average precision over classes and levels, as a statistic.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        levels: of the IoU, `(levels,)`; default 0.5, 0.55 .. 0.95.
    """
    return averaged(rankings(found, y, levels))


def averaged(ranked: Mapping[int, Ranking]) -> Statistic:
    """Return the mean of the average precisions as a statistic.

    Args:
        ranked: class number -> its ranking.
    """

    def statistic(weights: np.ndarray) -> np.ndarray:
        if not ranked:
            return np.full((len(weights), 1), np.nan)
        averages = np.stack([r.average(weights) for r in ranked.values()], axis=1)
        present = np.isfinite(averages)
        count = np.maximum(present.sum(axis=(1, 2)), 1)
        value = np.where(present, averages, 0).sum(axis=(1, 2)) / count
        return np.where(present.any(axis=(1, 2)), value, np.nan)[:, None]

    return statistic
