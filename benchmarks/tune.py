"""The tune stage against plain Keras Tuner, used as its guide shows.

In: the digits of scikit-learn, 16 trials of at most 15 epochs from the same space.
Out, as means over three seeds:

    wall    seconds of the search without imports, and the best validation accuracy of
            any epoch (the score of Keras Tuner): RandomSearch of Keras Tuner in one
            process, the stage with one worker, the stage with two workers
    memory  growth of the process of the stage from trial 4 to trial 64, in MB
    oracle  time for proposals as a fraction of trials of 2 s, per algorithm

Processor seconds are printed beside wall seconds, because load stretches the latter.

Run: make bench-tune     (python -m benchmarks.tune)
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.core.determinism import pins

TRIALS, EPOCHS, BATCH, PATIENCE, MANY = 16, 15, 32, 5, 64
TRIAL_SECONDS, PROPOSALS = 2.0, 40
SEEDS = (1, 2, 3)
CHAIN = 'seed: 1\ndata: {source: "sklearn:digits"}\n'
FIXED: dict[str, Any] = {
    "batch_size": BATCH,
    "optimizer": "adam",
    "schedule": "constant",
    "weight_decay": 0.0,
}
ALGORITHMS = ("random", "grid", "bayesian", "hyperband")
KINDS = ("plain", "ours 1", "ours 2")


def main() -> None:
    """Run every measurement in a fresh process; print results and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = Path(folder) / "bench"
        experiment.mkdir()
        (experiment / "experiment.yaml").write_text(CHAIN)
        call = ["-m", "pipeline", "run", "augment", "--exp=bench", f"--root={folder}"]
        subprocess.run([sys.executable, *call], check=True, stdout=subprocess.DEVNULL)
        means = {kind: mean_over_seeds(kind, experiment) for kind in KINDS}
        for kind in KINDS[1:]:
            wall, used = (
                means[kind][key] / means["plain"][key]
                for key in ("seconds", "processor")
            )
            print(f"{kind} / plain   {wall:.2f} of wall, {used:.2f} of processor time")
        growth = child("memory", experiment)["growth"]
        print(f"memory   {growth:+.1f} MB from trial 4 to trial {MANY}", flush=True)
        for name, fraction in child("oracle", experiment).items():
            print(f"oracle   {name:10s} {100 * fraction:.1f} % of trials of 2 s")


def mean_over_seeds(kind: str, experiment: Path) -> dict[str, float]:
    """Average the results of a search; print them and the best score per seed."""
    runs = [child(kind, experiment, seed) for seed in SEEDS]
    means = {key: sum(run[key] for run in runs) / len(runs) for key in runs[0]}
    scores = " ".join(f"{run['best']:.4f}" for run in runs)
    print(
        f"{kind:8s} {means['seconds']:7.1f} s wall {means['processor']:7.1f} s "
        f"processor  best {means['best']:.4f} ({scores})",
        flush=True,
    )
    return means


