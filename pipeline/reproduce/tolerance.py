"""How far a metric may be from the lock's on another machine, stated per metric.

Between processors, thread counts and versions of libraries bits differ, and so do
the sums that they add up to: five settings of one machine moved the accuracy of a
net by one image in 397 and its loss by 1.4 %. What hangs on a single comparison
(which trial is best, in which epoch to stop) can then go another way altogether;
such choices are told, not judged: their worth is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engine.fingerprint import flatten, show
from pipeline.reproduce.snapshot import Snapshot

POINTS = 0.005  # half a percentage point, or this many images if they are more:
IMAGES = 2


@dataclass(frozen=True)
class Rule:
    """Metrics whose dotted name matches, how they are compared, and how far."""

    pattern: str
    kind: str
    amount: float = 0.0

    def says(self, slack: float) -> str:
        """The rule in words."""
        words = {
            "exact": "must be equal",
            "points": f"may differ by {100 * slack:.2g} points",
            "relative": f"may differ by {100 * self.amount:g} %",
            "choice": "a choice, told and not judged",
        }
        return words[self.kind]


# The first that matches counts.
RULES = (
    Rule(r"(data|augment)\..*", "exact"),
    Rule(r".*(accuracy|agreement|drop|score|recall|f1|auc)\b.*", "points"),
    Rule(r".*(loss|error|calibration|divergence)\b.*", "relative", 0.03),
    Rule(r".*\.(headline|chosen|epochs?|weights|best_\w+|smaller)", "choice"),
    Rule(r".*(bytes\w*|ratio)", "relative", 0.05),
    Rule(r".*", "exact"),
)


@dataclass(frozen=True)
class Broken:
    """A metric that is further from the lock's than its rule allows."""

    stage: str
    text: str


def judge(before: Snapshot, after: Snapshot) -> list[Broken]:
    """Every metric of `after` that is not within its tolerance of `before`."""
    slack = max(POINTS, IMAGES / _images(before))
    both = [name for name in before.entries if name in after.entries]
    return [broken for name in both for broken in _stage(before, after, name, slack)]


def rule_of(name: str) -> Rule:
    """The rule for a metric such as `train.best.val_loss`."""
    return next(rule for rule in RULES if re.fullmatch(rule.pattern, name))


def _images(snapshot: Snapshot) -> float:
    """Examples of the smaller split that accuracies are measured on."""
    data = snapshot.entries.get("data")
    counts = data.metrics.get("examples", {}) if data else {}
    sizes = [counts[name] for name in ("validation", "test") if counts.get(name)]
    return min(sizes, default=math.inf)


def _stage(
    before: Snapshot, after: Snapshot, stage: str, slack: float
) -> Iterator[Broken]:
    old, new = (_flat(each.entries[stage].metrics, stage) for each in (before, after))
    for key in sorted({*old, *new}):
        rule = rule_of(key)
        if not _within(rule, old.get(key), new.get(key), slack):
            change = f"{key} {show(old.get(key))} -> {show(new.get(key))}"
            yield Broken(stage, f"{change} ({rule.says(slack)})")


def _flat(metrics: Mapping[str, Any], stage: str) -> dict[str, Any]:
    flat = flatten(metrics, stage)
    return {k: v for k, v in flat.items() if not k.endswith(".headline")}


def _within(rule: Rule, old: Any, new: Any, slack: float) -> bool:
    if rule.kind == "choice" or old == new:
        return True
    if rule.kind == "exact" or not _numbers(old, new):
        return False
    far = slack if rule.kind == "points" else rule.amount * abs(old)
    return abs(new - old) <= far + 1e-9


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and math.isfinite(v) for v in values)
