"""Examples without labels: the model's own answers, where it is sure of them.

Lee, Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep
Neural Networks, 2013. In: a training split and a pool. Out: a larger training split.
"""

from __future__ import annotations

import zipfile
from dataclasses import replace

import keras
import numpy as np

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError
from pipeline.models.referenced_files import find_file
from pipeline.train.params import PseudoLabels

ASKED = 512  # examples at once


def parted(
    train: Split, spec: TaskSpec, params: PseudoLabels, seed: int
) -> tuple[Split, np.ndarray]:
    """The examples whose labels are used, and those without labels.

    Raises:
        UserError: for a pool that does not fit, nothing to learn from, or a task
            without classes.
    """
    if spec.task != "classification":
        raise UserError(
            f"train.pseudo_labels: {spec.source} is a {spec.task}, and a label to "
            "believe is a class; leave it out"
        )
    order = np.random.default_rng(seed).permutation(len(train))
    count = max(1, round(params.labelled * len(train)))
    known, other = np.sort(order[:count]), np.sort(order[count:])
    if params.pool is None and not len(other):
        raise UserError(
            "train.pseudo_labels: there is no pool; name one (pool: FILE.npz), or "
            "leave labels aside (labelled: 0.1)"
        )
    pool = train.x[other] if params.pool is None else _read(params.pool, spec)
    return replace(train, x=train.x[known], y=train.y[known]), pool


def with_pseudo_labels(
    model: keras.Model,
    labelled: Split,
    pool: np.ndarray,
    spec: TaskSpec,
    confidence: float,
) -> Split:
    """The labelled examples, and those of the pool of which the model is sure."""
    begins = range(0, len(pool), ASKED)
    asked = (spec.to_input(pool[at : at + ASKED]) for at in begins)
    logits = np.concatenate([np.asarray(model(x, training=False)) for x in asked])
    sure = np.asarray(keras.ops.softmax(logits)).max(axis=-1) >= confidence
    x = np.concatenate([labelled.x, pool[sure]])
    return replace(labelled, x=x, y=np.append(labelled.y, logits[sure].argmax(-1)))


def _read(name: str, spec: TaskSpec) -> np.ndarray:
    path = find_file(name)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x = arrays["x"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"train.pseudo_labels.pool {path}: must be an .npz file with an array "
            f"`x` ({error})"
        ) from None
    if x.shape[1:] != spec.shape or str(x.dtype) != spec.dtype or not len(x):
        raise UserError(
            f"train.pseudo_labels.pool {path}: {len(x)} examples of {x.shape[1:]} "
            f"{x.dtype}; needed are some of {spec.shape} {spec.dtype}"
        )
    return x
