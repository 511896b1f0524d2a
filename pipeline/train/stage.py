"""train: fit the best hyperparameters fully; the result is baseline and teacher.

In: data, augment, tune. Out: model.keras, model.json, history.csv, curves.png,
gradients.csv; heads.keras, replicates.json, cross_validation.json and
pseudo_labels.json where they are asked for.
Run: python -m pipeline run train --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.artifact import read_data
from pipeline.data.measure import Measure, measure_of
from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs
from pipeline.fit.history import History, summary
from pipeline.fit.intervals import gain, mean_interval
from pipeline.fit.replicates import check_first, replicate_seed, run_all
from pipeline.train import earlier
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.train.fits import Fits, Fitted
from pipeline.train.heads import headline
from pipeline.train.params import TrainParams
from pipeline.tune.artifact import read_best


def run(params: TrainParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build, fit with early stopping, save; the same with other seeds and folds."""
    data, best = read_data(inputs["data"]), read_best(inputs["tune"])
    measure, begun = measure_of(data.spec), earlier.begun(params, inputs)
    fits = Fits(params, inputs, data, best, out)
    check_first(fits.check)
    fitted = run_all(fits.tasks(), params.workers, inputs.progress)
    first = fitted["seed 1"]
    history = History(first["rows"], first["best"])
    architecture = Architecture(best.builder, best.values, first["weights"])
    write_architecture(out, architecture)
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "baseline", measure)
    inputs.volatile["speed"] = first["speed"]
    total = sum(phase.epochs for phase in params.parts)
    told = summary(history, total, first["weights"], measure)
    told["headline"] += headline(params.heads, data.spec, history.best)
    for more, text in (_extension(begun, first, measure), _warnings(first)):
        told |= more
        told["headline"] += text
    repeated = _repeated(params, inputs, fitted, measure, out)
    told["headline"] += _in_short(repeated, measure)
    return {**told, **repeated}


def _extension(
    begun: dict[str, Any], first: Fitted, measure: Measure
) -> tuple[dict[str, Any], str]:
    """What `data.extend` gave, as metrics and for the end of the headline."""
    told = {**begun, **first["gained"]} if begun else {}
    return {"extension": told} if told else {}, earlier.headline(told, measure)


def _warnings(first: Fitted) -> tuple[dict[str, Any], str]:
    """What is wrong with the gradients, likewise."""
    found = first["warnings"]
    return {"warnings": found} if found else {}, "".join(f"; {one}" for one in found)


def _repeated(
    params: TrainParams,
    inputs: Inputs,
    fitted: dict[str, Fitted],
    measure: Measure,
    out: Path,
) -> dict[str, Any]:
    """Write what several fits say, and repeat it among the metrics."""
    told: dict[str, Any] = {}
    seeds = [replicate_seed(inputs.seed, at) for at in range(params.replicates)]
    runs = [fitted[f"seed {at + 1}"] for at in range(params.replicates)]
    if params.replicates > 1:
        told["replicates"] = {"seeds": seeds, **_spread(runs, measure)}
    if params.folds:
        folds = [one for name, one in fitted.items() if name.startswith("fold")]
        told["cross_validation"] = {"folds": len(folds), **_spread(folds, measure)}
    if params.pseudo_labels:
        told["pseudo_labels"] = _pseudo(seeds, runs)
    for name, value in told.items():
        write_json(out / f"{name}.json", value)
        print(f"{name}: {value.get('verdict') or _words(value)}")
    return told


def _spread(runs: list[Fitted], measure: Measure) -> dict[str, Any]:
    reached = [one["best"][f"val_{measure.key}"] for one in runs]
    mean, interval = mean_interval(reached, measure)
    spread = round(float(np.std(reached, ddof=1)), 9)
    return {
        measure.key: reached,
        "mean": mean,
        "spread": spread,
        "interval": interval,
    }


def _pseudo(seeds: list[int], runs: list[Fitted]) -> dict[str, Any]:
    given, plain = (
        [one[key]["val_accuracy"] for one in runs] for key in ("best", "plain")
    )
    found = gain(seeds, given, plain, "pseudo_labels")
    learnt, known = ([one[key] for one in runs] for key in ("examples", "labelled"))
    believed = [both - one for both, one in zip(learnt, known)]
    return {**found, "examples": learnt, "labelled": known, "believed": believed}


def _in_short(told: dict[str, Any], measure: Measure) -> str:
    """What several fits say, for the end of the headline: a phrase each."""
    text = ""
    for name, what in (("replicates", "seeds"), ("cross_validation", "folds")):
        if one := told.get(name):
            low, high = one["interval"]
            count, mean = len(one[measure.key]), one["mean"]
            text += f", mean of {count} {what} {mean:.3f} ({low:.3f} to {high:.3f})"
    if one := told.get("pseudo_labels"):
        text += f", {measure.change(one['gain'], 1)} by pseudo-labels"
    return text


def _words(value: dict[str, Any]) -> str:
    low, high = value["interval"]
    return (
        f"mean {value['mean']:.4f}, deviation {value['spread']:.4f}, "
        f"95 % interval {low:.4f} to {high:.4f}"
    )
