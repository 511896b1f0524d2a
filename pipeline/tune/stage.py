"""tune: search hyperparameters on the validation split.

In: data, augment. Out: trials.csv, trials.json, best.json, importance.json, models/,
trials.png, history.png, parallel.png, importance.png.
Run: python -m pipeline run tune --exp digits
"""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.core.errors import StageFailed, UserError
from pipeline.core.json_io import write_json
from pipeline.core.wording import quantity
from pipeline.data.artifact import Data, read_data
from pipeline.engine.stage import Inputs
from pipeline.engine.time_limits import EXCEEDED, TimeLimit, time_limit
from pipeline.engine.workers.factory import pool_of
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.server import Helper
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.training.devices import start_method
from pipeline.training.gpu_memory import check_workers
from pipeline.training.history import format_parameters
from pipeline.tune import plots, reuse_search, space
from pipeline.tune.artifact import (
    Best,
    TrialRow,
    write_best,
    write_search,
    write_trials,
)
from pipeline.tune.finalists import Finalist, rank_finalists
from pipeline.tune.importance import importance
from pipeline.tune.oracles import Oracle, trials_per_pass
from pipeline.tune.params import TuneParams
from pipeline.tune.pareto import Point, front
from pipeline.tune.progress import progress_reporter
from pipeline.tune.record import Record
from pipeline.tune.search import Search, Trial
from pipeline.tune.trial import COSTS, Trainer
from pipeline.tune.warm_start import warm_values

FRONT = ("trial", "score", "bytes_int8", "parameters", "macs", "values")


