"""All sources of an experiment as one array of examples, each source split on its own.

A further source (`data.extend`) adds to every split and moves nothing between the
splits of the sources before it; a group of both stays in the split that it is in. What
is fitted on the training split (statistics, vocabulary) comes from the first source, so
that a model trained on it keeps its meaning.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.background import with_background
from pipeline.data.corpus import check_corpus
from pipeline.data.degrade import degraded
from pipeline.data.examples import Examples
from pipeline.data.features import find_step
from pipeline.data.identities import by_identity, with_all_classes
from pipeline.data.image_steps import DecodeImage
from pipeline.data.maps import check_maps, joined
from pipeline.data.merged_classes import with_merged_classes
from pipeline.data.names import check_names
from pipeline.data.pairs import check_pairs
from pipeline.data.params import DataParams
from pipeline.data.rows import ConcatenatedRows, chunks
from pipeline.data.sources.reader import ReadContext, SourceReader
from pipeline.data.sources.registry import reader_module
from pipeline.data.split import (
    SPLITS,
    SplitIndices,
    own_splits,
    split,
    split_like,
    unlabelled_splits,
)
from pipeline.tasks.registry import get
from pipeline.tasks.text_tokens import Tokens

# Fields of `Examples` that all sources must share.
SHARED_FIELDS = ("modality", "classes", "scale", "offset", "steps")


@dataclass(frozen=True)
class MergedExamples:
    """Examples of all sources, one source after another.

    Args:
        examples: of all sources.
        indices: split -> positions in `examples`.
        counts: number of examples of each source.
        skipped: `(source, file or row, reason)` of what readers left out.
        notes: sentences about the sources that the user should read.
        origins: validation and test -> `named` (a source of `data.split_sources`),
            `source` (the source's own split) or `drawn` (from its examples).
    """

    examples: Examples
    indices: SplitIndices
    counts: tuple[int, ...]
    skipped: list[tuple[str, str, str]]
    notes: tuple[str, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """Number of examples of the first source."""
        return self.counts[0]


def read_sources(params: DataParams, context: ReadContext, seed: int) -> MergedExamples:
    """Read, check and split every source.

    Args:
        params: the data section.
        context: opens scratch files, and receives bad examples and notes.
        seed: of the splits.

    Raises:
        UserError: when a source cannot be read, does not serve the task, or does not
            fit to the first one.
    """
    keys = ["data.source", *["data.extend"] * (len(params.sources) - 1)]
    keys += [f"data.split_sources.{name}" for name in params.split_sources or {}]
    names = params.every_source
    sources = [_read(name, key, context, seed) for name, key in zip(names, keys)]
    if get(params.task).unseen_classes:
        sources = with_all_classes(sources)
    for number, (name, key) in enumerate(zip(names[1:], keys[1:]), 1):
        sources[number] = _align(sources[0], sources[number], params.source, name, key)
    merged = sources[0] if len(sources) == 1 else _concatenate(sources)
    _check_classes_exist(merged, params)
    indices = _split_each(sources, params, seed)
    origins = _origins(sources[0], params)
    counts, notes = tuple(map(len, sources)), tuple(context.notes)
    return MergedExamples(merged, indices, counts, context.skipped, notes, origins)


def _origins(first: Examples, params: DataParams) -> dict[str, str]:
    """Split -> `named` by the user, the `source`'s own, or `drawn` from all."""
    own = own_splits(first, params.split)
    origins = {name: "source" if name in own else "drawn" for name in SPLITS[1:]}
    return {**origins, **dict.fromkeys(map(str, params.split_sources or {}), "named")}


def _split_each(sources: list[Examples], params: DataParams, seed: int) -> SplitIndices:
    """Split each source on its own; groups stay where the sources before have them."""
    named = list(map(str, params.split_sources or {}))
    if get(params.task).labels == "none" and not named:
        return unlabelled_splits(len(sources[0]), params.split, seed)
    if (numbers := sources[0].splits) is not None:  # by time; the only source
        return {name: np.flatnonzero(numbers == k) for k, name in enumerate(SPLITS)}
    indices = split(sources[0], params.split, seed, named)
    offset = len(sources[0])
    for number, source in enumerate(sources[1:], 1):
        if named:
            added = {named[number - 1]: np.arange(len(source))}
        else:
            groups = _groups(sources[:number])
            added = split_like(groups, indices, source, params.split, seed)
        for name, positions in added.items():
            indices[name] = np.concatenate([indices[name], positions + offset])
        offset += len(source)
    return {name: indices[name] for name in SPLITS}


def _groups(sources: list[Examples]) -> np.ndarray | None:
    groups = [source.groups for source in sources if source.groups is not None]
    return np.concatenate(groups) if groups else None


def _check_classes_exist(examples: Examples, params: DataParams) -> None:
    allowed = params.split.rare_classes == "allow"
    if not params.classes or allowed or examples.maps is not None:
        return
    present = {examples.classes[label] for label in np.unique(examples.y)}
    missing = [name for name in params.classes if name not in present]
    if missing:
        raise UserError(
            f"data.classes: no example of {listing(missing)} in "
            f"{' and '.join(params.every_source)} (there are: "
            f"{listing(sorted(present))})"
        )


def _read(source: str, key: str, context: ReadContext, seed: int) -> Examples:
    reader = cast(SourceReader, importlib.import_module(reader_module(source)))
    # The copy shares the lists of skipped examples and of notes.
    context = replace(context, source=source, key=key)
    examples = reader.read(context)
    if context.unlabelled:
        count = len(examples)
        examples = replace(examples, y=np.zeros(count, np.int64), classes=())
    if context.params.degradation:
        examples = degraded(examples, context, derive_seed(seed, "degrade"))
    check_names(examples, source, key)
    if get(context.params.task).unseen_classes:
        examples = by_identity(examples, context.params)
    _check(examples, source, key, context.params)
    if context.params.audio.background and examples.modality == "audio":
        drawing = derive_seed(seed, "background", key)
        examples = with_background(examples, context.params.audio.background, drawing)
    if merged := context.params.merge_classes:
        examples = with_merged_classes(examples, merged, source, key)
    if context.params.tokens:
        examples = _as_tokens(examples, source, key)
    elif context.params.preprocessing == "none" and not context.params.degradation:
        examples = _unprocessed(examples, source, context.params)
    return _scaled(examples, source, key, context.params)


def _as_tokens(examples: Examples, source: str, key: str) -> Examples:
    """Return a table of whole numbers as tokens."""
    largest = -1
    for part in chunks(examples.x) if len(examples.x.shape) == 2 else ():
        if part.min() < 0 or not np.array_equal(part, np.round(part)):
            largest = -1
            break
        largest = max(largest, int(part.max()))
    if largest < 0:
        raise UserError(
            f'{key} "{source}": data.tokens needs whole numbers from 0, of the shape '
            f"(n, length), and it holds {examples.modality} {examples.x.shape}; remove "
            "data.tokens"
        )
    return replace(
        examples,
        modality="text",
        scale=1.0,
        offset=0.0,
        learns="",
        vocabulary=largest + 1,
    )


def _scaled(examples: Examples, source: str, key: str, params: DataParams) -> Examples:
    """Apply `data.scale` and `data.offset`."""
    if params.scale is None and params.offset is None:
        return examples
    if examples.modality == "text":
        raise UserError(
            f'{key} "{source}": texts are word numbers, which have no scale; remove '
            "data.scale and data.offset"
        )
    scale = examples.scale if params.scale is None else params.scale
    offset = examples.offset if params.offset is None else params.offset
    return replace(examples, scale=scale, offset=offset)


def _unprocessed(examples: Examples, source: str, params: DataParams) -> Examples:
    """Return the same numbers without any scaling."""
    if examples.modality == "table" and params.columns.gaps == "median":
        raise UserError(
            f'data.columns.gaps: median is impossible for "{source}" with '
            "data.preprocessing: none, which fills no gap; remove one of them"
        )
    converted = [step for step in examples.steps if not isinstance(step, DecodeImage)]
    if converted or examples.categories or examples.learns not in ("", "standardise"):
        raise UserError(
            f'data.preprocessing: none is impossible for "{source}": '
            f"{examples.modality} is converted to features; remove the key, or store "
            "the features in an .npz file"
        )
    return replace(examples, scale=1.0, offset=0.0, learns="")


def _check(examples: Examples, source: str, key: str, params: DataParams) -> None:
    whole_split = key.startswith("data.split_sources")
    task = get(params.task)
    if examples.splits is not None:
        pass  # the reader has checked the series
    elif task.labels == "texts" or find_step(examples.steps, Tokens):
        check_corpus(examples, source, key, task)
    elif task.labels == "pairs" or examples.learns == "pair_tokens":
        check_pairs(examples, source, key, task)
    elif task.dense or examples.maps is not None:
        check_maps(examples, source, key, task)
    elif task.labels == "numbers":
        _check_numbers(examples, source, key, params.task)
    elif whole_split or task.labels == "none":
        pass  # one class alone can validate
    elif len(present := np.unique(examples.y)) < 2:
        only = ", ".join(shown(examples.classes[label]) for label in present)
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


def _check_numbers(examples: Examples, source: str, key: str, task: str) -> None:
    if examples.classes:
        kinds = "csv, text, npz or sklearn:diabetes"
        raise UserError(
            f'{key} "{source}": has classes and no numbers to predict; '
            f"data.task {task} takes {kinds}"
        )
    if np.ptp(examples.y) == 0:
        raise UserError(
            f'{key} "{source}": every example has the number {examples.y[0]:g}; '
            "there is nothing to predict"
        )


def _align(
    first: Examples, other: Examples, source: str, name: str, key: str
) -> Examples:
    """Return the source `name` with the class numbers and columns of the first."""
    unknown = set(other.classes) - set(first.classes)
    if unknown:
        raise UserError(
            f'{key} "{name}": has classes that "{source}" does '
            f"not: {listing(sorted(unknown))} (known: {listing([*first.classes])})"
        )
    before = other.classes
    if other.classes:  # none where y are numbers to predict
        number = np.array([first.classes.index(label) for label in other.classes])
        other = replace(other, y=number[other.y], classes=first.classes)
    other = _align_columns(first, other, source, name, key)
    if first.maps is not None and before != first.classes:
        raise UserError(
            f'{key} "{name}": its targets number other classes than those of '
            f'"{source}"; set data.classes to {listing([*first.classes])}'
        )
    other = _align_precision(first, other)
    shapes = [(examples.x.shape[1:], examples.x.dtype) for examples in (first, other)]
    different = [
        name for name in SHARED_FIELDS if getattr(first, name) != getattr(other, name)
    ]
    if different or shapes[0] != shapes[1]:
        what = ", ".join(different) or f"{shapes[1]} instead of {shapes[0]}"
        raise UserError(
            f'{key} "{name}": its examples differ from those of "{source}" ({what})'
        )
    return other


def _align_columns(
    first: Examples, other: Examples, source: str, name: str, key: str
) -> Examples:
    """Reorder the columns of a table by their names."""
    if first.inputs == other.inputs:
        return other
    missing = [column for column in first.inputs if column not in other.inputs]
    unknown = [column for column in other.inputs if column not in first.inputs]
    if missing or unknown:
        raise UserError(
            f'{key} "{name}": its columns are not those of "{source}" '
            f"(missing: {_list(missing)}; unknown: {_list(unknown)}); use the same "
            "names, in any order, or exclude columns (data.columns.ignore)"
        )
    columns = [other.inputs.index(column) for column in first.inputs]
    return replace(other, x=other.x[:][:, columns], inputs=first.inputs)


def _align_precision(first: Examples, other: Examples) -> Examples:
    """Convert a table to the precision of the first, whose scale it gets."""
    kinds = {examples.x.dtype.name for examples in (first, other)}
    if first.modality != "table" or kinds != {"float32", "float64"}:
        return other
    return replace(other, x=other.x[:].astype(first.x.dtype))


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _concatenate(sources: list[Examples]) -> Examples:
    names = [source.name(k) for source in sources for k in range(len(source))]
    targets = {
        name: np.concatenate([source.extra_targets[name] for source in sources])
        for name in sources[0].extra_targets
    }
    maps = [source.maps for source in sources if source.maps is not None]
    return replace(
        sources[0],
        maps=joined(maps) if maps else None,
        x=ConcatenatedRows([source.x for source in sources]),
        y=np.concatenate([source.y for source in sources]),
        groups=_groups(sources),
        extra_targets=targets,
        names=np.array(names),
        vocabulary=max(source.vocabulary for source in sources),
        own_test=None,
        own_validation=None,
    )
