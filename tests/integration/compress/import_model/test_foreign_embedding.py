"""A model from elsewhere that returns vectors: what is taken, and what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.core.errors import UserError
from tests.integration.compress.import_model.test_misreading import (
    imported,
    linear,
    published,
)

RNG = np.random.default_rng(6)
SIZE, CLASSES = 6, 8


@pytest.fixture
def data(tmp_path):
    centers = 3 * RNG.normal(size=(CLASSES, SIZE))
    y = np.repeat(np.arange(CLASSES), 10)
    x = (centers[y] + RNG.normal(size=(len(y), SIZE))).astype(np.float32)
    return published(tmp_path, x, y, task="embedding")


def test_a_vector_of_any_length_is_taken_with_its_metric(data):
    metrics = imported(linear(RNG.normal(size=(SIZE, 5)), np.zeros(5)), data)
    assert "doubts" not in metrics


def test_a_model_that_recognizes_nothing_is_refused(data):
    with pytest.raises(UserError, match=r"one-shot recall@1 0\.\d+ .*drawn at random"):
        imported(linear(np.zeros((SIZE, 5)), np.ones(5)), data)


def test_a_softmax_at_the_end_is_refused(data):
    vector = linear(RNG.normal(size=(SIZE, 5)), np.zeros(5))
    model = keras.Model(vector.inputs, layers.Softmax()(vector.output))
    with pytest.raises(UserError, match="ends in a softmax over 5 outputs"):
        imported(model, data)


def test_one_number_is_no_vector(data):
    with pytest.raises(UserError, match="to a vector of at least two numbers; choose"):
        imported(linear(np.ones((SIZE, 1)), [0]), data)
