"""Disjoint splits: train, validation and test, stratified by class."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn.model_selection import train_test_split

from pipeline.data.examples import Examples
from pipeline.data.params import SplitParams
from pipeline.engine.errors import UserError

SPLITS = ("train", "validation", "test")


def split(examples: Examples, params: SplitParams, seed: int) -> dict[str, np.ndarray]:
    """Positions of the examples of each split, sorted; every example is in one.

    Raises:
        UserError: when a class is too small to be in every split.
    """
    every = np.arange(len(examples.y))
    own = examples.own_test
    if own is None:
        rest, test = _cut(every, examples, params.test, seed)
    else:
        rest, test = every[~own], every[own]
    fraction = params.validation / (params.train + params.validation)
    train, validation = _cut(rest, examples, fraction, seed)
    return {"train": train, "validation": validation, "test": test}


def calibration(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Positions of a class-balanced part of a split, sorted.

    Args:
        y: class numbers of the split.
        count: how many in all; each class gives an equal share if it has it.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    turn = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        mine = order[y[order] == label]
        turn[mine] = np.arange(len(mine))
    first = order[np.argsort(turn[order], kind="stable")]
    return np.sort(first[:count])


def hash_examples(x: np.ndarray) -> np.ndarray:
    """A short content hash of each example, `(n,)` of 16 hexadecimal digits."""
    digests = [hashlib.sha256(np.ascontiguousarray(e).tobytes()).hexdigest() for e in x]
    return np.array([digest[:16] for digest in digests], dtype="S16")


def shared_hashes(hashes: dict[str, np.ndarray]) -> int:
    """How many distinct examples stand in more than one split."""
    unique = [np.unique(values) for values in hashes.values()]
    _, counts = np.unique(np.concatenate(unique), return_counts=True)
    return int((counts > 1).sum())


def _cut(
    positions: np.ndarray, examples: Examples, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = examples.y[positions]
    try:
        first, second = train_test_split(
            positions, test_size=fraction, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise UserError(
            f"data.split: {len(positions)} examples of {len(np.unique(labels))} "
            f"classes cannot be split at {fraction:g} "
            f"with every class on both sides ({error})"
        ) from None
    return np.sort(first), np.sort(second)
