"""A search without machine learning: a space, and a function that scores values."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from keras_tuner import HyperParameters

from pipeline.engine.workers.pool import Outcome, Pool
from pipeline.tune.oracles import Oracle
from pipeline.tune.params import TuneParams
from pipeline.tune.record import Record
from pipeline.tune.search import Search
from pipeline.tune.space import defaults

ALGORITHMS = ("random", "grid", "bayesian", "hyperband")


def space(filters: tuple[int, ...] = (8, 16, 24, 32)) -> dict[str, Any]:
    hp = HyperParameters()
    hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
    hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.2)
    hp.Choice("filters", list(filters))
    return {**hp.get_config(), "values": {}}


def quality(values: dict[str, Any], seed: int = 0) -> float:
    """Smooth, with one optimum, and a little luck that the seed decides."""
    rate, filters = values.get("learning_rate", 1e-3), values["filters"]
    off = abs(rate - 4e-3) * 50 + abs(values.get("dropout", 0) - 0.1)
    return 0.9 + filters / 1000 - off / 10 + (seed % 7) / 1e4


def train(values, epochs, seed, thresholds, path=None) -> dict[str, Any]:
    """Rises to its quality over the epochs; stops below a threshold as a trial does."""
    limit, curve, reason = quality(values, seed), [], None
    for epoch in range(epochs):
        curve.append(limit * (1 - 0.5 ** (epoch + 1)))
        threshold = thresholds[epoch] if epoch < len(thresholds) else None
        if threshold is not None and max(curve) < threshold:
            reason = f"epoch {epoch + 1}"
            break
    return {
        "status": "stopped" if reason else "ok",
        "reason": reason,
        "score": curve[-1],
        "loss": 1 - curve[-1],
        "epoch": len(curve),
        "epochs": len(curve),
        "curve": curve,
        **costs(values),
        "seconds": 0.0,
    }


def slow(values, epochs, seed, thresholds, path=None) -> dict[str, Any]:
    """Trials of different lengths, so that they end in another order."""
    time.sleep(0.02 * (seed % 4))
    return train(values, epochs, seed, thresholds)


def costs(values: dict[str, Any]) -> dict[str, int]:
    filters = values["filters"]
    return {
        "parameters": 100 * filters,
        "macs": 1000 * filters,
        "bytes_int8": 3000 + 100 * filters,
        "activation_bytes": filters,
    }


def searching(
    folder: Path, config=None, function=train, report=lambda search: None, **params
) -> Search:
    """A search in a folder; the same folder goes on."""
    params = TuneParams(**{"finalists": 1, "workers": 1, "epochs": 9, **params})
    config = config or space()
    initial = [defaults(config)]
    oracle = Oracle(params.algorithm, config, 5, initial, params.trials, params.epochs)
    folder.mkdir(exist_ok=True)
    return Search(
        params,
        5,
        oracle,
        function,
        lambda values: Outcome(None, costs(values)),
        Pool(params.workers),
        Record(folder / "trials.jsonl", [params.hashed(), config]),
        folder / "models",
        report,
    )


def without_times(trials) -> list[tuple]:
    """Proposals and results, without times."""
    times = ("seconds", "minutes")
    return [
        (
            *(t.number, t.values, t.epochs, t.seed, t.thresholds),
            *((k, v) for k, v in sorted(t.result.items()) if k not in times),
        )
        for t in trials
    ]


def die_at(count: int):
    """A reporter that kills its process after so many results."""

    def report(search: Search) -> None:
        if len(search.ended) >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    return report
