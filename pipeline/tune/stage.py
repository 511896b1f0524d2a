"""tune: find hyperparameters on the validation split.

In: data, augment. Out: trials.csv, trials.json, best.json, importance.json,
models/, trials.png, history.png, parallel.png, importance.png.
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
from pipeline.data.artifact import Data, read_data
from pipeline.core.errors import StageFailed, UserError
from pipeline.core.json_io import write_json
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.factory import pool_of
from pipeline.engine.workers.server import Helper
from pipeline.engine.stage import Inputs
from pipeline.training.devices import start_method
from pipeline.training.history import format_parameters
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.tune import plots, reuse_search, space
from pipeline.tune.artifact import Best, write_best, write_search, write_trials
from pipeline.tune.finalists import Finalist, finals
from pipeline.tune.pareto import front
from pipeline.tune.importance import importance
from pipeline.tune.oracles import Oracle, passes
from pipeline.tune.params import TuneParams
from pipeline.tune.progress import teller
from pipeline.tune.record import Record
from pipeline.tune.search import Search, Trial
from pipeline.tune.trial import COSTS, Trainer
from pipeline.tune.warm_start import warm_values

Row = dict[str, Any]
FRONT = ("trial", "score", "bytes_int8", "parameters", "macs", "values")


def run(params: TuneParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Search, record every trial, name the best; after an extension, keep it."""
    for earlier in inputs.beside.values():
        return reuse_search.publish_again(params, earlier, inputs, out)
    data = read_data(inputs["data"])
    metric = for_chain(data.spec.task).metric
    config = _space(params, inputs, data)
    trainer = Trainer(params, inputs["data"], inputs["augment"])
    with closing(Helper(partial(trainer.costs, data.spec), start_method())) as helper:
        search = _search(params, inputs, config, trainer, helper, metric.sign)
        search.run()
        if search.ended_early:
            print(f"the search ended early: {search.ended_early}")
            inputs.progress(f"the search ended early: {search.ended_early}")
        _check_any(search)
        ranked = finals(search)
    rows = [_row(trial, ranked, params) for trial in search.trials]
    best = _best(search, ranked, rows, config)
    _write(out, rows, best, config)
    _draw(out, rows, best, importance_of(rows, config, out), config, metric)
    _publish_models(search, out)
    inputs.volatile["trial_seconds"] = _seconds(search)
    return _metrics(best, search, rows)


def _space(params: TuneParams, inputs: Inputs, data: Data) -> space.Config:
    """Declared in another process, as declaring builds models."""
    pool = Pool(1, start_method())
    policy = str(read_policy(inputs["augment"], inputs.seed))
    pool.submit("space", space.space_config, params, data.spec, policy)
    outcome = pool.wait()
    if outcome.error:  # the builder, its values and the data do not fit
        raise UserError(outcome.error)
    if params.trials > 1 and not space.searched(outcome.value):
        raise UserError(
            "tune: the search space is empty: every hyperparameter of "
            f"{params.builder} and of the training is fixed; search one (tune.space), "
            "or set tune.trials to 1"
        )
    return outcome.value


def _search(
    params: TuneParams,
    inputs: Inputs,
    config: space.Config,
    trainer: Trainer,
    helper: Helper,
    sign: int,
) -> Search:
    given = [space.defaults(config), *warm_values(params, config, sign)]
    if params.algorithm == "hyperband" and params.trials < passes(params.epochs):
        print(f"a whole pass of hyperband has {passes(params.epochs)} trials")
    oracle = Oracle(
        params.algorithm, config, inputs.seed, given, params.trials, params.epochs
    )
    about = [params.hashed(), inputs.seed, config, inputs.threads]
    return Search(
        params,
        inputs.seed,
        oracle,
        trainer,
        helper.ask,
        pool_of(params, "tune", start_method()),
        Record(inputs.scratch / "trials.jsonl", about),
        inputs.scratch / "models",
        teller(inputs.progress, params),
        sign=sign,
    )


