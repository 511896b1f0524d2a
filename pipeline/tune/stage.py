"""tune: find hyperparameters on the validation split.

In: data, augment. Out: trials.csv, best.json, trials.png.
Run: python -m pipeline run tune --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from pipeline.augment.artifact import read_policy
from pipeline.data.artifact import Data, read_data
from pipeline.engine.determinism import derive_seed
from pipeline.engine.errors import StageFailed, UserError
from pipeline.engine.pool import Outcome, Pool
from pipeline.engine.stage import Inputs
from pipeline.fit.loop import fit
from pipeline.fit.params import FitSettings
from pipeline.models import registry
from pipeline.tune.artifact import Best, write_best, write_trials
from pipeline.tune.params import TuneParams
from pipeline.tune.search import Values, proposals, run_trials
from pipeline.tune.space import space_config


def run(params: TuneParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Search, record every trial, name the best."""
    data = read_data(inputs["data"])
    space = _space(params, data)
    values = list(proposals(space, params.trials, inputs.seed))
    trial = _trial(params, inputs, data)
    outcomes = run_trials(values, trial, params.workers, _teller(values, inputs))
    rows = [_row(values[outcome.key], outcome) for outcome in outcomes]
    best = _best(params.builder, values, outcomes)
    write_trials(out, rows)
    write_best(out, best)
    _draw(out / "trials.png", [outcome.value for outcome in outcomes if outcome.value])
    return _metrics(best, outcomes)


def _space(params: TuneParams, data: Data) -> dict[str, Any]:
    pool = Pool(workers=1)
    pool.submit("space", space_config, params.builder, data.spec, params.values)
    outcome = pool.wait()
    if outcome.error:  # the builder, its values and the data do not fit
        raise UserError(outcome.error)
    return outcome.value


def _trial(params: TuneParams, inputs: Inputs, data: Data):
    def trial(number: int, values: Values) -> dict[str, Any]:
        seed = derive_seed(inputs.seed, "trial", number)
        model = registry.build(params.builder, values, data.spec, seed)
        settings = FitSettings(
            epochs=params.epochs,
            batch_size=params.batch_size,
            patience=params.patience,
            learning_rate=values["learning_rate"],
        )
        policy = read_policy(inputs["augment"], seed)
        train, validation = data.train(), data.validation()
        history = fit(
            model, data.spec, train, validation, settings, seed=seed, policy=policy
        )
        return {
            "score": history.best["val_accuracy"],
            "loss": history.best["val_loss"],
            "epoch": history.best["epoch"],
            "weights": model.count_params(),
        }

    return trial


def _teller(values: list[Values], inputs: Inputs):
    def tell(done: list[Outcome]) -> None:
        scores = [outcome.value["score"] for outcome in done if outcome.value]
        best = f"  best {max(scores):.3f}" if scores else ""
        text = f"trial {len(done)}/{len(values)}{best}"
        inputs.progress(text, done=len(done), total=len(values))

    return tell


def _row(values: Values, outcome: Outcome) -> dict[str, Any]:
    status = "failed" if outcome.error else "completed"
    result = outcome.value or {}
    fields = {key: result.get(key) for key in ("score", "loss", "epoch", "weights")}
    reason = outcome.error or ""
    return {
        "trial": outcome.key,
        "status": status,
        **fields,
        **values,
        "reason": reason,
    }


def _best(builder: str, values: list[Values], outcomes: list[Outcome]) -> Best:
    """The highest accuracy; of equals the lowest loss."""
    good = [outcome for outcome in outcomes if outcome.value]
    if not good:
        raise StageFailed(f"every trial failed; the first: {outcomes[0].error}")
    top = max(good, key=lambda one: (one.value["score"], -one.value["loss"]))
    score, weights = top.value["score"], top.value["weights"]
    return Best(builder, values[top.key], score, weights, top.key)


def _metrics(best: Best, outcomes: list[Outcome]) -> dict[str, Any]:
    failed = sum(outcome.error is not None for outcome in outcomes)
    total = len(outcomes)
    headline = (
        f"{total - failed}/{total}  best {best.score:.3f} "
        f"at {best.weights / 1000:.0f} k weights"
    )
    return {
        "headline": headline,
        "trials": total,
        "failed": failed,
        "best_trial": best.trial,
        "best_score": best.score,
        "best_weights": best.weights,
    }


def _draw(path: Path, results: list[dict[str, Any]]) -> None:
    """Validation accuracy against the number of weights, a point a trial."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.scatter([r["weights"] for r in results], [r["score"] for r in results])
    axis.set(xlabel="weights", ylabel="validation accuracy", title="trials")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
