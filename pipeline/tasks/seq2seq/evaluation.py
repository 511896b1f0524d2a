"""Evaluation of text pairs: every target is written by the file itself, greedily.

In: test rows without their targets. Out: a row of evaluation.json, and pairs.json with
texts of the baseline and the chosen file side by side: changed ones, wrong ones, and
some others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.json_io import write_json
from pipeline.metrics import bootstrap
from pipeline.metrics.intervals import binomial
from pipeline.tasks.evaluation import (
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
)
from pipeline.tasks.pair_tokens import END, greedy, pair_tokens_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.seq2seq.errors import edit_distance, error_rate, resampled
from pipeline.tasks.seq2seq.metric import METRIC, is_exact
from pipeline.tasks.targets import PADDING

BATCH = 64  # rows that are decoded together
FILE, PER_KIND = "pairs.json", 8


@dataclass(frozen=True)
class Written:
    """What a file writes for the inputs of the test split.

    Args:
        numbers: character numbers, int32 `(n, steps)`.
        targets: those of the true targets, int32 `(n, steps)`.
    """

    numbers: np.ndarray
    targets: np.ndarray

    @property
    def exact(self) -> np.ndarray:
        """1 where the text is the target, else 0, `(n,)`."""
        return is_exact(self.numbers, self.targets)

    @property
    def edits(self) -> np.ndarray:
        """Edits from each text to its target, float64 `(n,)`."""
        edits = np.zeros(len(self.numbers))
        for row in np.flatnonzero(self.exact == 0).tolist():
            edits[row] = edit_distance(
                *map(_text, (self.numbers[row], self.target(row)))
            )
        return edits

    @property
    def characters(self) -> np.ndarray:
        """Characters of each target, float64 `(n,)`."""
        return ((self.targets != PADDING) & (self.targets != END)).sum(axis=1) * 1.0

    def target(self, row: int) -> np.ndarray:
        """Return the target of a row, `(steps,)`."""
        target: np.ndarray = self.targets[row]
        return target


@dataclass(frozen=True)
class PairComparison(Comparison):
    """One file compared with the reference.

    Args:
        exact_match: fraction of inputs whose target is written without an error.
        exact_match_interval: Clopper and Pearson's interval of that fraction, which is
            not empty where no text is wrong.
        drop: exact match lost against the reference.
        drop_interval: paired interval of the drop.
        character_error_rate: edits per character of the targets.
        character_error_rate_interval: bootstrap interval over pairs.
        changed_texts: fraction of inputs for which the file writes another text than
            the reference.
    """

    exact_match: float
    exact_match_interval: list[float]
    drop: float
    drop_interval: list[float] | None
    character_error_rate: float
    character_error_rate_interval: list[float] | None
    changed_texts: float


def compare(
    before: Written, after: Written, resamples: int, seed: int
) -> PairComparison:
    """Compare a file with the reference.

    Args:
        before: texts of the reference.
        after: texts of the file, of the same inputs.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal pairs.
    """
    exact, y = (before.exact, after.exact), after.characters
    edits = after.edits
    weights = bootstrap.bootstrap_weights(len(y), resamples, seed)
    (ends,) = bootstrap.percentile_intervals(resampled(edits, y), weights)
    value = METRIC.value(exact[1], y)
    return PairComparison(
        exact_match=value,
        exact_match_interval=list(binomial(int(exact[1].sum()), len(y))),
        drop=METRIC.value(exact[0], y) - value,
        drop_interval=METRIC.drop_interval(*exact, y, seed, resamples),
        character_error_rate=error_rate(edits, y),
        character_error_rate_interval=list(ends) if ends else None,
        changed_texts=float((before.numbers != after.numbers).any(axis=1).mean()),
    )


def _predict(context: Context, model: Model, point: Point) -> Written:
    x, spec = np.asarray(context.test.x), context.data.spec
    steps = task_of(spec).output_shape(spec)[0]
    parts = [
        greedy(model.logits, x[begin : begin + BATCH], steps)
        for begin in range(0, len(x), BATCH)
    ]
    return Written(np.concatenate(parts), x[:, -steps:])


def _write(
    out: Path, context: Context, predictions: Mapping[str, Written], pareto: Point
) -> None:
    tokens, x = pair_tokens_of(context.data.spec), np.asarray(context.test.x)
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    rows: list[dict[str, str]] = []
    for kind, row in chosen_rows(baseline, chosen) if tokens else ():
        assert tokens is not None
        rows.append(
            {
                "kind": kind,
                "input": tokens.input_of(x[row]),
                "target": tokens.target_of(x[row]),
                "baseline": tokens.decode(baseline.numbers[row]),
                "chosen": tokens.decode(chosen.numbers[row]),
            }
        )
    write_json(out / FILE, {"pairs": rows})


def chosen_rows(baseline: Written, chosen: Written) -> list[tuple[str, int]]:
    """Choose rows to show: changed, wrong and other ones, at most `PER_KIND` of each.

    Args:
        baseline: texts of the float baseline.
        chosen: texts of the chosen file.
    """
    changed = (baseline.numbers != chosen.numbers).any(axis=1)
    wrong = (chosen.exact == 0) & ~changed
    kinds = {"changed": changed, "wrong": wrong, "right": ~changed & ~wrong}
    return [
        (kind, int(row))
        for kind, mask in kinds.items()
        for row in np.flatnonzero(mask)[:PER_KIND]
    ]


def _text(numbers: np.ndarray) -> list[int]:
    """Return the numbers before the end."""
    values = numbers.tolist()
    return values[: values.index(END)] if END in values else values


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, evidence=lambda written: written.exact
)