def _check_any(search: Search) -> None:
    """Something must have been trained to its end."""
    statuses = Counter(trial.status for trial in search.trials)
    if statuses["ok"]:
        return
    if statuses["infeasible"] == len(search.trials):
        least = min(search.trials, key=lambda trial: trial.result["over"])
        raise UserError(
            f"tune.limits: all {len(search.trials)} candidates are infeasible; the "
            f"nearest is trial {least.number}: {least.result['reason']}; raise the "
            "limit, or search smaller models (tune.space)"
        )
    failed = next(trial for trial in search.trials if trial.status == "failed")
    raise StageFailed(f"every trial failed; the first: {failed.result['reason']}")


def _row(trial: Trial, ranked: list[Finalist], params: TuneParams) -> Row:
    """One trial as trials.json tells it."""
    family, plain = space.plain_values(trial.values, params)
    result = trial.result
    final = next((one for one in ranked if one.trial is trial), None)
    several = {space.FAMILY: family} if len(params.families) > 1 else {}
    return {
        "trial": trial.number,
        "status": trial.status,
        "score": result.get("score"),
        "spread": final.spread if final else None,
        "mean": final.score if final and final.spread is not None else None,
        "loss": result.get("loss"),
        **{name: result.get(name) for name in COSTS},
        "epoch": result.get("epoch"),
        "epochs": result.get("epochs", 0),
        "seed": trial.seed,
        "values": {**several, **plain},
        "reason": result.get("reason"),
    }


def _best(
    search: Search, ranked: list[Finalist], rows: list[Row], config: space.Config
) -> Best:
    winner = ranked[0]
    family, plain = space.plain_values(winner.trial.values, search.params)
    first = next((one for one in ranked if one.trial.number == 0), None)
    again = winner.spread is not None
    told = first and {"score": first.score, "spread": first.spread}
    on_front = front([row for row in rows if row["status"] == "ok"], search.sign)
    return Best(
        builder=family,
        values=plain,
        score=winner.score,
        weights=winner.trial.result["parameters"],
        trial=winner.trial.number,
        spread=winner.spread,
        scores=list(winner.scores) if again else [],
        defaults=told,
        tuned=sorted({name.rpartition("/")[2] for name in space.searched(config)}),
        front=[{key: row[key] for key in FRONT} for row in on_front],
    )


def _write(out: Path, rows: list[Row], best: Best, config: space.Config) -> None:
    write_trials(out, rows)
    write_search(out, rows, space.describe_space(config))
    write_best(out, best)


def importance_of(rows: list[Row], config: space.Config, out: Path) -> dict[str, float]:
    """How much each searched hyperparameter decided; writes importance.json."""
    scored = [row for row in rows if row["status"] in ("ok", "stopped")]
    values = [row["values"] for row in scored]
    parts = importance(values, [row["score"] for row in scored], _names(config))
    write_json(out / "importance.json", parts)
    return parts


def _names(config: space.Config) -> list[str]:
    """Searched names, without `family/`, in the order of the space."""
    found = (name.rpartition("/")[2] for name in space.searched(config))
    return list(dict.fromkeys(found))


def _draw(
    out: Path,
    rows: list[Row],
    best: Best,
    parts: dict[str, float],
    config: space.Config,
    metric: Metric,
) -> None:
    what = metric.name
    scored = [row for row in rows if row["status"] in ("ok", "stopped")]
    plots.draw_front(out / "trials.png", scored, best.front, best.trial, what)
    plots.draw_history(
        out / "history.png", scored, what, metric.higher_is_better
    )
    if names := _names(config):
        plots.draw_parallel(out / "parallel.png", scored, names, what)
    if parts:
        plots.draw_importance(out / "importance.png", parts)


def _publish_models(search: Search, out: Path) -> None:
    for path in sorted(search.models.glob("*.keras")):
        (out / "models").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "models" / path.name)


def _seconds(search: Search) -> dict[str, float]:
    return {
        str(trial.number): trial.result["seconds"]
        for trial in search.trials
        if "seconds" in trial.result and trial.same is None
    }


def _metrics(best: Best, search: Search, rows: list[Row]) -> dict[str, Any]:
    counts = Counter(row["status"] for row in rows)
    early = {"ended_early": search.ended_early} if search.ended_early else {}
    spread = "" if best.spread is None else f" +- {best.spread:.3f}"
    headline = (
        f"{counts['ok'] + counts['stopped']}/{len(rows)}  best {best.score:.3f}"
        f"{spread} at {format_parameters(best.weights, 0)}"
        f"{', ended early' if early else ''}"
    )
    return {
        "headline": headline,
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
