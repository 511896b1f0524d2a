"""Disjoint splits: stratified by class, by group, the source's own, or k-fold."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from pipeline.data.examples import Examples
from pipeline.data.params import SplitParams
from pipeline.data.rows import Source, chunks
from pipeline.core.errors import UserError

SPLITS = ("train", "validation", "test")

Places = dict[str, np.ndarray]


def split(examples: Examples, params: SplitParams, seed: int) -> Places:
    """Positions of the examples of each split, sorted; every example is in one.

    Raises:
        UserError: when a class is too small to be in every split, there are too few
            groups, a group stands on both sides of the source's own splits, or folds
            are asked for where the source leaves nothing to fold.
    """
    every = np.arange(len(examples))
    taken = {name: _own(examples, name, params) for name in SPLITS[1:]}
    given = {name: every[mask] for name, mask in taken.items() if mask is not None}
    if params.folds and len(given) == 2:
        raise UserError(
            f"data.split.folds: {params.folds} folds of a source that has its own "
            "validation and test splits would all be alike; set data.split.own to false"
        )
    rest = np.setdiff1d(every, np.concatenate([every[:0], *given.values()]))
    for name in ("test", "validation"):
        if name not in given:
            rest, given[name] = _part(rest, examples, params, name, seed)
    places = {"train": rest, **{name: given[name] for name in SPLITS[1:]}}
    _check_groups(places, examples)
    check_classes(places["train"], examples.y, examples.classes)
    return places


def split_like(
    groups: np.ndarray | None,
    places: Places,
    more: Examples,
    params: SplitParams,
    seed: int,
) -> Places:
    """Positions in a further source; a group stays in the split that has it already.

    Args:
        groups: of the sources before it, `(n,)`, where there are groups.
        places: of the sources before it. New groups are split anew where there are
            enough of them for all three splits; fewer go to train.
    """
    if groups is None:
        return split(more, params, seed)
    known = {name: np.isin(more.groups, groups[at]) for name, at in places.items()}
    found = {name: np.flatnonzero(mask) for name, mask in known.items()}
    new = np.flatnonzero(~np.any(list(known.values()), axis=0))
    parts = {"train": np.arange(len(new))}
    if len(np.unique(more.groups[new])) >= len(SPLITS):
        parts = split(_only(more, new), params, seed)
    added = {name: new[parts[name]] for name in parts}
    none = np.empty(0, np.int64)
    return {n: np.sort(np.concatenate([found[n], added.get(n, none)])) for n in SPLITS}


def _only(examples: Examples, at: np.ndarray) -> Examples:
    """What a split needs to know of some examples."""
    own = ("own_test", "own_validation")
    masks = {name: getattr(examples, name) for name in own}
    cut = {name: None if mask is None else mask[at] for name, mask in masks.items()}
    return replace(examples, y=examples.y[at], groups=examples.groups[at], **cut)


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


def hash_examples(x: Source) -> np.ndarray:
    """A short content hash of each raw example, `(n,)` of 16 hexadecimal digits."""
    parts = [np.array([_digest(e) for e in part], "S16") for part in chunks(x)]
    return np.concatenate(parts)


def shared_hashes(hashes: Places) -> int:
    """How many distinct examples stand in more than one split."""
    unique = [np.unique(values) for values in hashes.values()]
    _, counts = np.unique(np.concatenate(unique), return_counts=True)
    return int((counts > 1).sum())


def duplicates(hashes: Places) -> dict[str, int]:
    """Distinct examples that two splits share, and repeats inside each split."""
    pairs = [("train", "validation"), ("train", "test"), ("validation", "test")]
    between = {
        f"{one}_{two}": len(np.intersect1d(hashes[one], hashes[two]))
        for one, two in pairs
    }
    inside = {name: len(h) - len(np.unique(h)) for name, h in hashes.items()}
    return {**between, **{f"within_{name}": n for name, n in inside.items()}}


def repeated(places: Places, hashes: np.ndarray) -> list[tuple[str, int]]:
    """Split and position of all examples that stand in several, twins together."""
    at = np.concatenate(list(places.values()))
    owner = np.repeat(np.arange(len(places)), [len(p) for p in places.values()])
    values, number = np.unique(hashes[at], return_inverse=True)
    in_split = np.zeros((len(values), len(places)), bool)
    in_split[number, owner] = True
    shared = in_split.sum(axis=1)[number] > 1
    order = np.lexsort((at[shared], number[shared]))
    names = np.array(list(places))[owner[shared][order]]
    return list(zip(names.tolist(), at[shared][order].tolist()))


def without_shared(places: Places, hashes: np.ndarray) -> Places:
    """The splits without doubles: what test has leaves validation and train, what
    validation has leaves train."""
    train, validation, test = (places[name] for name in SPLITS)
    validation = validation[~np.isin(hashes[validation], hashes[test])]
    later = np.concatenate([hashes[validation], hashes[test]])
    train = train[~np.isin(hashes[train], later)]
    return {"train": train, "validation": validation, "test": test}


def _own(examples: Examples, name: str, params: SplitParams) -> np.ndarray | None:
    return getattr(examples, f"own_{name}") if params.own else None


def _part(
    positions: np.ndarray, examples: Examples, params: SplitParams, name: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """`(rest, part)`: the part is a fold, where it is the one that folds choose."""
    own_test = _own(examples, "test", params) is not None
    if params.folds and name == ("validation" if own_test else "test"):
        return _fold(positions, examples, params, seed)
    fraction = params.test
    if name == "validation":
        fraction = params.validation / (params.train + params.validation)
    if examples.groups is not None:
        return _cut_groups(positions, examples, fraction, seed)
    return _cut(positions, examples, fraction, seed)


def _cut(
    positions: np.ndarray, examples: Examples, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = examples.strata[positions]
    try:
        first, second = train_test_split(
            positions, test_size=fraction, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise UserError(
            f"data.split: {len(positions)} examples of {len(np.unique(labels))} "
            f"classes cannot be split at {fraction:g} with every class on both sides "
            f"({_reason(error)})"
        ) from None
    return np.sort(first), np.sort(second)


def _reason(error: ValueError) -> str:
    """scikit-learn's words, without its list of all small classes."""
    return str(error).partition(" Classes with too few members")[0]


