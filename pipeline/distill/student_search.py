"""The search for a student within limits of cost: the section `distill.search`.

In: the stage's trainer. Out: the builder and the values of the student, and search.json
and search.csv: every candidate.

The costs of a candidate are computed from its graph; one above a limit is not trained.
Half of the trials are drawn at random within the limits, from small to large; the
others are proposed by a Gaussian process that learns from each trial and spreads them
along the front of score and size (Knowles, ParEGO, 2006). All are trained for few
epochs, and terminated by successive halving (Jamieson, Talwalkar, 2016). The finalists
are trained with all epochs over new seeds. It is the search of `tune` with a student's
training in the place of a trial's.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core.errors import StageFailed, UserError
from pipeline.core.json_io import write_json
from pipeline.data.spec import TaskSpec
from pipeline.distill.candidate_screening import model_text, screened
from pipeline.distill.params import DistillParams
from pipeline.distill.search_params import StudentSearch
from pipeline.distill.student_trainer import StudentTrainer
from pipeline.distill.student_trial import StudentTrial, candidate_costs, model_values
from pipeline.engine.time_limits import time_limit
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.server import Helper
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.training.devices import start_method
from pipeline.training.gpu_memory import check_workers
from pipeline.tune import space
from pipeline.tune.artifact import write_trials
from pipeline.tune.finalists import Finalist, rank_finalists
from pipeline.tune.oracles import Oracle
from pipeline.tune.params import TuneParams
from pipeline.tune.pareto import SIZE, Point, front
from pipeline.tune.progress import progress_reporter
from pipeline.tune.record import Record
from pipeline.tune.search import Search, Trial
from pipeline.tune.trial import COSTS

WIDTHS = [0.125, 0.25, 0.375, 0.5, 0.75, 1.0]  # where the user names none


@dataclass(frozen=True)
class FoundStudent:
    """The student that a search has chosen.

    Args:
        builder: its builder.
        values: hyperparameter -> value.
    """

    builder: str
    values: dict[str, Any]


def find_student(trainer: StudentTrainer, out: Path) -> FoundStudent:
    """Search for a student; write search.json and search.csv.

    Args:
        trainer: of the stage; its section has a search.
        out: folder of the results.

    Raises:
        UserError: for a space of one model, or limits that no candidate meets.
        StageFailed: when every trial failed.
    """
    params = trainer.params
    settings = params.search
    assert settings is not None
    tune, config = _space(trainer, settings)
    metric = for_chain(trainer.data.spec.task).metric
    costs = partial(candidate_costs, tune, trainer.data.spec)
    limit = time_limit(trainer.inputs.minutes, "trial")
    with closing(Helper(costs, start_method(), limit)) as helper:
        search = _search(trainer, tune, config, helper, metric)
        search.run()
        _check_any(search)
        finalists = rank_finalists(_finals(search, params))
    winner = choose(finalists, settings.max_drop, metric)
    rows = [_row(trial, finalists, winner, tune) for trial in search.trials]
    ended = search.ended_early
    write_trials(out, rows)
    (out / "trials.csv").rename(out / "search.csv")
    limits = settings.limits.configured()
    record = {"limits": limits, "ended_early": ended, "candidates": rows}
    write_json(out / "search.json", record)
    _print(rows, ended, metric)
    return FoundStudent(*model_values(winner.trial.values, tune))


def choose(finalists: list[Finalist], max_drop: float, metric: Metric) -> Finalist:
    """Choose the smallest finalist whose mean score is near the best.

    Args:
        finalists: with scores over seeds, ranked.
        max_drop: largest allowed loss, in units of the score.
        metric: metric of the score.
    """
    usable = [f for f in finalists if not f.failed] or finalists
    best = max(metric.merit(f.score) for f in usable)
    near = [f for f in usable if metric.merit(f.score) >= best - max_drop]
    return min(near, key=lambda f: (f.trial.result[SIZE], f.trial.number))


def _space(
    trainer: StudentTrainer, settings: StudentSearch
) -> tuple[TuneParams, space.Config]:
    """Return the search as a section `tune`, and its space; builds models elsewhere."""
    pool = Pool(1, start_method(), time_limit(trainer.inputs.minutes, "trial"))
    builders = settings.builders or [trainer.trained.builder]
    pool.submit("space", _built_space, trainer.params, builders, trainer.data.spec)
    outcome = pool.wait()
    if outcome.error:  # written by `tune.space`, which names its own section
        raise UserError(outcome.error.replace("tune.", "distill.search."))
    tune, config = outcome.value
    if not space.searched_names(config):
        raise UserError(
            f"distill.search: the space has one model: builder {', '.join(builders)} "
            "has no `width`, and each other hyperparameter is fixed; list values in "
            "distill.search.space, name further builders, or remove distill.search"
        )
    return tune, config


def _built_space(
    params: DistillParams, builders: list[str], spec: TaskSpec
) -> tuple[TuneParams, space.Config]:
    settings = params.search
    assert settings is not None
    widths = {**_widths(settings, builders, spec), **settings.space}
    tune = TuneParams(
        builder=builders[0],
        builders=builders if len(builders) > 1 else [],
        values=settings.values,
        space=widths,
        fix={"learning_rate": params.learning_rate},
        algorithm="bayesian",
        trials=settings.trials,
        minutes=settings.minutes,
        lookahead=settings.lookahead,
        objective="accuracy_and_size",
        limits=settings.limits,
        early_termination="halving",
        finalists=settings.finalists,
        seeds=settings.seeds,
        keep_models=0,
        epochs=settings.epochs,
        workers=params.workers,
    )
    return tune, space.space_config(tune, spec)


def _widths(
    settings: StudentSearch, builders: list[str], spec: TaskSpec
) -> dict[str, list[Any]]:
    """Search `width` where a builder has it, and the user does not name it."""
    if "width" in {*settings.values, *settings.space}:
        return {}
    for builder in builders:
        declared = space.declared_by(builder, spec, settings.values)
        if "width" in declared and type(declared["width"].default) is float:
            return {"width": list(WIDTHS)}
    return {}


def _search(
    trainer: StudentTrainer,
    tune: TuneParams,
    config: space.Config,
    helper: Helper,
    metric: Metric,
) -> Search:
    inputs, params = trainer.inputs, trainer.params
    check_workers(params.workers, "distill.workers")
    first = screened(tune, config, inputs.seed, helper)
    oracle = Oracle(
        tune.algorithm, config, inputs.seed, first, tune.trials, tune.epochs
    )
    oracle.inner.num_initial_points = max(3, len(first))
    identity = [params.hashed(), inputs.seed, config, inputs.threads]
    limit = time_limit(inputs.minutes, "trial")
    record = Record(inputs.scratch / "search.jsonl", identity)
    return Search(
        tune,
        inputs.seed,
        oracle,
        StudentTrial(trainer, tune),
        helper.ask,
        Pool(tune.workers, start_method(), limit),
        record,
        inputs.scratch / "models",
        progress_reporter(inputs.progress, tune),
        sign=metric.sign,
    )


def _check_any(search: Search) -> None:
    """Check that a candidate was trained to its end."""
    statuses = {trial.status for trial in search.trials}
    if "ok" in statuses:
        return
    failed = [trial for trial in search.trials if trial.status == "failed"]
    if failed:
        reason = failed[0].result["reason"]
        raise StageFailed(f"every student of the search failed; the first: {reason}")
    raise StageFailed(
        f"no student of the search was trained to its end: {search.stop_reason}; raise "
        "distill.search.minutes or distill.search.trials"
    )


def _finals(search: Search, params: DistillParams) -> Search:
    """Return the search of the trials on the front, with all epochs."""
    ok = [trial for trial in search.trials if trial.status == "ok"]
    points = [Point(t.number, t.result["score"], t.result[SIZE]) for t in ok]
    optimal = front(points, search.sign)
    numbers = {point.trial for point in optimal}
    trials = [trial for trial in ok if trial.number in numbers]
    full = search.params.model_copy(update={"epochs": params.epochs})
    return replace(search, params=full, trials=trials)


def _row(
    trial: Trial, finalists: list[Finalist], winner: Finalist, tune: TuneParams
) -> dict[str, Any]:
    """Return a candidate as search.json records it."""
    builder, values = model_values(trial.values, tune)
    final = next((f for f in finalists if f.trial is trial), None)
    result = trial.result
    return {
        "trial": trial.number,
        "status": result["status"],
        "score": result.get("score"),
        "final_score": final.score if final and final.spread is not None else None,
        "final_spread": final.spread if final else None,
        "chosen": trial is winner.trial,
        **{name: result.get(name) for name in COSTS},
        "epochs": result.get("epochs", 0),
        "builder": builder,
        "values": values,
        "reason": result.get("reason"),
    }


def _print(rows: list[dict[str, Any]], ended: str, metric: Metric) -> None:
    """Print a line per finalist, the smallest first; a single one has its score."""
    over = sum(row["status"] == "infeasible" for row in rows)
    print(f"search: {len(rows)} candidates, {over} above a limit and not trained")
    if ended:
        print(f"the search ended early: {ended}")
    finals = [row for row in rows if row["chosen"] or row["final_score"] is not None]
    for row in sorted(finals, key=lambda row: row[SIZE]):
        score = row["score"] if row["final_score"] is None else row["final_score"]
        print(
            f"  {metric.name} {score:.3f}  {row[SIZE]:,} B int8  "
            f"{row['activation_bytes']:,} B activations  {row['macs']:,} MACs  "
            f"{model_text((row['builder'], row['values']))}"
            f"{'  chosen' if row['chosen'] else ''}"
        )
