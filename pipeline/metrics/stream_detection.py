"""Detection of keywords in a stream: false accepts per hour and false rejects.

In: a score per frame and class, and where the keywords are. Out: the frames at which a
keyword is accepted, how many of them are wrong, and a threshold.

A keyword is accepted at the first frame whose largest score is at least the threshold;
then nothing is accepted for a while. With a class of background or unknown words the
score is the probability: Chen et al., Small-Footprint Keyword Spotting Using Deep
Neural Networks, 2014. Without one it is the logit, which is lower on sounds that are no
keyword, where a probability only compares keywords: Hendrycks et al., Scaling
Out-of-Distribution Detection for Real-World Settings, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

THRESHOLDS = 200  # candidates: quantiles of the scores
CONFIDENCE = 0.95
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Keyword:
    """A keyword in a stream.

    Args:
        label: number of its class.
        begin: its first frame.
        end: the last frame at which it is accepted in time.
    """

    label: int
    begin: int
    end: int


@dataclass(frozen=True)
class Counts:
    """Accepted and missed keywords of a stream.

    Args:
        keywords: in the stream.
        rejected: keywords that were not accepted in time, as their class.
        false_accepts: accepted frames that belong to no keyword of their class.
        seconds: length of the stream.
    """

    keywords: int
    rejected: int
    false_accepts: int
    seconds: float

    @property
    def per_hour(self) -> float:
        """False accepts per hour."""
        return self.false_accepts * SECONDS_PER_HOUR / self.seconds

    @property
    def reject_rate(self) -> float:
        """Fraction of the keywords that were rejected; 0 without keywords."""
        return self.rejected / max(self.keywords, 1)

    def to_json(self) -> dict[str, Any]:
        """Return rates with exact 95 % intervals: of Poisson, and of Clopper-Pearson.

        Keywords are counted as independent, which several of one speaker are not.
        """
        from scipy.stats import beta, chi2

        tail, hours = (1 - CONFIDENCE) / 2, self.seconds / SECONDS_PER_HOUR
        k, n, r = self.false_accepts, self.keywords, self.rejected
        low = chi2.ppf(tail, 2 * k) / 2 if k else 0.0
        accepts = [low / hours, chi2.ppf(1 - tail, 2 * k + 2) / 2 / hours]
        low_rate = beta.ppf(tail, r, n - r + 1) if r else 0.0
        high_rate = beta.ppf(1 - tail, r + 1, n - r) if r < n else 1.0
        return {
            "keywords": n,
            "seconds": self.seconds,
            "false_accepts": k,
            "false_accepts_per_hour": self.per_hour,
            "false_accepts_per_hour_interval": [float(value) for value in accepts],
            "false_rejects": r,
            "false_reject_rate": self.reject_rate,
            "false_reject_rate_interval": [float(low_rate), float(high_rate)],
        }


def scores_of(logits: np.ndarray, ignored: Sequence[int] = ()) -> np.ndarray:
    """Return the score of each class at each frame, `(frames, classes)`.

    Args:
        logits: outputs of the file, `(frames, classes)`.
        ignored: classes that are no keywords; with one of them, probabilities.
    """
    if not ignored:
        return logits
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def accepted(
    scores: np.ndarray, threshold: float, pause: int, ignored: Sequence[int] = ()
) -> list[tuple[int, int]]:
    """Return the accepted keywords: frame and class number.

    Args:
        scores: per frame and class, `(frames, classes)`.
        threshold: minimum score.
        pause: frames after an accepted keyword at which nothing is accepted.
        ignored: classes that are no keywords, such as background.
    """
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    above = (best >= threshold) & ~np.isin(classes, list(ignored))
    events, free = [], 0
    for frame in map(int, np.flatnonzero(above)):
        if frame >= free:
            events.append((frame, int(classes[frame])))
            free = frame + 1 + pause
    return events


def count(
    events: Sequence[tuple[int, int]], keywords: Sequence[Keyword], seconds: float
) -> Counts:
    """Compare accepted keywords with those in the stream.

    A keyword that is accepted twice within its time is no false accept.

    Args:
        events: from `accepted`.
        keywords: in order of time.
        seconds: length of the stream.
    """
    hits, wrong = set(), 0
    for frame, label in events:
        hit = [
            number
            for number, keyword in enumerate(keywords)
            if keyword.label == label and keyword.begin <= frame <= keyword.end
        ]
        hits.update(hit[:1])
        wrong += not hit
    return Counts(len(keywords), len(keywords) - len(hits), wrong, seconds)


def choose_threshold(
    scores: np.ndarray,
    keywords: Sequence[Keyword],
    seconds: float,
    pause: int,
    per_hour: float,
    ignored: Sequence[int] = (),
) -> float:
    """Return the threshold with the fewest false rejects at a rate of false accepts.

    Args:
        scores: of a stream of validation, `(frames, classes)`.
        keywords: in the stream.
        seconds: its length.
        pause: see `accepted`.
        per_hour: maximum false accepts per hour. A threshold above all scores, which
            rejects every keyword, always meets it.
        ignored: see `accepted`.
    """
    best, levels = scores.max(axis=1), np.linspace(0, 1, THRESHOLDS)
    candidates = np.unique(np.quantile(best, levels, method="lower"))
    candidates = np.append(candidates, np.nextafter(candidates[-1], np.inf))

    def cost(threshold: float) -> tuple[bool, float, float]:
        events = accepted(scores, threshold, pause, ignored)
        counts = count(events, keywords, seconds)
        return (counts.per_hour > per_hour, counts.reject_rate, -threshold)

    return float(min(candidates, key=cost))
