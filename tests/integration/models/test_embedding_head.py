"""The last layer of an embedding: its length, on families for every kind of data."""

from __future__ import annotations

import keras
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.training.metrics import check_outputs
from tests.helpers.models_cases import spec

IMAGES = spec((8, 8, 1), task="embedding")
TEXTS = spec((6,), "text", "embedding", 20)  # whose first layer is an Embedding


@pytest.mark.parametrize(
    ("family", "data"), [("cnn", IMAGES), ("mlp", IMAGES), ("bag_of_embeddings", TEXTS)]
)
def test_its_length_is_a_hyperparameter_that_width_does_not_scale(family, data):
    assert registry.declared(family, data, {})["embedding_size"] == 32
    values = {"embedding_size": 7, "width": 0.25}
    model = registry.build(family, values, data, 1)
    assert model.output_shape == (None, 7) and model.layers[-1].name == "vector"


def test_other_tasks_have_no_such_hyperparameter():
    assert "embedding_size" not in registry.declared("cnn", spec((8, 8, 1)), {})


def test_a_model_that_returns_a_map_is_refused():
    image = keras.Input((8, 8, 1))
    with pytest.raises(UserError, match="needs a vector of at least two numbers"):
        check_outputs(keras.Model(image, image), IMAGES)
