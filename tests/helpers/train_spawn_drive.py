"""The train stage with forked processes and with spawned ones, as where a GPU is.

    python -m tests.helpers.train_spawn_drive FOLDER

Prints, as JSON, the hashes of what each published. This process runs no TensorFlow
operation; it has asked for the GPUs, as every stage does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.augment.artifact import write_policy
from pipeline.augment.policy import Policy
from pipeline.core.hashing import hash_file
from pipeline.data import stage as data
from pipeline.data.params import DataParams
from pipeline.engine.stage import Inputs
from pipeline.train import stage as train
from pipeline.train.params import TrainParams
from pipeline.training import replicates
from pipeline.training.devices import start_method
from pipeline.tune.artifact import Best, write_best

DATA = DataParams(source="sklearn:diabetes", task="regression")
VALUES = {"units": 8, "layers": 1, "dropout": 0.1, "learning_rate": 0.01}
NAMES = ("model.keras", "history.csv", "gradients.csv", "curves.png")


def published(folder: Path, method: str) -> dict[str, str]:
    """What the stage writes when its processes begin by `method`."""
    out = folder / method
    out.mkdir()
    replicates.start_method = lambda: method
    folders = {name: folder / name for name in ("data", "augment", "tune")}
    inputs = Inputs(folders, 7, scratch=folder / f"{method}-scratch")
    train.run(TrainParams(epochs=3), inputs, out)
    return {name: hash_file(out / name) for name in NAMES}


def main() -> None:
    folder = Path(sys.argv[1])
    for name in ("data", "augment", "tune"):
        (folder / name).mkdir()
    data.run(DATA, Inputs({}, 1), folder / "data")
    write_policy(folder / "augment", Policy("jitter(0.05)", 1))
    write_best(folder / "tune", Best("mlp", VALUES, 0.5, 100, 0))
    chosen = start_method()
    hashes = {method: published(folder, method) for method in ("fork", "spawn")}
    print(json.dumps({"chosen": chosen, **hashes}))


if __name__ == "__main__":
    main()
