"""Disjoint splits: stratified by class, by group, the source's own, or k-fold."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.utils.extmath import _approximate_mode

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing
from pipeline.core.wording import quantity
from pipeline.data.examples import Examples
from pipeline.data.split_params import SplitParams

SPLITS = ("train", "validation", "test")
MIN_UNSEEN = 2  # classes on each side of a split by class
MAX_SHARED = 200  # examples without labels that are not worth dividing

SplitIndices = dict[str, np.ndarray]  # split -> positions of its examples, int64


def split(
    examples: Examples,
    params: SplitParams,
    seed: int,
    elsewhere: Collection[str] = (),
) -> SplitIndices:
    """Assign every example to exactly one split.

    Args:
        examples: of one source.
        params: the `data.split` section.
        seed: of all draws.
        elsewhere: splits whose examples are in another source, so that none is drawn
            for them here; default none.

    Returns:
        Split -> sorted positions.

    Raises:
        UserError: when a class is too small to be in every split, there are too few
            groups, a group is on both sides of the source's own splits, or folds are
            asked for where the source leaves nothing to fold.
    """
    everything = np.arange(len(examples))
    fixed = {
        name: everything[mask] for name, mask in own_splits(examples, params).items()
    }
    absent = [*elsewhere, *(["test"] if not params.test else [])]
    if params.folds and len(fixed) == 2:
        raise UserError(
            f"data.split.folds: the source brings validation and test splits, so all "
            f"{params.folds} folds would be the same; set data.split.use_source_splits "
            "to false"
        )
    rest = everything
    if fixed:
        rest = np.setdiff1d(everything, np.concatenate([*fixed.values()]))
    for name in ("test", "validation"):
        if name not in fixed and name in absent:
            fixed[name] = everything[:0]
        elif name not in fixed:
            rest, fixed[name] = _take(rest, examples, params, name, seed)
    indices = {"train": rest, **{name: fixed[name] for name in SPLITS[1:]}}
    _check_groups(indices, examples)
    elsewhere_too = params.rare_classes == "allow" or examples.unseen
    named = () if elsewhere_too else examples.classes
    check_classes(indices["train"], examples.y, named)
    return indices


def unlabelled_splits(count: int, params: SplitParams, seed: int) -> SplitIndices:
    """Split examples without labels, which are not trained on.

    Args:
        count: number of examples. Up to `MAX_SHARED` of them are in both splits: they
            calibrate int8 ranges, and files are compared on them.
        params: the `data.split` section.
        seed: of the draw.

    Returns:
        Split -> sorted positions; no test example.
    """
    order = np.random.default_rng(seed).permutation(count)
    none, everything = order[:0], np.arange(count)
    if count <= MAX_SHARED:
        return {"train": everything, "validation": everything, "test": none}
    cut = round(count * params.train / (params.train + params.validation))
    train, validation = np.sort(order[:cut]), np.sort(order[cut:])
    return {"train": train, "validation": validation, "test": none}


def split_like(
    groups: np.ndarray | None,
    indices: SplitIndices,
    source: Examples,
    params: SplitParams,
    seed: int,
) -> SplitIndices:
    """Split a further source; a group stays in the split that already has it.

    New groups are split anew where there are enough of them for all three splits; fewer
    go to train.

    Args:
        groups: of the sources before it, `(n,)`; None without groups.
        indices: splits of the sources before it.
        source: the further source.
        params: the `data.split` section.
        seed: of all draws.

    Returns:
        Split -> sorted positions in the further source.
    """
    if groups is None or source.groups is None:
        return split(source, params, seed)
    masks = {
        name: np.isin(source.groups, groups[held]) for name, held in indices.items()
    }
    present = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    new = np.flatnonzero(~np.any(list(masks.values()), axis=0))
    parts = {"train": np.arange(len(new))}
    if len(np.unique(source.groups[new])) >= len(SPLITS):
        parts = split(_select(source, new), params, seed)
    added = {name: new[parts[name]] for name in parts}
    none = np.empty(0, np.int64)
    return {
        name: np.sort(np.concatenate([present[name], added.get(name, none)]))
        for name in SPLITS
    }


def _select(examples: Examples, positions: np.ndarray) -> Examples:
    """Return the fields of some examples that a split depends on."""

    def cut(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[positions]

    return replace(
        examples,
        y=examples.y[positions],
        groups=cut(examples.groups),
        own_test=cut(examples.own_test),
        own_validation=cut(examples.own_validation),
    )


def calibration(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw a class-balanced sample of a split.

    Args:
        y: class numbers of the split, `(n,)`.
        count: size of the sample; every class gives an equal share if it has it.
        seed: of the draw.

    Returns:
        Sorted positions in the split.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    turn = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        members = order[y[order] == label]
        turn[members] = np.arange(len(members))
    by_turn = order[np.argsort(turn[order], kind="stable")]
    return np.sort(by_turn[:count])


def _own(examples: Examples, name: str, params: SplitParams) -> np.ndarray | None:
    return getattr(examples, f"own_{name}") if params.use_source_splits else None


def own_splits(examples: Examples, params: SplitParams) -> dict[str, np.ndarray]:
    """Return the validation and test splits that a source brings.

    With a `data.split.test` of 0, the source's test examples validate.

    Args:
        examples: of the source.
        params: the `data.split` section.

    Returns:
        Split -> True for its examples, `(n,)` bool; only splits that it brings.
    """
    own = {name: _own(examples, name, params) for name in SPLITS[1:]}
    present = {name: mask for name, mask in own.items() if mask is not None}
    if params.test or "test" not in present:
        return present
    return {"validation": np.any(list(present.values()), axis=0)}


def _take(
    positions: np.ndarray, examples: Examples, params: SplitParams, name: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rest, and one split: by fraction, by group, or the chosen fold."""
    own_test = _own(examples, "test", params) is not None or not params.test
    if params.folds and name == ("validation" if own_test else "test"):
        return _fold(positions, examples, params.folds, params.fold, seed)
    fraction = params.test
    if name == "validation":
        fraction = params.validation / (params.train + params.validation)
    if examples.groups is not None:
        least = MIN_UNSEEN if examples.unseen else 1
        groups = examples.groups[positions]
        return _cut_groups(positions, groups, fraction, seed, least)
    strata = examples.strata[positions]
    if params.rare_classes == "allow":
        return _cut_rare(positions, strata, fraction, seed)
    return _cut(positions, strata, fraction, seed)


