"""Fits that are killed in one epoch after another, and one that is not: equal?

    python -m tests.helpers.training_resume_drive CASE FOLDER

Prints, as JSON, the hash of the weights and of the history of both, how often the fit
was killed, and how many files the folder held at most. Each fit is a process of its
own, forked from this one, which has run no TensorFlow operation.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings, Phase

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b"), scale=1 / 255)
COMMON: dict[str, Any] = {
    "checkpoint_seconds": 0,
    "learning_rate": 0.02,
    "batch_size": 16,
}
CASES = {
    "ema_momentum": FitSettings(
        **COMMON,
        epochs=4,
        ema_momentum=0.9,
        weight_decay=0.01,
        patience=3,
        global_clipnorm=1.0,
    ),
    "swa": FitSettings(
        **COMMON,
        swa=0.0,
        optimizer="sgd",
        gradient_accumulation_steps=2,
        schedule="plateau",
        plateau_patience=1,
        monitor="accuracy",
        phases=[Phase(epochs=2, unfreeze=0.4), Phase(epochs=3, rate=0.1)],
    ),
}
KILLS = {"ema_momentum": range(4), "swa": (1, 3)}  # epochs, counted from 0


class KillIn(keras.callbacks.Callback):
    """kill -9 in the middle of an epoch: when it has trained, before it is kept."""

    def __init__(self, epoch: int):
        super().__init__()
        self.fatal = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_test_begin(self, logs=None):
        if self.now == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def split(count: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    x = rng.integers(0, 200, (count, 8, 8, 1)) + 30 * y[:, None, None, None]
    return Split(x.astype(np.uint8), y)


def one_fit(settings: FitSettings, folder: Path | None, fatal: int) -> dict[str, str]:
    values = {"width": 0.25, "dropout": 0.3, "normalization": "batch"}
    model = registry.build("cnn", values, SPEC, 4)
    history = fit(
        model,
        FitData(SPEC, split(100, 1), split(40, 2), Policy("shift(1) | noise(0.1)", 4)),
        settings,
        FitContext(4, callbacks=[KillIn(fatal)], checkpoint_folder=folder),
    )
    content = b"".join(weight.tobytes() for weight in model.get_weights())
    rows = json.dumps(history.rows).encode()
    return {
        "weights": hashlib.sha256(content).hexdigest(),
        "history": hashlib.sha256(rows).hexdigest(),
    }


def forked(settings: FitSettings, folder: Path | None, fatal: int = -1) -> dict | None:
    """What the fit returns in a child, or None when it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        result = json.dumps(one_fit(settings, folder, fatal))
        os.write(writer, result.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def main() -> None:
    settings, folder = CASES[sys.argv[1]], Path(sys.argv[2])
    straight = forked(settings, None)
    killed, most, resumed = 0, 0, None
    for epoch in (*KILLS[sys.argv[1]], -1):
        resumed = forked(settings, folder, epoch)
        killed += resumed is None
        most = max(most, len(list(folder.glob("*"))) if folder.exists() else 0)
        if resumed:  # it stopped before that epoch
            break
    result = {"straight": straight, "resumed": resumed, "killed": killed, "files": most}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
