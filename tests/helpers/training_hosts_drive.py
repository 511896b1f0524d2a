"""The same fit on one host, on two, on four, and on two of which one is killed.

    python -m tests.helpers.training_hosts_drive FOLDER

Prints, as JSON, for each fit: history, weights, hashes of all processes, how many
processes were started, and the validation loss of the weights in TensorFlow. Dropout,
batch normalization, augmentation, AdamW and cosine take part.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.training import training_metric
from pipeline.training.context import FitContext, FitData
from pipeline.training.epoch import Validator
from pipeline.training.hosts.launch import fit_on_hosts
from pipeline.training.hosts.local import LocalHosts
from pipeline.training.losses import example_losses
from pipeline.training.params import FitSettings

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b"), scale=1 / 255)
SETTINGS = FitSettings(
    epochs=3,
    batch_size=16,
    optimizer="adamw",
    weight_decay=0.01,
    schedule="cosine",
    learning_rate=0.01,
    ema_momentum=0.5,
    checkpoint_seconds=0,
)
# Name of a fit -> number of hosts, and the epoch after which the last one is killed.
FITS = {"one": (1, 0), "two": (2, 0), "killed": (2, 2), "four": (4, 0)}


def split(count: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    x = rng.integers(0, 150, (count, 8, 8, 1)) + 90 * y[:, None, None, None]
    return Split(x.astype(np.uint8), y, class_weights=(1.0, 2.0))


DATA = FitData(SPEC, split(100, 1), split(41, 2), Policy("shift(1) | noise(0.1)", 4))


def small_net() -> keras.Model:
    keras.utils.set_random_seed(3)
    x = image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, use_bias=False, name="conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.5, name="norm")(x)
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Dropout(0.3, seed=1, name="dropout")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(2, name="logits")(x))


class Counted(LocalHosts):
    """Processes that are counted."""

    started = 0

    def start(self) -> None:
        super().start()
        self.started += self.count


def local_fit(folder: Path, count: int, fatal: int) -> dict[str, Any]:
    def kill(group: Any) -> None:
        os.kill(group.processes[-1].pid, signal.SIGKILL)

    return one_fit(folder, lambda job: Counted(job, count), fatal, kill)


def one_fit(
    folder: Path, new: Callable[[Path], Any], fatal: int, lose: Callable[[Any], None]
) -> dict[str, Any]:
    groups: list[Any] = []
    done_before: list[int] = []

    def hosts(job: Path) -> Any:
        groups.append(new(job))
        return groups[0]

    def progress(text: str, done: int = 0, total: int = 0) -> None:
        if done == fatal and done not in done_before:
            lose(groups[0])
        done_before.append(done)

    model = small_net()
    context = FitContext(4, checkpoint_folder=folder, progress=progress)
    history = fit_on_hosts(model, DATA, SETTINGS, context, hosts)
    paths = sorted((folder / "hosts").glob("hash-*.json"))
    return {
        "rows": history.rows,
        "best": history.best,
        "hashes": [json.loads(path.read_text())["weights"] for path in paths],
        "weights": [weight.tolist() for weight in model.get_weights()],
        "started": groups[0].started,
        "val_loss": loss_in_tensorflow(model),
    }


def loss_in_tensorflow(model: keras.Model) -> float:
    metric = training_metric(SPEC, DATA.train.y)
    loss = example_losses(SETTINGS, SPEC)
    return Validator(model, DATA.validation, SPEC, loss, metric)()["val_loss"]


def main() -> None:
    folder = Path(sys.argv[1])
    fits = {name: local_fit(folder / name, *values) for name, values in FITS.items()}
    print(json.dumps(fits))


if __name__ == "__main__":
    main()
