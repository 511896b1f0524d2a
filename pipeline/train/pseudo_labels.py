"""Pseudo-labels: confident predictions of the model as labels of unlabeled examples.

In: a training split and a pool without labels. Out: a larger training split. Lee,
Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
Networks, 2013.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.array_files import open_npz, read_array
from pipeline.data.artifact import Split
from pipeline.data.sources.params import LimitParams
from pipeline.data.spec import TaskSpec
from pipeline.models.referenced_files import find_file
from pipeline.tasks.registry import task_of
from pipeline.train.params import PseudoLabels
from pipeline.training.floor_check import predict


def labelled_and_pool(
    train: Split, spec: TaskSpec, params: PseudoLabels, seed: int
) -> tuple[Split, np.ndarray]:
    """Separate the examples whose labels are used from the pool without labels.

    Args:
        train: the training split.
        spec: signature of the data.
        params: the pool, and the fraction of labels to use.
        seed: of the choice of labeled examples.

    Returns:
        The labeled examples, and the pool, `(n, *shape)`.

    Raises:
        UserError: for a pool that does not match the data, an empty pool, or a task
            without classes.
    """
    if not task_of(spec).predicts_classes:
        raise UserError(
            f"train.pseudo_labels: {spec.source} is for {task_of(spec).title}, and "
            "pseudo-labels are classes; remove it"
        )
    order = np.random.default_rng(seed).permutation(len(train))
    count = max(1, round(params.labelled * len(train)))
    labelled, others = np.sort(order[:count]), np.sort(order[count:])
    if params.pool is None and not len(others):
        raise UserError(
            "train.pseudo_labels: there is no pool; name one (pool: FILE.npz), or "
            "set labels aside (labelled: 0.1)"
        )
    pool = train.x[others]
    if params.pool is not None:
        pool = read_pool(params.pool, spec, "train.pseudo_labels.pool")
    return replace(train, x=train.x[labelled], y=train.y[labelled]), pool


def with_pseudo_labels(
    model: keras.Model,
    labelled: Split,
    pool: np.ndarray,
    spec: TaskSpec,
    confidence: float,
) -> Split:
    """Return the labeled examples and the confidently predicted ones of the pool.

    Args:
        model: a classifier with logits.
        labelled: examples with true labels.
        pool: stored examples, `(n, *shape)`.
        spec: signature of the data.
        confidence: minimum probability of a pseudo-label.
    """
    logits = predict(model, pool, spec)
    probabilities = np.asarray(keras.ops.softmax(logits))
    confident = probabilities.max(axis=-1) >= confidence
    x = np.concatenate([labelled.x, pool[confident]])
    y = np.append(labelled.y, logits[confident].argmax(-1))
    return replace(labelled, x=x, y=y)


def read_pool(name: str, spec: TaskSpec, key: str) -> np.ndarray:
    """Read examples without labels.

    Args:
        name: of an .npz file with an array `x` of stored examples.
        spec: signature of the data.
        key: of the experiment file, for messages.

    Returns:
        The examples, `(n, *shape)`.

    Raises:
        UserError: for another file, or examples that do not match the data.
    """
    path = find_file(name)
    try:
        with open_npz(path, LimitParams().decompressed) as store:
            x = read_array(store, "x")
    except UserError as error:
        raise UserError(
            f"{key} {path}: must be an .npz file with an array `x` ({error})"
        ) from None
    if x.shape[1:] != spec.shape or str(x.dtype) != spec.dtype or not len(x):
        raise UserError(
            f"{key} {path}: has {len(x)} examples of {x.shape[1:]} "
            f"{x.dtype}; at least one of {spec.shape} {spec.dtype} is needed"
        )
    return x
