"""All sources of an experiment as one pool of examples, each split on its own.

A further source (`data.extend`) adds to every split and moves nothing between the
splits of those before it, and a group of both stays in the split that it is in. What
the training split teaches (statistics, vocabulary) stays the first source's, so that a
model trained on it keeps its meaning.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import Intake
from pipeline.data.params import DataParams, reader_module
from pipeline.data.rows import Joined
from pipeline.data.split import SPLITS, Places, split, split_like
from pipeline.core.errors import UserError

ALIKE = ("modality", "classes", "scale", "offset", "steps")


@dataclass(frozen=True)
class Pool:
    """Examples of all sources, one after another.

    Args:
        places: split -> positions in the pool.
        counts: how many examples each source has.
        skipped: `(source, file or row, reason)` of what readers left out.
    """

    examples: Examples
    places: Places
    counts: tuple[int, ...]
    skipped: list[tuple[str, ...]]

    @property
    def first(self) -> int:
        """How many examples the first source has."""
        return self.counts[0]


def read_pool(params: DataParams, scratch: Path, seed: int) -> Pool:
    """Read, check and split every source."""
    intake = Intake(params, scratch)
    keys = ["data.source", *["data.extend"] * (len(params.sources) - 1)]
    sources = [_read(*one, intake) for one in zip(params.sources, keys)]
    for at, name in enumerate(params.sources[1:], 1):
        sources[at] = _like(sources[0], sources[at], params.source, name)
    whole = sources[0] if len(sources) == 1 else _joined(sources)
    _check_classes_exist(whole, params)
    counts = tuple(map(len, sources))
    return Pool(whole, _places(sources, params, seed), counts, intake.skipped)


def _places(sources: list[Examples], params: DataParams, seed: int) -> Places:
    """Each source split on its own, by groups that those before it know."""
    places, begin = split(sources[0], params.split, seed), len(sources[0])
    for number, more in enumerate(sources[1:], 1):
        known = [examples.groups for examples in sources[:number]]
        groups = None if known[0] is None else np.concatenate(known)
        part = split_like(groups, places, more, params.split, seed)
        places = {
            name: np.concatenate([places[name], at + begin])
            for name, at in part.items()
        }
        begin += len(more)
    return {name: places[name] for name in SPLITS}


def _check_classes_exist(examples: Examples, params: DataParams) -> None:
    if not params.classes:
        return
    there = {examples.classes[k] for k in np.unique(examples.y)}
    missing = [name for name in params.classes if name not in there]
    if missing:
        raise UserError(
            f"data.classes: no example of {', '.join(missing)} in "
            f"{' and '.join(params.sources)} (there are: {', '.join(sorted(there))})"
        )


def _read(source: str, key: str, intake: Intake) -> Examples:
    reader = importlib.import_module(reader_module(source))
    # The list of bad examples is shared.
    intake = replace(intake, source=source, key=key)
    examples = reader.read(source.partition(":")[2], intake)
    _check(examples, source, key, intake.params)
    return _as_is(examples, source) if intake.params.as_is else examples


def _as_is(examples: Examples, source: str) -> Examples:
    """The same numbers, which nothing scales."""
    if examples.steps or examples.learns == "vocabulary":
        raise UserError(
            f'data.as_is: "{source}" is {examples.modality}, of which features are '
            "made; leave it out, or give the features as an .npz file"
        )
    return replace(examples, scale=1.0, offset=0.0, learns="")


def _check(examples: Examples, source: str, key: str, params: DataParams) -> None:
    if params.task == "regression":
        _check_numbers(examples, source, key)
    elif len(present := np.unique(examples.y)) < 2:
        only = ", ".join(examples.classes[label] for label in present)
        raise UserError(f'{key} "{source}": holds one class ({only}); two are needed')
    if params.classes and tuple(params.classes) != examples.classes:
        raise UserError(
            f'data.classes must be the classes of "{source}", in their order: '
            f"{', '.join(examples.classes)}"
        )
    if params.split.group and examples.groups is None:
        raise UserError(
            f'data.split.group "{params.split.group}": "{source}" has no groups; '
            "files have them by data.file_name, tables by a column"
        )


def _check_numbers(examples: Examples, source: str, key: str) -> None:
    if examples.classes:
        kinds = "csv, text, npz or sklearn:diabetes"
        raise UserError(
            f'{key} "{source}": has classes and no numbers to predict; '
            f"data.task regression takes {kinds}"
        )
    if np.ptp(examples.y) == 0:
        raise UserError(
            f'{key} "{source}": every example has the number {examples.y[0]:g}; '
            "there is nothing to predict"
        )


def _like(first: Examples, more: Examples, source: str, name: str) -> Examples:
    """A further source, `name`, with the first one's class numbers and columns."""
    unknown = set(more.classes) - set(first.classes)
    if unknown:
        raise UserError(
            f'data.extend "{name}": has classes that "{source}" does '
            f"not: {', '.join(sorted(unknown))} (known: {', '.join(first.classes)})"
        )
    if more.classes:  # a regression has none: its y are numbers to predict
        number = np.array([first.classes.index(one) for one in more.classes])
        more = replace(more, y=number[more.y], classes=first.classes)
    more = _in_columns(first, more, source, name)
    shapes = [(examples.x.shape[1:], examples.x.dtype) for examples in (first, more)]
    differs = [name for name in ALIKE if getattr(first, name) != getattr(more, name)]
    if differs or shapes[0] != shapes[1]:
        what = ", ".join(differs) or f"{shapes[1]} instead of {shapes[0]}"
        raise UserError(
            f'data.extend "{name}": its examples are not like those of '
            f'"{source}" ({what})'
        )
    return more


def _in_columns(first: Examples, more: Examples, source: str, name: str) -> Examples:
    """Columns of a table in the first one's order: the header says what they are."""
    if first.inputs == more.inputs:
        return more
    missing = [one for one in first.inputs if one not in more.inputs]
    unknown = [one for one in more.inputs if one not in first.inputs]
    twice = [one for one in set(more.inputs) if more.inputs.count(one) > 1]
    if missing or unknown or twice:
        raise UserError(
            f'data.extend "{name}": its columns are not those of "{source}" '
            f"(missing: {_names(missing)}; not known there: {_names(unknown)}; there "
            f"twice: {_names(sorted(twice))}); name them alike, in any order, or "
            "leave them out (data.columns.ignore)"
        )
    at = [more.inputs.index(one) for one in first.inputs]
    return replace(more, x=more.x[:][:, at], inputs=first.inputs)


def _names(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _joined(sources: list[Examples]) -> Examples:
    names = [str(e.name(at)) for e in sources for at in range(len(e))]
    groups = [e.groups for e in sources]
    return replace(
        sources[0],
        x=Joined([e.x for e in sources]),
        y=np.concatenate([e.y for e in sources]),
        groups=None if groups[0] is None else np.concatenate(groups),
        also={n: np.concatenate([e.also[n] for e in sources]) for n in sources[0].also},
        names=np.array(names),
        own_test=None,
        own_validation=None,
    )
