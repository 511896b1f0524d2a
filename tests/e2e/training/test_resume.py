"""A killed fit resumes bit for bit; a checkpoint belongs to one fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.core.errors import StageFailed, UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training import checkpoint
from pipeline.training.checkpoint import FILE, State
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from tests.helpers import warm
from tests.helpers.cases import chosen

SPEC = TaskSpec("x", "x:x", (4,), "float32", ("a", "b"), modality="table")
RNG = np.random.default_rng(1)
DATA = Split(RNG.normal(size=(64, 4)).astype(np.float32), RNG.integers(0, 2, 64))
OFTEN = FitSettings(epochs=3, checkpoint_seconds=0)


@pytest.mark.parametrize("case", chosen(["swa", "ema_momentum"], 1))
def test_a_fit_killed_in_every_epoch_ends_as_one_that_was_not(case, tmp_path):
    """The driver lists what takes part.

    Dropout, batch statistics, shuffling, augmentation, schedules, phases, accumulation,
    early stopping and averages.
    """
    module = "tests.helpers.training_resume_drive"
    done = warm.run("-m", module, case, str(tmp_path / "s"))
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["killed"] >= 2
    assert result["resumed"] == result["straight"]
    assert result["files"] <= 2


def run(folder: Path, units: int = 8, settings: FitSettings = OFTEN, **more):
    model = registry.build("mlp", {"units": units}, SPEC, 1)
    return model, fit(
        model,
        FitData(SPEC, DATA, DATA),
        settings,
        FitContext(1, checkpoint_folder=folder, **more),
    )


def test_a_finished_fit_is_not_done_again(tmp_path):
    first, history = run(tmp_path)
    speed: dict[str, float] = {}
    second, again = run(tmp_path, speed=speed)
    assert again.rows == history.rows and not speed
    assert all(map(np.array_equal, first.get_weights(), second.get_weights()))


def test_a_checkpoint_of_another_model_or_fit_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(UserError, match="belongs to another model: .*dense1.*remov"):
        run(tmp_path, units=9)
    other = OFTEN.model_copy(update={"learning_rate": 0.1})
    with pytest.raises(UserError, match="belongs to another fit"):
        run(tmp_path, settings=other)
    slower = OFTEN.model_copy(
        update={"checkpoint_seconds": 60.0, "steps_per_execution": 1}
    )
    run(tmp_path, settings=slower)  # changes no bit, so it is the same fit


@pytest.mark.parametrize("keep", [0, 100, -40])
def test_a_damaged_checkpoint_is_an_error_that_says_what_to_do(tmp_path, keep):
    run(tmp_path)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="not readable as a checkpoint .* remove it"):
        run(tmp_path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    identity = {"model": "m"}
    checkpoint.save(tmp_path, State([{"epoch": 1}]), identity)

    def full(file, **arrays):
        file.write(b"x" * 1000)
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(checkpoint.np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, State([{"epoch": 2}]), identity)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert checkpoint.load(tmp_path, identity).history == [{"epoch": 1}]


def test_divergence_names_the_step_and_the_learning_rate():
    hot = FitSettings(
        epochs=9, optimizer="sgd", learning_rate=10, schedule="constant", batch_size=8
    )
    model = registry.build("mlp", {"units": 8}, SPEC, 1)

    def unbounded(y, logits):
        return tf.reduce_sum(logits**2, axis=-1)

    words = r"in epoch \d, step \d of 8, at a learning rate of 10; no checkpoint has"
    with pytest.raises(StageFailed, match=words):
        fit(model, FitData(SPEC, DATA, DATA), hot, FitContext(1, loss=unbounded))


def test_the_last_good_checkpoint_has_a_path(tmp_path):
    with pytest.raises(StageFailed, match=rf"\(epoch [12]\) is {tmp_path / FILE}"):
        run(tmp_path, loss=Falls())


class Falls:
    """A loss that is no number any more once it was called for a second epoch."""

    def __init__(self):
        self.calls = tf.Variable(0.0)

    def __call__(self, y, logits):
        calls = self.calls.assign_add(1.0)
        good = tf.reduce_mean(logits**2, axis=-1)
        return good * tf.where(calls > 7, float("nan"), 1.0)
