"""The surroundings of a trial's training: settings, the pruner, bad numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.augment.artifact import with_strength
from pipeline.augment.policy import Policy
from pipeline.core.errors import StageFailed
from pipeline.data.artifact import Split
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


def pruned(thresholds, accuracies, objective="accuracy"):
    pruner = trial.TrialPruner(objective, thresholds, get("classification").metric)
    pruner.set_model(SimpleNamespace(stop_training=False))
    for epoch, accuracy in enumerate(accuracies):
        if pruner.model.stop_training:
            break
        logs = {"val_accuracy": accuracy, "val_loss": 1 - accuracy}
        pruner.on_epoch_end(epoch, logs)
    return pruner


def test_a_trial_below_the_threshold_is_stopped_with_a_reason():
    pruner = pruned([None, 0.5, 0.6], [0.4, 0.5, 0.55, 0.9])
    assert pruner.curve == [0.4, 0.5, 0.55]  # at the threshold is not below it
    assert pruner.reason == "epoch 3: best 0.5500, threshold 0.6000"


def test_of_the_loss_the_smaller_is_the_better():
    pruner = pruned([None, -0.5], [0.1, 0.4], objective="loss")
    assert pruner.reason == "epoch 2: best 0.6000, threshold 0.5000"
    assert pruned([None, -0.5], [0.1, 0.6], objective="loss").reason is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_a_failed_trial(bad):
    trial._check_finite([0.5, 1.0, 0.5])
    with pytest.raises(StageFailed, match="lower the learning rate"):
        trial._check_finite([0.5, bad, 0.5])


def test_a_negative_metric_keeps_its_sign():
    pruner = trial.TrialPruner("accuracy", [-0.2], get("regression").metric)
    pruner.set_model(SimpleNamespace(stop_training=False))
    pruner.on_epoch_end(0, {"val_r2": -0.5, "val_loss": 2.0})
    assert pruner.reason == "epoch 1: best -0.5000, threshold -0.2000"


def test_a_subset_of_the_examples_is_the_same_each_time_and_from_all_over():
    split = Split(np.arange(100)[:, None], np.arange(100))
    subset = trial.subset(split, 10)
    assert list(subset.y) == list(subset.x[:, 0]) == list(trial.subset(split, 10).y)
    assert len(subset) == 10 and subset.y[0] == 0 and subset.y[-1] == 99
    assert trial.subset(split, None) is split is trial.subset(split, 500)


def test_strength_changes_the_policy_and_keeps_its_seed():
    policy = Policy("shift(2) | flip", 7)
    assert with_strength(policy, 1.0) is policy
    other = with_strength(policy, 0.5)
    assert str(other) == "shift(1) | flip" and other.seed == policy.seed
