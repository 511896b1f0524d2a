"""summary.json: the result, for the terminal and for programs.

In: ExperimentData. Out: a JSON value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core import invocation
from pipeline.core.invocation import ROOT
from pipeline.report.budget_check import BudgetCheck
from pipeline.report.experiment_data import ExperimentData, Row
from pipeline.tasks.registry import named


def summarize(
    experiment: ExperimentData, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """Summarize what was chosen, compared with which baseline, under which budget.

    Args:
        experiment: the published experiment.
        overrides: `--set` texts that the experiment was run with.

    Returns:
        `chosen`, `baseline` and `nearest` are rows of ExperimentData, `variants` are
        all of them, the smallest file first. `chosen` is None if no file meets the
        budget; otherwise `nearest` is None. `over_budget` of a row names the limits
        that it exceeds. `missed` has one phrase per limit that the nearest file
        exceeds. `floors` are predictions that a model must be better than, see
        `pipeline.evaluate.floors`. `doubts` are warnings of the stages about their
        models, if there are any.
    """
    chosen = experiment.row(experiment.pareto["chosen"])
    nearest, missed = (None, []) if chosen else _nearest(experiment)
    return {
        **named(experiment.spec.task),
        "experiment": experiment.name,
        "command": command(experiment.name, overrides),
        "examples": experiment.evaluation["examples"],
        "budget": experiment.pareto["budget"],
        "baseline": experiment.required_row(experiment.pareto["baseline"]),
        "chosen": chosen,
        "variants": experiment.rows,
        "nearest": nearest,
        "floors": experiment.evaluation.get("floors", []),
        "missed": missed,
        **({"doubts": doubts} if (doubts := _doubts(experiment)) else {}),
    }


def _doubts(experiment: ExperimentData) -> list[str]:
    """Warnings of all stages about models that may be useless or misread."""
    records = experiment.records.values()
    return [text for record in records for text in record.metrics.get("doubts", [])]


def command(experiment: str, overrides: Sequence[str]) -> str:
    """Return the command that reproduces the result.

    Args:
        experiment: name of the experiment.
        overrides: `--set` texts that it was run with.
    """
    return invocation.command("run", folder=ROOT / experiment, overrides=overrides)


def _nearest(experiment: ExperimentData) -> tuple[Row | None, list[str]]:
    """The file that exceeds the budget least, on validation as in compress."""
    budget, task = experiment.pareto["budget"], experiment.spec.task
    check = BudgetCheck(experiment.rows, budget, experiment.score, task)
    miss, violations = check.closest()
    return experiment.row(miss), violations