def _cut_groups(
    positions: np.ndarray, examples: Examples, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """As many whole groups, in a drawn order, as come nearest to the fraction."""
    names, number, counts = np.unique(
        examples.groups[positions], return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        raise UserError(
            f"data.split.group: {len(names)} group is left ({', '.join(names[:1])}) "
            "where two are needed; three are needed for train, validation and test"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    reached = np.cumsum(counts[order])[:-1]
    taken = order[: 1 + int(np.argmin(np.abs(reached - fraction * len(positions))))]
    mine = np.isin(number, taken)
    return positions[~mine], positions[mine]


def _fold(
    positions: np.ndarray, examples: Examples, params: SplitParams, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    kind = StratifiedKFold if examples.groups is None else StratifiedGroupKFold
    groups = None if examples.groups is None else examples.groups[positions]
    folds = kind(params.folds, shuffle=True, random_state=seed)
    labels = examples.strata[positions]
    smallest = np.bincount(labels)[np.unique(labels)].min()
    several = len(positions) if groups is None else len(np.unique(groups))
    if smallest < params.folds or several < params.folds:
        raise UserError(
            f"data.split.folds: {params.folds} folds need as many examples of every "
            f"class (the smallest has {smallest}) and as many groups"
            f"{'' if groups is None else f' (there are {several})'}"
        )
    rest, part = list(folds.split(positions, labels, groups))[params.fold]
    return positions[rest], positions[part]


def _check_groups(places: Places, examples: Examples) -> None:
    if examples.groups is None:
        return
    groups = {name: np.unique(examples.groups[at]) for name, at in places.items()}
    names, counts = np.unique(np.concatenate(list(groups.values())), return_counts=True)
    if (counts > 1).any():
        torn = ", ".join(names[counts > 1][:5])
        raise UserError(
            f"data.split.group: of the source's own splits, more than one holds the "
            f"group {torn}; set data.split.own to false to split anew by group"
        )


def check_classes(
    train: np.ndarray,
    y: np.ndarray,
    classes: tuple[str, ...],
    why: str = "choose other fractions, groups or seed",
) -> None:
    """Refuse a training split that has lost a class, or everything.

    Args:
        train: its positions; y: of all examples; classes: none for a regression.
        why: what to do about it.
    """
    if not len(train):
        raise UserError(f"data.split: no training example is left; {why}")
    missing = set(np.unique(y)) - set(np.unique(y[train])) if classes else ()
    if missing:
        names = ", ".join(classes[label] for label in sorted(missing))
        raise UserError(
            f"data.split: no training example is left of the class {names}; {why}"
        )


def _digest(example: np.ndarray | str) -> str:
    plain = isinstance(example, str)
    raw = example.encode() if plain else np.ascontiguousarray(example).tobytes()
    return hashlib.sha256(raw).hexdigest()[:16]