def child(kind: str, experiment: Path, seed: int = SEEDS[0]) -> dict[str, Any]:
    """Run one measurement in a fresh process and return its result."""
    # The guide of Keras Tuner sets neither threads nor determinism.
    pinned = {} if kind == "plain" else pins(1, "native")
    environment = {**os.environ, **pinned, "TF_CPP_MIN_LOG_LEVEL": "3"}
    call = [sys.executable, "-m", "benchmarks.tune", kind, str(experiment), str(seed)]
    process = subprocess.run(call, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(process.stdout.splitlines()[-1])


def measure(kind: str, experiment: Path, seed: int) -> dict[str, Any]:
    """Run one measurement in this process."""
    if kind == "plain":
        return timed(lambda: plain(experiment, seed))
    if kind.startswith("ours"):
        workers = int(kind.split()[1])
        return timed(lambda: ours(experiment, workers, seed=seed))
    return {"memory": memory, "oracle": oracle}[kind](experiment)


def timed(search: Callable[[], float]) -> dict[str, Any]:
    """Time a search: wall and processor seconds, including those of children."""
    import keras_tuner  # noqa: F401

    import pipeline.tune.stage  # noqa: F401  imports are not timed

    begin, before = time.monotonic(), processor()
    best = search()
    seconds = time.monotonic() - begin
    return {"seconds": seconds, "processor": processor() - before, "best": best}


def processor() -> float:
    """Processor seconds of this process and of its ended children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def plain(experiment: Path, seed: int) -> float:
    """Best validation accuracy of Keras Tuner with the builder `cnn`.

    See https://keras.io/guides/keras_tuner/getting_started.
    """
    import keras
    import keras_tuner

    from pipeline.data.artifact import read_data
    from pipeline.models import registry
    from pipeline.tune.space import DEFAULT_RATE, RATES

    data = read_data(experiment / "data")
    train, validation = data.train(), data.validation()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build(hp: Any) -> keras.Model:
        rate = hp.Float("learning_rate", *RATES, sampling="log", default=DEFAULT_RATE)
        model = registry.get("cnn")(hp, data.spec)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            build,
            objective="val_accuracy",
            max_trials=TRIALS,
            seed=seed,
            directory=folder,
        )
        tuner.search(
            data.spec.scale * train.x.astype("float32") + data.spec.offset,
            train.y,
            epochs=EPOCHS,
            batch_size=BATCH,
            validation_data=(
                data.spec.scale * validation.x.astype("float32") + data.spec.offset,
                validation.y,
            ),
            callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE)],
            verbose=0,
        )
        return tuner.oracle.get_best_trials()[0].score


def ours(
    experiment: Path, workers: int, trials: int = TRIALS, seed: int = 1, **changes: Any
) -> float:
    """Best validation accuracy of the tune stage, without retraining finalists.

    The stage writes all its files. Every training hyperparameter besides the learning
    rate is fixed, because the space of plain Keras Tuner has no other.
    """
    from pipeline.engine.stage import Inputs
    from pipeline.tune import stage
    from pipeline.tune.params import TuneParams

    settings = {"epochs": EPOCHS, "patience": PATIENCE, "fix": FIXED, **changes}
    params = TuneParams(trials=trials, workers=workers, finalists=1, **settings)
    folders = {name: experiment / name for name in ("data", "augment")}
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as scratch:
        inputs = Inputs(folders, seed, scratch=Path(scratch), progress=record_memory)
        stage.run(params, inputs, Path(out))
        return best_epoch(Path(scratch) / "trials.jsonl")


def best_epoch(record: Path) -> float:
    """Best accuracy of any epoch of any trial, from the record of the search."""
    lines = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    return max(max(line["result"]["curve"]) for line in lines)


MEMORY: list[float] = []  # megabytes of this process, per trial


def record_memory(text: str, done: int = 0, total: int = 0) -> None:
    """Record the memory at every progress message of a search."""
    MEMORY.append(resident())


def resident() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def memory(experiment: Path) -> dict[str, float]:
    """Growth in MB over many short trials."""
    ours(experiment, 2, MANY, epochs=1, patience=1)
    return {"growth": MEMORY[MANY - 1] - MEMORY[3]}


def oracle(experiment: Path) -> dict[str, float]:
    """Time for proposals as a fraction of the search, per algorithm."""
    from pipeline.data.artifact import read_data
    from pipeline.tune.oracles import Oracle
    from pipeline.tune.params import TuneParams
    from pipeline.tune.space import space_config

    space = space_config(TuneParams(), read_data(experiment / "data").spec)
    return {
        name: proposal_fraction(Oracle(name, space, 1, [], PROPOSALS, EPOCHS))
        for name in ALGORITHMS
    }


def proposal_fraction(oracle: Any) -> float:
    """Time for proposals as a fraction of a search with trials of 2 s."""
    begin = time.monotonic()
    for number in range(PROPOSALS):
        values = oracle.propose(number).values
        oracle.learn(number, -abs(values["learning_rate"] - 3e-3))
    seconds = time.monotonic() - begin
    return seconds / (seconds + PROPOSALS * TRIAL_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kind, folder, number = sys.argv[1:]
        print(json.dumps(measure(kind, Path(folder), int(number))))
    else:
        main()
