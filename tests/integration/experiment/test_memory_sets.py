"""Data sets of a program, which compress_model reads into arrays."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_iris

from pipeline.core.errors import UserError
from pipeline.experiment.compress_model import compress_model
from pipeline.experiment.in_memory import saved_splits

X, Y = load_iris(return_X_y=True)
X = X.astype("float32")


class MapStyle:
    """What PyTorch's DataLoader takes: a length, and examples by number."""

    def __init__(self, examples: list) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> object:
        return self.examples[index]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "net.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(path)
    return path


def saved(data, folder, model):
    source = saved_splits({"data": data}, folder, model)["data"]
    assert source == f"npz:{folder / 'data.npz'}"
    with np.load(folder / "data.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


TENSORS = tf.data.Dataset.from_tensor_slices((X, Y))
SETS = {
    "tf.data": TENSORS,
    "tf.data, batched": TENSORS.batch(64),  # the last batch is smaller
    "map style": MapStyle(list(zip(X, Y))),
}


@pytest.mark.parametrize("name", SETS)
def test_all_examples_are_read_in_order(name, tmp_path, model):
    arrays = saved(SETS[name], tmp_path, model)
    np.testing.assert_array_equal(arrays["x"], X)
    np.testing.assert_array_equal(arrays["y"], Y)


@pytest.mark.parametrize(
    "data", [tf.data.Dataset.from_tensor_slices(X).batch(9), MapStyle(list(X))]
)
def test_examples_without_labels_are_the_array_x(data, tmp_path, model):
    arrays = saved(data, tmp_path, model)
    assert list(arrays) == ["x"]
    np.testing.assert_array_equal(arrays["x"], X)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (MapStyle([]), "validation: the data set is empty"),
        (TENSORS.repeat(), r"leave out \.repeat\(\), or add \.take\(n\)"),
        (MapStyle([(X[0], 1, 2)]), "has 3 parts; it must be a pair"),
        (MapStyle([X[0], X[0, :2]]), "give numbers of one shape"),
        (MapStyle([(X[0], 1), X[0]]), "some examples have labels, others none"),
    ],
)
def test_what_makes_no_arrays_is_refused(data, reason, tmp_path, model):
    with pytest.raises(UserError, match=reason):
        saved_splits({"validation": data}, tmp_path, model)


def test_two_limits_of_one_size_are_refused_before_any_work(tmp_path, model):
    budget = {"flash": 9000, "max_bytes": 9000}
    with pytest.raises(UserError, match="flash and max_bytes limit the same size"):
        compress_model(model, (X, Y), budget=budget, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