def _cut_rare(
    positions: np.ndarray, strata: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Stratify by the classes that are large enough, the others together."""
    count = min(max(round(fraction * len(positions)), 1), len(positions) - 1)
    if count < 1:
        raise UserError(
            f"data.split: {quantity(len(positions), 'example')} cannot be split; two "
            "are needed at least"
        )
    values, number, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    enough = sizes * min(fraction, 1 - fraction) >= 1
    groups = np.where(enough[number], number, len(values))
    order = np.random.default_rng(seed).permutation(len(positions))
    # Every group gives its share, as even steps through the examples sorted by group.
    by_group = order[np.argsort(groups[order], kind="stable")]
    drawn = by_group[(np.arange(count) * len(positions) + len(positions) // 2) // count]
    inside = np.isin(np.arange(len(positions)), drawn)
    return positions[~inside], positions[inside]


def _cut(
    positions: np.ndarray, labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    try:
        first, second = stratified(labels, fraction, seed)
    except ValueError as error:
        raise UserError(
            f"data.split: {len(positions)} examples of {len(np.unique(labels))} "
            f"classes cannot be split at {fraction:g} with every class on both sides "
            f"({_reason(error)}); numbers to predict need data.task: regression, and "
            "data.split.rare_classes: allow divides rare classes as they come"
        ) from None
    return positions[np.sort(first)], positions[np.sort(second)]


def stratified(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split as scikit-learn's `train_test_split` does, with a fraction of its memory.

    scikit-learn collects positions in lists of Python objects, 40 bytes per example.

    Args:
        labels: strata, `(n,)`.
        fraction: of the examples in the second part.
        seed: of the draws.

    Returns:
        Positions in both parts, in the order of the strata.

    Raises:
        ValueError: as scikit-learn does, when a stratum is too small.
    """
    _, number, counts = np.unique(labels, return_inverse=True, return_counts=True)
    second = math.ceil(fraction * len(labels))
    sizes = (len(labels) - second, second)
    if counts.min() < 2 or min(sizes) < len(counts):
        train_test_split(labels, test_size=fraction, stratify=labels)  # raises
    members = np.split(np.argsort(number, kind="stable"), np.cumsum(counts)[:-1])
    draws = np.random.RandomState(seed)
    firsts = _approximate_mode(counts, sizes[0], draws)
    seconds = _approximate_mode(counts - firsts, sizes[1], draws)
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for member, begin, size in zip(members, firsts, seconds):
        drawn = member[draws.permutation(len(member))]
        parts[0].append(drawn[:begin])
        parts[1].append(drawn[begin : begin + size])
    return np.concatenate(parts[0]), np.concatenate(parts[1])


def _reason(error: ValueError) -> str:
    """Return scikit-learn's message without its list of all small classes."""
    return str(error).partition(" Classes with too few members")[0]


def _cut_groups(
    positions: np.ndarray, groups: np.ndarray, fraction: float, seed: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw whole groups until the number of examples is nearest to the fraction.

    At least `least` of them are drawn, and as many are left where there are enough.
    """
    names, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2 * least and least > 1:
        raise UserError(
            f"data.split: {len(names)} classes are left ({listing(names.tolist())}) to "
            f"be divided, and {least} are needed on each side, as no class is in two "
            f"splits; {len(SPLITS) * least} classes are enough for train, validation "
            "and test"
        )
    if len(names) < 2:
        raise UserError(
            f"data.split.group: {len(names)} group is left ({', '.join(names[:1])}) "
            "where two are needed; three are needed for train, validation and test"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    reached = np.cumsum(counts[order])[least - 1 : len(names) - least]
    distance = np.abs(reached - fraction * len(positions))
    drawn = order[: least + int(np.argmin(distance))]
    inside = np.isin(number, drawn)
    return positions[~inside], positions[inside]


def _fold(
    positions: np.ndarray, examples: Examples, count: int, fold: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    kind = StratifiedKFold if examples.groups is None else StratifiedGroupKFold
    groups = None if examples.groups is None else examples.groups[positions]
    labels = examples.strata[positions]
    if examples.unseen:  # a class is a group, which folds divide
        labels = np.zeros_like(labels)
    smallest = np.bincount(labels)[np.unique(labels)].min()
    units = len(positions) if groups is None else len(np.unique(groups))
    if smallest < count or units < count:
        raise UserError(
            f"data.split.folds: {count} folds need at least {count} examples of every "
            f"class (the smallest has {smallest})"
            f"{'' if groups is None else f' and as many groups (there are {units})'}"
        )
    folds = kind(count, shuffle=True, random_state=seed)
    rest, part = list(folds.split(positions, labels, groups))[fold]
    return positions[rest], positions[part]


def _check_groups(indices: SplitIndices, examples: Examples) -> None:
    if examples.groups is None:
        return
    groups = [np.unique(examples.groups[positions]) for positions in indices.values()]
    names, counts = np.unique(np.concatenate(groups), return_counts=True)
    if (counts > 1).any():
        torn, kind = ", ".join(names[counts > 1][:5]), "group"
        if examples.unseen:
            kind = "class"
        raise UserError(
            "data.split.group: more than one of the source's own splits holds the "
            f"{kind} {torn}; set data.split.use_source_splits to false to split anew "
            f"by {kind}"
        )


def check_classes(
    train: np.ndarray,
    y: np.ndarray,
    classes: tuple[str, ...],
    advice: str = "choose other fractions, groups or seed",
) -> None:
    """Refuse a training split that has lost a class, or all examples.

    Args:
        train: positions of the training examples.
        y: labels of all examples, `(n,)`.
        classes: names of the classes; empty for numbers to predict.
        advice: what to do about it, for the error.

    Raises:
        UserError: when an example of a class, or any example, is missing.
    """
    if not len(train):
        raise UserError(f"data.split: no training example is left; {advice}")
    missing = set(np.unique(y)) - set(np.unique(y[train])) if classes else set()
    if missing:
        names = listing([classes[label] for label in sorted(missing)])
        raise UserError(
            f"data.split: no training example is left of the class {names}; {advice}"
        )
