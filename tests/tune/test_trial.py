"""What surrounds the training of one trial: costs, settings, the judge, bad numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.augment.artifact import with_strength
from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.core.errors import StageFailed
from pipeline.tasks.registry import get
from pipeline.tune import trial
from pipeline.tune.params import TuneParams

PARAMS = TuneParams(batch_size=64, patience=3)


def test_values_of_the_training_become_settings_and_others_do_not():
    values = {"learning_rate": 0.1, "schedule": "constant", "filters": 8}
    made = trial.settings(values, PARAMS, epochs=7)
    assert (made.learning_rate, made.schedule, made.epochs) == (0.1, "constant", 7)
    assert (made.batch_size, made.patience) == (64, 3)
    assert trial.settings({"batch_size": 16}, PARAMS, 7).batch_size == 16


def judged(bars, accuracies, objective="accuracy"):
    judge = trial.Judge(objective, bars, get("classification").metric)
    judge.set_model(SimpleNamespace(stop_training=False))
    for epoch, accuracy in enumerate(accuracies):
        if judge.model.stop_training:
            break
        logs = {"val_accuracy": accuracy, "val_loss": 1 - accuracy}
        judge.on_epoch_end(epoch, logs)
    return judge


def test_a_trial_below_the_bar_is_stopped_with_a_reason():
    judge = judged([None, 0.5, 0.6], [0.4, 0.5, 0.55, 0.9])
    assert judge.curve == [0.4, 0.5, 0.55]  # at the bar is not below it
    assert judge.reason == "epoch 3: best 0.5500, bar 0.6000"


def test_of_the_loss_the_smaller_is_the_better():
    judge = judged([None, -0.5], [0.1, 0.4], objective="loss")
    assert judge.reason == "epoch 2: best 0.6000, bar 0.5000"
    assert judged([None, -0.5], [0.1, 0.6], objective="loss").reason is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_a_failed_trial(bad):
    trial._check_finite([0.5, 1.0, 0.5])
    with pytest.raises(StageFailed, match="lower the learning rate"):
        trial._check_finite([0.5, bad, 0.5])


def test_a_negative_measure_is_told_as_it_is():
    judge = trial.Judge("accuracy", [-0.2], get("regression").metric)
    judge.set_model(SimpleNamespace(stop_training=False))
    judge.on_epoch_end(0, {"val_r2": -0.5, "val_loss": 2.0})
    assert judge.reason == "epoch 1: best -0.5000, bar -0.2000"


def test_a_part_of_the_examples_is_the_same_each_time_and_from_all_over():
    split = Split(np.arange(100)[:, None], np.arange(100))
    part = trial.some(split, 10)
    assert list(part.y) == list(part.x[:, 0]) == list(trial.some(split, 10).y)
    assert len(part) == 10 and part.y[0] == 0 and part.y[-1] == 99
    assert trial.some(split, None) is split is trial.some(split, 500)


def test_strength_changes_the_policy_and_keeps_its_seed():
    policy = Policy("shift(2) | flip", 7)
    assert with_strength(policy, 1.0) is policy
    other = with_strength(policy, 0.5)
    assert str(other) == "shift(1) | flip" and other.seed == policy.seed
