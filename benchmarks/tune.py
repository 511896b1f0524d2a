"""The tune stage against plain Keras Tuner, used as its guide shows.

    wall    the same space, the same 16 trials of at most 15 epochs on the digits:
            Keras Tuner's RandomSearch in one process; the stage with one worker;
            the stage with two. Seconds of the search, imports left out, and the best
            validation accuracy of any epoch, which is Keras Tuner's score, all as
            means over three seeds. (The stage's own score is that of the weights it
            keeps, of the epoch with the smallest loss.)
    memory  how much the stage's process grows from trial 4 to trial 64
    oracle  seconds that an algorithm takes for a proposal, as a part of trials of 2 s

Processor seconds are printed beside wall seconds: a busy machine stretches the latter.

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
from pathlib import Path
from typing import Any

from pipeline.core.determinism import pins

TRIALS, EPOCHS, BATCH, PATIENCE, MANY = 16, 15, 32, 5, 64
TRIAL_SECONDS, PROPOSALS = 2.0, 40
SEEDS = (1, 2, 3)
CHAIN = 'seed: 1\ndata: {source: "sklearn:digits"}\n'
FIXED = {
    "batch_size": BATCH,
    "optimizer": "adam",
    "schedule": "constant",
    "weight_decay": 0.0,
}
KINDS = ("plain", "ours 1", "ours 2")


def main() -> None:
    """Run everything in processes of its own; print figures and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = Path(folder) / "bench"
        experiment.mkdir()
        (experiment / "experiment.yaml").write_text(CHAIN)
        call = ["-m", "pipeline", "run", "augment", "--exp=bench", f"--root={folder}"]
        subprocess.run([sys.executable, *call], check=True, stdout=subprocess.DEVNULL)
        told = {kind: over_seeds(kind, experiment) for kind in KINDS}
        for kind in KINDS[1:]:
            wall, used = (
                told[kind][key] / told["plain"][key] for key in ("seconds", "processor")
            )
            print(f"{kind} / plain   {wall:.2f} of wall, {used:.2f} of processor time")
        grown = child("memory", experiment)["grown"]
        print(f"memory   {grown:+.1f} MB from trial 4 to trial {MANY}", flush=True)
        for name, share in child("oracle", experiment).items():
            print(f"oracle   {name:10s} {100 * share:.1f} % of trials of 2 s")


def over_seeds(kind: str, experiment: Path) -> dict[str, float]:
    """Means of a search's figures; prints them, and the best score of each seed."""
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
    """What one measurement, in a fresh process, has to say."""
    # The guide sets no threads, and no determinism, which it would have to seed.
    fixed = {} if kind == "plain" else pins(1, "native")
    environment = {**os.environ, **fixed, "TF_CPP_MIN_LOG_LEVEL": "3"}
    call = [sys.executable, "-m", "benchmarks.tune", kind, str(experiment), str(seed)]
    done = subprocess.run(call, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def measure(kind: str, experiment: Path, seed: int) -> dict[str, Any]:
    """One of the measurements, in this process."""
    if kind == "plain":
        return timed(lambda: plain(experiment, seed))
    if kind.startswith("ours"):
        workers = int(kind.split()[1])
        return timed(lambda: ours(experiment, workers, seed=seed))
    return {"memory": memory, "oracle": oracle}[kind](experiment)


def timed(search: Any) -> dict[str, Any]:
    """Wall and processor seconds, those of children among them."""
    import keras_tuner  # noqa: F401
    import pipeline.tune.stage  # noqa: F401  imports are not what is compared

    begin, before = time.monotonic(), processor()
    best = search()
    seconds = time.monotonic() - begin
    return {"seconds": seconds, "processor": processor() - before, "best": best}


def processor() -> float:
    """Seconds of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in used)


def plain(experiment: Path, seed: int) -> float:
    """https://keras.io/guides/keras_tuner/getting_started, with this builder."""
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
    experiment: Path, workers: int, trials: int = TRIALS, seed: int = 1, **more: Any
) -> float:
    """The best accuracy of any epoch; nothing is trained a second time.

    The stage runs with everything that it writes. What it could search of the training
    besides the rate is fixed: plain Keras Tuner's space has none of it.
    """
    from pipeline.engine.stage import Inputs
    from pipeline.tune import stage
    from pipeline.tune.params import TuneParams

    settings = {"epochs": EPOCHS, "patience": PATIENCE, "fix": FIXED, **more}
    params = TuneParams(trials=trials, workers=workers, top=1, **settings)
    folders = {name: experiment / name for name in ("data", "augment")}
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as scratch:
        inputs = Inputs(folders, seed, scratch=Path(scratch), progress=look)
        stage.run(params, inputs, Path(out))
        return best_epoch(Path(scratch) / "trials.jsonl")


def best_epoch(record: Path) -> float:
    """The best accuracy of any epoch of any trial, from the record of the search."""
    lines = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    return max(max(line["result"]["curve"]) for line in lines)


SEEN: list[float] = []  # megabytes of this process, at each trial


def look(text: str, done: int = 0, total: int = 0) -> None:
    """Called as the progress of a search."""
    SEEN.append(resident())


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def memory(experiment: Path) -> dict[str, float]:
    """Many short trials."""
    ours(experiment, 2, MANY, epochs=1, patience=1)
    return {"grown": SEEN[MANY - 1] - SEEN[3]}


def oracle(experiment: Path) -> dict[str, float]:
    """Part of the wall time that proposing takes, for each algorithm."""
    from pipeline.data.artifact import read_data
    from pipeline.tune.oracles import Oracle
    from pipeline.tune.params import TuneParams
    from pipeline.tune.space import space_config

    space = space_config(TuneParams(), read_data(experiment / "data").spec)
    return {name: share(Oracle(name, space, 1, [], PROPOSALS, EPOCHS)) for name in ALL}


ALL = ("random", "grid", "bayesian", "hyperband")


def share(oracle: Any) -> float:
    """Seconds of proposing over seconds of the search, were trials to take 2 s."""
    begin = time.monotonic()
    for number in range(PROPOSALS):
        values = oracle.propose(number).values
        oracle.learn(number, -abs(values["learning_rate"] - 3e-3))
    spent = time.monotonic() - begin
    return spent / (spent + PROPOSALS * TRIAL_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kind, folder, number = sys.argv[1:]
        print(json.dumps(measure(kind, Path(folder), int(number))))
    else:
        main()
