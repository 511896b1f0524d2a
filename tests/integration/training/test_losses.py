"""Losses by name: what they are by hand, and that both libraries agree."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tf_keras

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.training.losses import make_loss
from pipeline.training.params import FitSettings

SPEC = TaskSpec("x", "x:x", (4,), "float32", ("a", "b", "c"))
NUMBER = TaskSpec("x", "x:x", (4,), "float32", (), task="regression")
RNG = np.random.default_rng(1)
LOGITS = RNG.normal(size=(5, 3)).astype(np.float32)
Y = np.array([0, 1, 2, 1, 0])
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
HOT = np.eye(3)[Y]
RIGHT = P[np.arange(5), Y]
SIGMOID = 1 / (1 + np.exp(-LOGITS))
ERROR = np.abs(HOT - P)

BY_HAND = {
    "cross_entropy": -np.log(RIGHT),
    "focal": -((1 - RIGHT) ** 2) * np.log(RIGHT),
    "binary": -(HOT * np.log(SIGMOID) + (1 - HOT) * np.log(1 - SIGMOID)).mean(axis=1),
    "mse": (ERROR**2).mean(axis=1),
    "mae": ERROR.mean(axis=1),
    "huber": (ERROR**2 / 2).mean(axis=1),  # no error of a probability is above 1
}


def value(settings: FitSettings, spec: TaskSpec, y, outputs, api=keras) -> float:
    loss = make_loss(settings, spec, api)
    return float(np.mean(loss(y, outputs)))


@pytest.mark.parametrize("api", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("name", BY_HAND)
def test_a_loss_is_what_it_is_by_hand(name, api):
    got = value(FitSettings(loss=name), SPEC, Y, LOGITS, api)
    assert got == pytest.approx(BY_HAND[name].mean(), rel=1e-5)


def test_smoothing_is_keras_own_and_none_of_it_is_plain_cross_entropy():
    got = value(FitSettings(label_smoothing=0.1), SPEC, Y, LOGITS)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    assert got == pytest.approx(float(theirs(HOT, LOGITS)), rel=1e-5)
    tiny = value(FitSettings(label_smoothing=1e-9), SPEC, Y, LOGITS)
    assert tiny == pytest.approx(value(FitSettings(), SPEC, Y, LOGITS), rel=1e-5)


NUMBERS = {None: (0.25 + 9) / 2, "mae": 1.75, "huber": (0.125 + 2.5) / 2}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_have_errors(name):
    y, outputs = np.array([1.0, -1.0]), np.array([[0.5], [2.0]], np.float32)
    got = value(FitSettings(loss=name), NUMBER, y, outputs)
    assert got == pytest.approx(NUMBERS[name])


@pytest.mark.parametrize(
    "settings", [{"loss": "focal"}, {"loss": "binary"}, {"label_smoothing": 0.1}]
)
def test_a_loss_for_classes_refuses_numbers(settings):
    with pytest.raises(
        UserError, match="is not for regression, and x:x is of that task"
    ):
        make_loss(FitSettings(**settings), NUMBER, keras)