def run(params: TuneParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Search, record every trial and choose the best; reuse an earlier choice.

    Args:
        params: section `tune`.
        inputs: published folders of data and augment; after `data.extend` also the
            earlier search.
        out: folder of the results.

    Returns:
        Metrics of the search.

    Raises:
        UserError: for an empty space, limits that no model satisfies, or a builder that
            does not fit the data.
        StageFailed: when every trial failed.
    """
    earlier = next(iter(inputs.extra_inputs.values()), None)
    if earlier is not None:
        return reuse_search.publish_again(params, earlier, inputs, out)
    data = read_data(inputs["data"])
    metric = for_chain(data.spec.task).metric
    config = _space(params, inputs, data)
    search, finalists = _run_search(params, inputs, data, config, metric)
    rows = [_row(trial, finalists, params) for trial in search.trials]
    pareto_front = front([r.point for r in rows if r.status == "ok"], search.sign)
    best = _best(search, finalists, rows, pareto_front, config)
    _write(out, rows, best, config)
    fractions = write_importance(rows, config, out)
    _draw(out, rows, pareto_front, best.trial, fractions, config, metric)
    _publish_models(search, out)
    inputs.volatile["trial_seconds"] = _seconds(search)
    inputs.volatile[EXCEEDED] = search.record.exceeded
    return _metrics(best, search, rows)


def _limit(inputs: Inputs) -> TimeLimit | None:
    return time_limit(inputs.minutes, "trial")


def _space(params: TuneParams, inputs: Inputs, data: Data) -> space.Config:
    """Return the search space; in another process, as declaring it builds models."""
    pool = Pool(1, start_method(), _limit(inputs))
    policy = str(read_policy(inputs["augment"], inputs.seed))
    pool.submit("space", space.space_config, params, data.spec, policy)
    outcome = pool.wait()
    if outcome.error:  # builder, values and data do not fit
        raise UserError(outcome.error)
    if params.trials > 1 and not space.searched_names(outcome.value):
        raise UserError(
            "tune: the search space is empty: every hyperparameter of "
            f"{params.builder} and of the training is fixed; search one (tune.space), "
            "or set tune.trials to 1"
        )
    return outcome.value


def _run_search(
    params: TuneParams,
    inputs: Inputs,
    data: Data,
    config: space.Config,
    metric: Metric,
) -> tuple[Search, list[Finalist]]:
    trainer = Trainer(params, inputs["data"], inputs["augment"])
    costs, limit = partial(trainer.costs, data.spec), _limit(inputs)
    with closing(Helper(costs, start_method(), limit)) as helper:
        search = _search(params, inputs, config, trainer, helper, metric.sign)
        search.run()
        if search.ended_early:
            print(f"the search ended early: {search.ended_early}")
            inputs.progress(f"the search ended early: {search.ended_early}")
        _check_any(search)
        return search, rank_finalists(search)


def _search(
    params: TuneParams,
    inputs: Inputs,
    config: space.Config,
    trainer: Trainer,
    helper: Helper,
    sign: int,
) -> Search:
    initial = [space.defaults(config), *warm_values(params, config, sign)]
    if params.algorithm == "hyperband":
        _report_short_pass(params)
    oracle = Oracle(
        params.algorithm, config, inputs.seed, initial, params.trials, params.epochs
    )
    if params.engine == "local":
        check_workers(params.workers, "tune.workers")
    identity = [params.hashed(), inputs.seed, config, inputs.threads]
    return Search(
        params,
        inputs.seed,
        oracle,
        trainer,
        helper.ask,
        pool_of(params, "tune", start_method(), _limit(inputs)),
        Record(inputs.scratch / "trials.jsonl", identity, inputs.minutes.get("trial")),
        inputs.scratch / "models",
        progress_reporter(inputs.progress, params),
        sign=sign,
    )


def _report_short_pass(params: TuneParams) -> None:
    trials = trials_per_pass(params.epochs)
    if params.trials < trials:
        print(f"a complete pass of hyperband has {quantity(trials, 'trial')}")


def _check_any(search: Search) -> None:
    """Check that at least one model was trained to its end."""
    statuses = Counter(trial.status for trial in search.trials)
    if statuses["ok"]:
        return
    if statuses["infeasible"] == len(search.trials):
        closest = min(search.trials, key=lambda trial: trial.result["over"])
        raise UserError(
            f"tune.limits: all {len(search.trials)} candidates are infeasible; the "
            f"closest is trial {closest.number}: {closest.result['reason']}; raise the "
            "limit, or search smaller models (tune.space)"
        )
    failed = next(trial for trial in search.trials if trial.status == "failed")
    raise StageFailed(f"every trial failed; the first: {failed.result['reason']}")


def _row(trial: Trial, finalists: list[Finalist], params: TuneParams) -> TrialRow:
    family, plain = space.plain_values(trial.values, params)
    result = trial.result
    final = next((f for f in finalists if f.trial is trial), None)
    builder = {space.FAMILY: family} if len(params.families) > 1 else {}
    return TrialRow(
        trial=trial.number,
        status=result["status"],
        score=result.get("score"),
        spread=final.spread if final else None,
        mean=final.score if final and final.spread is not None else None,
        loss=result.get("loss"),
        **{name: result.get(name) for name in COSTS},
        epoch=result.get("epoch"),
        epochs=result.get("epochs", 0),
        seed=trial.seed,
        values={**builder, **plain},
        reason=result.get("reason"),
    )


def _best(
    search: Search,
    finalists: list[Finalist],
    rows: list[TrialRow],
    pareto_front: list[Point],
    config: space.Config,
) -> Best:
    winner = finalists[0]
    family, plain = space.plain_values(winner.trial.values, search.params)
    by_number = {row.trial: row.to_json() for row in rows}
    optimal = [by_number[point.trial] for point in pareto_front]
    return Best(
        builder=family,
        values=plain,
        score=winner.score,
        weights=winner.trial.result["parameters"],
        trial=winner.trial.number,
        spread=winner.spread,
        scores=list(winner.scores) if winner.spread is not None else [],
        defaults=_defaults(finalists),
        tuned=sorted(_names(config)),
        front=[{key: row[key] for key in FRONT} for row in optimal],
    )


def _defaults(finalists: list[Finalist]) -> dict[str, Any] | None:
    """Return score and spread of trial 0, if it was a finalist."""
    defaults = next((f for f in finalists if f.trial.number == 0), None)
    if defaults is None:
        return None
    return {"score": defaults.score, "spread": defaults.spread}


def _write(out: Path, rows: list[TrialRow], best: Best, config: space.Config) -> None:
    trials = [row.to_json() for row in rows]
    write_trials(out, trials)
    write_search(out, trials, space.describe_space(config))
    write_best(out, best)


def write_importance(
    rows: list[TrialRow], config: space.Config, out: Path
) -> dict[str, float]:
    """Estimate how much each searched hyperparameter matters; write importance.json.

    Args:
        rows: all trials.
        config: the search space.
        out: folder of the results.

    Returns:
        Name -> fraction of the explained variance.
    """
    scored = _scored(rows)
    values, scores = [row.values for row in scored], [row.point.score for row in scored]
    fractions = importance(values, scores, _names(config))
    write_json(out / "importance.json", fractions)
    return fractions


def _scored(rows: list[TrialRow]) -> list[TrialRow]:
    return [row for row in rows if row.status in ("ok", "stopped")]


def _names(config: space.Config) -> list[str]:
    """Return the searched names, without `family/`, in the order of the space."""
    names = (name.rpartition("/")[2] for name in space.searched_names(config))
    return list(dict.fromkeys(names))


def _draw(
    out: Path,
    rows: list[TrialRow],
    pareto_front: list[Point],
    best: int,
    fractions: dict[str, float],
    config: space.Config,
    metric: Metric,
) -> None:
    scored, name = _scored(rows), metric.name
    plots.draw_front(out / "trials.png", scored, pareto_front, best, name)
    plots.draw_history(out / "history.png", scored, name, metric.higher_is_better)
    if searched := _names(config):
        plots.draw_parallel(out / "parallel.png", scored, searched, name)
    if fractions:
        plots.draw_importance(out / "importance.png", fractions)


def _publish_models(search: Search, out: Path) -> None:
    for path in sorted(search.models.glob("*.keras")):
        (out / "models").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "models" / path.name)


def _seconds(search: Search) -> dict[str, float]:
    return {
        str(trial.number): trial.result["seconds"]
        for trial in search.trials
        if "seconds" in trial.result and trial.duplicate_of is None
    }


def _metrics(best: Best, search: Search, rows: list[TrialRow]) -> dict[str, Any]:
    counts = Counter(row.status for row in rows)
    early = {"ended_early": search.ended_early} if search.ended_early else {}
    return {
        "headline": _headline(best, counts, len(rows), bool(early)),
        "trials": len(rows),
        "failed": counts["failed"],
        "infeasible": counts["infeasible"],
        "duplicates": counts["duplicate"],
        "best_trial": best.trial,
        "best_score": best.score,
        "best_spread": best.spread,
        "best_weights": best.weights,
        "best_stopped": counts["stopped"],
        "best_defaults": best.defaults and best.defaults["score"],
        **early,
    }


def _headline(best: Best, counts: Counter[str], total: int, early: bool) -> str:
    spread = "" if best.spread is None else f" +- {best.spread:.3f}"
    return (
        f"{counts['ok'] + counts['stopped']}/{total}  best {best.score:.3f}{spread} "
        f"at {format_parameters(best.weights, 0)}{', ended early' if early else ''}"
    )
