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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import UserError
from pipeline.engine.fingerprint import flatten, show
from pipeline.reproduce.snapshot import Snapshot

# What a lock states unless it is told otherwise. Nets that are trained for seconds
# vary more: `pipeline lock --tolerance points=3`.
DEFAULT = {
    "points": 0.5,  # percentage points of accuracy and its kin (0.005 of R2 and AUC),
    "images": 2.0,  # or this many examples, if they are more
    "loss": 3.0,  # percent
    "size": 5.0,  # percent
}


@dataclass(frozen=True)
class Rule:
    """Metrics whose dotted name matches, and by what they are judged."""

    pattern: str
    kind: str


# The first that matches counts. What training scored in the epoch that was kept
# follows the choice of that epoch.
RULES = (
    Rule(r"(data|augment)\..*", "exact"),
    Rule(r".*\.(headline|chosen|epochs?|weights|smaller)", "choice"),
    Rule(r".*\.(warnings|ended_early)\b.*", "choice"),
    Rule(r".*\.best_(trial|weights)", "choice"),
    Rule(r".*\.best\.(accuracy|r2|auc|loss|learning_rate)", "choice"),
    Rule(r".*(accuracy|agreement|drop|score|recall|f1|auc|r2|gain)\b.*", "points"),
    Rule(r".*\.best_(defaults|spread)", "points"),
    Rule(r".*\.extension\.(before|after)", "points"),
    Rule(r".*\.(replicates|cross_validation)\.(mean|spread|interval)\b.*", "points"),
    Rule(r".*(loss|error|calibration|divergence)\b.*", "loss"),
    Rule(r".*(bytes\w*|ratio)", "size"),
    Rule(r".*", "exact"),
)


@dataclass(frozen=True)
class Broken:
    """A metric that is further from the lock's than its rule allows."""

    stage: str
    text: str


def judge(before: Snapshot, after: Snapshot) -> list[Broken]:
    """Every metric of `after` further from `before` than `before` allows."""
    allowed = _allowed(before)
    both = [name for name in before.entries if name in after.entries]
    return [broken for name in both for broken in _stage(before, after, name, allowed)]


def rule_of(name: str) -> Rule:
    """The rule for a metric such as `train.best.val_loss`."""
    return next(rule for rule in RULES if re.fullmatch(rule.pattern, name))


def read_tolerance(
    texts: Iterable[str], stated: Mapping[str, float]
) -> dict[str, float]:
    """`["points=3"]` over what is stated already, or the defaults.

    Raises:
        UserError: for an unknown name, or what is no number of at least 0.
    """
    found = {**DEFAULT, **stated}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in DEFAULT or not re.fullmatch(r"\d+(\.\d+)?", value):
            known = ", ".join(f"{key}={amount:g}" for key, amount in DEFAULT.items())
            raise UserError(
                f"--tolerance {text}: must be one of {known}, or another number"
            )
        found[name] = float(value)
    return found


def _allowed(snapshot: Snapshot) -> dict[str, float]:
    """How far, by kind: a difference of points, a part of losses and sizes."""
    stated = {**DEFAULT, **snapshot.tolerance}
    images = stated["images"] / _images(snapshot)
    points = max(stated["points"] / 100, images)
    return {"points": points, **{k: stated[k] / 100 for k in ("loss", "size")}}


def _images(snapshot: Snapshot) -> float:
    """Examples of the smaller split that accuracies are measured on."""
    data = snapshot.entries.get("data")
    counts = data.metrics.get("examples", {}) if data else {}
    sizes = [counts[name] for name in ("validation", "test") if counts.get(name)]
    return min(sizes, default=math.inf)


def _stage(
    before: Snapshot, after: Snapshot, stage: str, allowed: Mapping[str, float]
) -> Iterator[Broken]:
    old, new = (flatten(each.entries[stage].metrics, stage) for each in (before, after))
    for key in sorted({*old, *new}):
        kind = rule_of(key).kind
        if not _within(kind, old.get(key), new.get(key), allowed):
            change = f"{key} {show(old.get(key))} -> {show(new.get(key))}"
            yield Broken(stage, f"{change} ({_words(kind, allowed)})")


def _words(kind: str, allowed: Mapping[str, float]) -> str:
    if kind == "exact":
        return "must be equal"
    unit = "points" if kind == "points" else "%"
    return f"may differ by {100 * allowed[kind]:.2g} {unit}"


def _within(kind: str, old: Any, new: Any, allowed: Mapping[str, float]) -> bool:
    if kind == "choice" or old == new:
        return True
    if kind == "exact" or not _numbers(old, new):
        return False
    far = allowed[kind] * (1 if kind == "points" else abs(old))
    return abs(new - old) <= far + 1e-9


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and math.isfinite(v) for v in values)
