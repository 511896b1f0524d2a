"""How far each metric may differ from the lock on another machine, and why.

Processors, thread counts and library versions round differently, so a trained network
differs in its last bits, and its accuracy by a few examples. RULES names every metric
of every stage and task. Numbers that measure something have a tolerance, lists element
by element. Sentences, verdicts and ends of intervals are derived from those numbers,
and a choice (best trial, kept epoch, smallest variant) can flip on a single comparison:
both are reported when they differ, and may differ.

In: the name of a metric. Out: its rule. See `metric_check` for how rules are applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.core.errors import UserError
from pipeline.engine.fingerprint import flatten
from pipeline.reproduce.contents import index_lists
from pipeline.tasks.registry import TASKS, get

# Tolerance of a lock that states no other. Networks that are trained for seconds vary
# more; for those: `pipeline lock --tolerance points=3`.
DEFAULT = {
    "points": 0.5,  # percentage points of accuracy (0.005 of R2 and AUC),
    "images": 2.0,  # or this many examples, whichever is larger
    "loss": 3.0,  # percent
    "size": 5.0,  # percent
}
ROUNDING = 1e-6  # relative: what summing in another order can change
KINDS = {
    "exact": "must be equal",
    "rounding": "equal up to rounding (relative 1e-6)",
    "points": "within the tolerance `points`, or `images` where that is larger",
    "loss": "within the tolerance `loss`",
    "size": "within the tolerance `size`",
    "reported": "may differ, and is reported then",
}
CHOSEN = "compress.chosen"
SCREENED = "compress.variants.screened"


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Args:
        pattern: regular expression for the whole dotted name; an element of a list has
            its position as the last key. `{metric}` is the metric of any task.
        kind: one of KINDS.
        reason: why this rule holds.
        choice: name of a metric; the rule holds only where that one is equal in both
            runs, otherwise a difference is reported only.
    """

    pattern: str
    kind: str
    reason: str
    choice: str = ""


