"""Accuracy with few labels, with and without pretraining on all examples.

In: an experiment for classification. Out: a row per fraction of the labels of the
training split: the metric on validation without pretraining and after each method, mean
of three seeds, and the gain with its 95 % interval (paired by seed). The search uses no
labels: the builder has its defaults and what `tune.fix` sets.
Run: make bench-few-labels EXP=digits
     python -m benchmarks.few_labels digits 0.05 contrastive
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json
from pipeline.data.artifact import read_data
from pipeline.experiment.session import load_experiment
from pipeline.metrics.intervals import gain
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain

FRACTIONS = ("0.01", "0.05", "0.1", "1.0")
METHODS = ("contrastive", "masked", "autoencoder")
SEEDS = 3
SEARCH = {"trials": 1, "epochs": 1, "finalists": 1}


def main(
    name: str = "digits",
    fractions: Sequence[str] = FRACTIONS,
    methods: Sequence[str] = METHODS,
) -> None:
    """Print the table.

    Args:
        name: folder in experiments/.
        fractions: of the labels of the training split.
        methods: of `train.pretrain`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        folder.mkdir()
        shutil.copy(Path("experiments") / name / "experiment.yaml", folder)
        load_experiment(folder, tune=SEARCH).run("tune")
        measure = for_chain(read_data(folder / "data").spec.task).metric
        print(f"{'labels':>8} {'pretrain':12} {measure.name} on validation", flush=True)
        for fraction in fractions:
            _print_rows(folder, float(fraction), methods, measure)


def _print_rows(
    folder: Path, fraction: float, methods: Sequence[str], measure: Metric
) -> None:
    plain = _values(folder, measure, {"labelled": fraction})
    print(f"{fraction:8.0%} {'none':12} {_mean(plain):.3f}", flush=True)
    for method in methods:
        train = {"labelled": fraction, "pretrain": {"method": method}}
        values = _values(folder, measure, train)
        result = gain(list(range(SEEDS)), values, plain, "pretraining", measure)
        low, high = result["interval"]
        print(
            f"{'':8} {method:12} {_mean(values):.3f}  gain "
            f"{measure.change(result['gain'], 1)} ({low:+.3f} to {high:+.3f})",
            flush=True,
        )


def _values(folder: Path, measure: Metric, train: Mapping[str, Any]) -> list[float]:
    """Train with three seeds; the metric on validation of each."""
    repeated = {**train, "replicates": SEEDS}
    load_experiment(folder, tune=SEARCH, train=repeated).run("train")
    values: list[float] = read_json(folder / "train" / "replicates.json")[measure.key]
    return values


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main(*sys.argv[1:2], *(text.split(",") for text in sys.argv[2:]))
