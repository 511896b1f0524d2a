"""Clusters of the learned features: which examples the baseline finds alike.

In: the baseline's .keras file and the test split. Out: clusters.json, with the clusters
that k-means finds without any label, compared with the classes by normalized mutual
information and by the adjusted Rand index (Hubert, Arabie, Comparing Partitions, 1985).
The clusters of the inputs themselves are the floor.

Features are what the last layer with weights reads, averaged over positions; those of
an embedding are its output. Imports TensorFlow: run it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.preprocessing import StandardScaler

from pipeline.data.artifact import Data, Split
from pipeline.evaluate.params import ClusterParams
from pipeline.metrics.bootstrap import bootstrap_weights
from pipeline.models.files import load_model
from pipeline.tasks.registry import get

DIMENSIONS = 64  # of inputs and features, after a principal component analysis
STARTS = 10  # of k-means; the best is kept
METRICS = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score}
Row = dict[str, Any]


def evaluate(
    data: Data,
    test: Split,
    model_path: Path,
    params: ClusterParams,
    resamples: int,
    seed: int,
) -> Row:
    """Return the content of clusters.json.

    Args:
        data: the published data, with classes.
        test: the test split.
        model_path: the baseline's .keras file.
        params: section `evaluate.clusters`.
        resamples: of the intervals.
        seed: of the examples that are taken, of k-means and of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    count = min(len(test), params.examples)
    positions = np.sort(rng.permutation(len(test))[:count])
    inputs, y = data.spec.to_input(np.asarray(test.x[positions])), test.y[positions]
    model = load_model(model_path)
    features = features_of(model, inputs, get(data.spec.task).unseen_classes)
    found = clusters_of(features, params.count, seed)
    floor = clusters_of(inputs.reshape(count, -1), params.count, seed)
    return {
        "examples": count,
        "features": features.shape[1],
        "learned": agreement(y, found, resamples, seed),
        "inputs": agreement(y, floor, resamples, seed),
        "clusters": contents(y, found, data.spec.classes),
    }


def features_of(model: keras.Model, inputs: np.ndarray, is_output: bool) -> np.ndarray:
    """Return the features of examples, `(n, features)` float32.

    Args:
        model: the baseline.
        inputs: model inputs, `(n, *shape)`.
        is_output: the output is the feature; else the input of the last layer with
            weights.
    """
    last = [layer for layer in model.layers if layer.weights][-1]
    tensor = model.output if is_output else last.input
    values = keras.Model(model.inputs, tensor).predict(inputs, verbose=0)
    axes = tuple(range(1, values.ndim - 1))
    return np.asarray(values.mean(axis=axes) if axes else values, np.float32)


def clusters_of(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the number of the cluster of each example, the largest cluster first.

    Args:
        values: of examples, `(n, dimensions)`; standardized here.
        count: number of clusters.
        seed: of the principal components and of k-means.
    """
    scaled = StandardScaler().fit_transform(values)
    if min(scaled.shape) > DIMENSIONS:
        scaled = PCA(DIMENSIONS, random_state=seed % 2**32).fit_transform(scaled)
    means = KMeans(count, n_init=STARTS, random_state=seed % 2**32).fit(scaled)
    sizes = np.bincount(means.labels_, minlength=count)
    rank = np.empty(count, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[means.labels_]


def agreement(y: np.ndarray, found: np.ndarray, resamples: int, seed: int) -> Row:
    """Return NMI and ARI of clusters and classes, with 95 % bootstrap intervals.

    Args:
        y: class numbers, `(n,)`.
        found: cluster numbers, `(n,)`.
        resamples: of examples; the clusters stay as they are.
        seed: of the bootstrap.
    """
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    for weights in bootstrap_weights(len(y), resamples, seed):
        for row in weights.astype(np.int64):
            drawn, clusters = np.repeat(y, row), np.repeat(found, row)
            for name, metric in METRICS.items():
                values[name].append(float(metric(drawn, clusters)))
    return {
        name: {
            "value": float(metric(y, found)),
            "interval": [float(q) for q in np.quantile(values[name], [0.025, 0.975])],
        }
        for name, metric in METRICS.items()
    }


def contents(y: np.ndarray, found: np.ndarray, classes: Sequence[str]) -> list[Row]:
    """Return what each cluster holds.

    Args:
        y: class numbers, `(n,)`.
        found: cluster numbers, `(n,)`.
        classes: their names.
    """
    rows = []
    for number in range(found.max() + 1):
        counts = np.bincount(y[found == number], minlength=len(classes))
        label = int(counts.argmax())
        share = float(counts[label] / counts.sum())
        rows.append(
            {"size": int(counts.sum()), "class": classes[label], "share": share}
        )
    return rows