FIT = r"(train|distill)\."
REPEATED = r"train\.(replicates|cross_validation|pseudo_labels)\."
# The first matching rule holds.
RULES = (
    Rule(r"\w+\.headline", "reported", "a sentence about the other metrics"),
    # ---- data and augment: no trained model takes part
    Rule(
        r"data\.(examples|duplicates|class_balance|classes_per_split|also|origins|"
        r"forecast|environment)\..+",
        "exact",
        "counted in the data set",
    ),
    Rule(
        r"data\.(calibration|shared_between_splits|skipped|stored_train)",
        "exact",
        "counted in the data set",
    ),
    Rule(
        r"data\.(anomalies_left_out_of_train|single_examples_left_out|label_noise)",
        "exact",
        "counted in the data set and in draws of a seeded generator",
    ),
    Rule(
        r"data\.numbers\..+",
        "rounding",
        "quantiles of the targets, interpolated in floating point",
    ),
    Rule(
        r"data\.ranking\..+",
        "rounding",
        "counted in the data set; the best possible metric is a mean",
    ),
    Rule(
        r"data\.suspected_label_errors",
        "reported",
        "a threshold on the probabilities of a fitted model",
    ),
    Rule(
        r"data\.warnings(\.\d+)?",
        "reported",
        "sentences about what the data hold, some with measured values",
    ),
    Rule(r"augment\.steps", "exact", "counted in the experiment file"),
    # ---- tune
    Rule(
        r"tune\.trials",
        "exact",
        "set by the experiment, unless the search ends early",
        choice="tune.ended_early",
    ),
    Rule(r"tune\.failed", "exact", "a failure is a fault on every machine"),
    Rule(
        r"tune\.(infeasible|duplicates|best_stopped)",
        "reported",
        "follows the proposals, which follow the scores of earlier trials",
    ),
    Rule(
        r"tune\.(ended_early|best_trial|best_weights)",
        "reported",
        "a choice between scores that may be almost equal",
    ),
    Rule(r"tune\.(best_score|best_defaults)", "points", "measured on validation"),
    Rule(
        r"tune\.best_spread",
        "points",
        "standard deviation over the seeds of the best trial",
        choice="tune.best_trial",
    ),
    # ---- train and distill
    Rule(
        FIT + r"(epochs|weights|smaller|best\.epoch|best\.learning_rate)",
        "reported",
        "follows the choice of trial, and of the epoch at which training stops",
    ),
    Rule(
        FIT + r"best\.({metric}|loss)",
        "reported",
        "on the augmented training batches of the kept epoch: follows that choice",
    ),
    Rule(FIT + r"best\.val_loss", "loss", "measured on validation"),
    Rule(
        FIT + r"best\.val_(\w+_)?({metric})",
        "points",
        "measured on validation, of the main and of each auxiliary head",
    ),
    Rule(
        r"train\.warnings(\.\d+)?",
        "reported",
        "sentences about gradients beyond a threshold",
    ),
    Rule(
        r"(train|distill|compress|evaluate)\.(doubts(\.\d+)?|guard)",
        "reported",
        "sentences with measured values",
    ),
    Rule(
        r"train\.extension\.(begun|held_out_seen)",
        "exact",
        "read from the experiment and counted in the data set",
    ),
    Rule(
        r"train\.extension\.(before|after|gain)",
        "points",
        "measured on validation",
    ),
    Rule(r"train\.(labelled|pretraining\.method)", "exact", "set in the experiment"),
    Rule(
        r"train\.pretraining\.(best_epoch|first_loss)",
        "reported",
        "follows the initial weights, and the epoch that is kept",
    ),
    Rule(r"train\.pretraining\.best_loss", "loss", "measured on validation"),
    Rule(
        REPEATED + r"(seeds\.\d+|folds|labelled\.\d+)",
        "exact",
        "derived from the seed, or counted in the data set",
    ),
    Rule(
        REPEATED + r"({metric}|with_pseudo_labels|without)\.\d+",
        "points",
        "measured on validation, one value per seed or fold",
    ),
    Rule(REPEATED + r"(mean|spread|gain)", "points", "measured on validation"),
    Rule(
        r"(train|distill)(\.\w+)?\.interval(\.\d+)?",
        "reported",
        "ends of an interval: derived from the values, and far wider than these differ",
    ),
    Rule(
        r"(train|distill)(\.\w+)?\.verdict",
        "reported",
        "a sentence: derived from a gain and its interval",
    ),
    Rule(
        REPEATED + r"(examples|believed)\.\d+",
        "reported",
        "a threshold on the probabilities of a fitted model",
    ),
    Rule(r"distill\.gain\.gain", "points", "measured on validation"),
    # ---- compress, evaluate, report
    Rule(
        r"compress\.chosen", "reported", "a choice between sizes at the budget's edge"
    ),
    Rule(
        r"compress\.variants\.screened",
        "reported",
        "which variants are built follows the first scores",
    ),
    Rule(
        r"compress\.variants\.(broken|failed)",
        "exact",
        "a failure is a fault on every machine",
    ),
    Rule(
        r"compress\.variants\.ok",
        "exact",
        "set by the experiment, unless variants are screened out",
        choice=SCREENED,
    ),
    Rule(
        r"compress\.({metric}|drop)",
        "points",
        "measured on validation, of the chosen variant",
        choice=CHOSEN,
    ),
    Rule(
        r"compress\.(bytes_\w+|ratio)",
        "size",
        "of the chosen variant; compressed size follows the weights",
        choice=CHOSEN,
    ),
    Rule(r"evaluate\.examples", "exact", "counted in the data set"),
    Rule(
        r"(evaluate\.files|report\.variants)",
        "exact",
        "set by the experiment, unless variants are screened out",
        choice=SCREENED,
    ),
    Rule(r"evaluate\.({metric})\..+", "points", "measured on test, one value per file"),
)


def rule_of(name: str) -> Rule | None:
    """The rule for a metric such as `train.best.val_loss`; None if no rule names it."""
    return next((rule for rule, regex in _compiled() if regex.fullmatch(name)), None)


def flat_metrics(metrics: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """The metrics of one stage by dotted name, list elements with their position."""
    return flatten(index_lists(metrics), stage)


def read_tolerance(
    texts: Iterable[str], stated: Mapping[str, float]
) -> dict[str, float]:
    """Parse `["points=3"]`; what it does not name is as stated, or the default.

    Raises:
        UserError: for an unknown name, or a value that is not a number >= 0.
    """
    amounts = {**DEFAULT, **stated}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in DEFAULT or not re.fullmatch(r"\d+(\.\d+)?", value):
            allowed = ", ".join(f"{key}={amount:g}" for key, amount in DEFAULT.items())
            raise UserError(
                f"--tolerance {text}: must be one of {allowed}, or another number"
            )
        amounts[name] = float(value)
    return amounts


@cache
def _compiled() -> list[tuple[Rule, re.Pattern[str]]]:
    keys = "|".join(sorted(get(name).metric.key for name in TASKS))
    return [(r, re.compile(r.pattern.replace("{metric}", keys))) for r in RULES]
