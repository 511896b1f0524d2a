"""Clusters of features: k-means found, compared with classes, and told."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.evaluate.clusters import (
    agreement,
    clusters_of,
    contents,
    features_of,
)
from pipeline.experiment.loader import read_experiment

RNG = np.random.default_rng(2)
Y = np.repeat(np.arange(3), [40, 30, 20])
CENTERS = np.array([[0.0, 9.0], [9.0, 0.0], [-9.0, -9.0]])
BLOBS = CENTERS[Y] + RNG.normal(size=(90, 2))


def test_three_separate_groups_are_found_the_largest_first():
    found = clusters_of(BLOBS, 3, seed=1)
    np.testing.assert_array_equal(found, Y)
    rows = contents(Y, found, ("a", "b", "c"))
    assert rows[0] == {"size": 40, "class": "a", "share": 1.0}


def test_the_seed_decides_and_large_seeds_are_taken():
    noise = RNG.normal(size=(200, 100))
    first, again = (clusters_of(noise, 5, seed=2**60 + 1) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_complete_agreement_is_one_and_none_is_about_zero():
    whole = agreement(Y, Y, 100, seed=1)
    assert whole["nmi"] == {"value": 1.0, "interval": [1.0, 1.0]}
    by_chance = agreement(Y, RNG.permutation(Y), 200, seed=1)["ari"]
    assert by_chance["interval"][0] < 0.05 and by_chance["value"] < 0.15


@pytest.mark.parametrize(("is_output", "size"), [(False, 4), (True, 2)])
def test_features_are_what_the_last_layer_reads_or_the_output(is_output, size):
    x = inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3)(x)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    features = features_of(
        keras.Model(inputs, keras.layers.Activation("linear")(outputs)),
        np.ones((5, 6, 6, 1), np.float32),
        is_output,
    )
    assert features.shape == (5, size)


def test_features_with_positions_are_averaged():
    inputs = keras.Input((6, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    x = RNG.normal(size=(5, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(features_of(model, x, False), x.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("data", "evaluate", "message"),
    [
        ({"task": "regression", "source": "sklearn:diabetes"}, {"count": 3}, "classes"),
        ({"source": "sklearn:digits"}, {"count": 1}, "at least 2"),
    ],
)
def test_what_cannot_be_clustered_is_refused_before_data(
    tmp_path, data, evaluate, message
):
    path = tmp_path / "experiments" / "one"
    path.mkdir(parents=True)
    text = f"data: {data}\nevaluate: {{clusters: {evaluate}}}\n"
    (path / "experiment.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_experiment(path)
