"""Examples that are equal: in several splits, or several times in one.

In: raw examples and splits. Out: hashes, counts, and splits without shared examples.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterable

import numpy as np

from pipeline.data.rows import AnyRows, chunks
from pipeline.data.split import SPLITS, SplitIndices

BLOCK = 65_536  # hashes that are converted at once


def hash_examples(x: AnyRows) -> np.ndarray:
    """Return a content hash per raw example, `(n,)` of 16 hexadecimal digits."""
    hashes, end = np.empty(len(x), "S16"), 0
    for part in chunks(x):
        begin, end = end, end + len(part)
        hashes[begin:end] = [_digest(example) for example in part]
    return hashes


def hash_numbers(hashes: np.ndarray) -> np.ndarray:
    """Return hashes as numbers of the same order, `(n,)` uint64.

    They are compared and sorted in a fraction of the time and memory of texts.

    Args:
        hashes: as `hash_examples` returns them.
    """
    numbers = np.empty(len(hashes), np.uint64)
    for begin in range(0, len(hashes), BLOCK):
        part = slice(begin, begin + BLOCK)
        numbers[part] = np.frombuffer(binascii.unhexlify(hashes[part].tobytes()), ">u8")
    return numbers


def shared_hashes(hashes: dict[str, np.ndarray]) -> int:
    """Count the distinct examples that are in more than one split.

    Args:
        hashes: split -> hashes of its examples.
    """
    return len(_in_several(hash_numbers(values) for values in hashes.values()))


def _in_several(splits: Iterable[np.ndarray]) -> np.ndarray:
    """Return the distinct numbers that are in more than one of some arrays, sorted."""
    every = np.concatenate([np.unique(numbers) for numbers in splits])
    every.sort()
    return np.unique(every[1:][every[1:] == every[:-1]])


def duplicates(hashes: dict[str, np.ndarray]) -> dict[str, int]:
    """Count distinct examples that two splits share, and repeats inside each split.

    Args:
        hashes: split -> hashes of its examples.
    """
    pairs = [("train", "validation"), ("train", "test"), ("validation", "test")]
    unique = {name: np.unique(hash_numbers(h)) for name, h in hashes.items()}
    between = {
        f"{first}_{second}": len(
            np.intersect1d(unique[first], unique[second], assume_unique=True)
        )
        for first, second in pairs
    }
    inside = {name: len(h) - len(unique[name]) for name, h in hashes.items()}
    return {**between, **{f"within_{name}": n for name, n in inside.items()}}


def repeated(indices: SplitIndices, hashes: np.ndarray) -> list[tuple[str, int]]:
    """List all examples that are in several splits, equal ones together.

    Args:
        indices: split -> positions.
        hashes: of all examples.

    Returns:
        `(split, position)` per example.
    """
    numbers = hash_numbers(hashes)
    shared = _in_several(numbers[positions] for positions in indices.values())
    listed = [
        (int(numbers[position]), int(position), name)
        for name, positions in indices.items()
        for position in positions[np.isin(numbers[positions], shared)]
    ]
    return [(name, position) for _, position, name in sorted(listed)]


def without_shared(indices: SplitIndices, hashes: np.ndarray) -> SplitIndices:
    """Remove duplicates between splits: test keeps its copy, else validation.

    Args:
        indices: split -> positions.
        hashes: of all examples.
    """
    hashes = hash_numbers(hashes)
    train, validation, test = (indices[name] for name in SPLITS)
    validation = validation[~np.isin(hashes[validation], hashes[test])]
    later = np.concatenate([hashes[validation], hashes[test]])
    train = train[~np.isin(hashes[train], later)]
    return {"train": train, "validation": validation, "test": test}


def _digest(example: np.ndarray | str) -> str:
    if isinstance(example, str):
        raw = example.encode()
    else:
        raw = np.ascontiguousarray(example).tobytes()
    return hashlib.sha256(raw).hexdigest()[:16]
