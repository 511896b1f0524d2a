"""Triples of a graph as examples: the tail of a head and a relation is ranked.

In: rows of head, relation and tail. Out: `Examples`, two per triple: as it is written,
and backwards with a relation of its own, so that heads are ranked too (Lacroix,
Usunier, Obozinski, Canonical Tensor Decomposition for Knowledge Base Completion, 2018).
Triples are divided by a hash of their names. Names that training does not have cannot
be ranked, so triples of them are left out and listed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np

from pipeline.core.quoting import shown
from pipeline.core.wording import quantity
from pipeline.data.delimited import RowFile
from pipeline.data.examples import Examples
from pipeline.data.interactions.rows import (
    SPLITS,
    RankingExamples,
    check_settings,
    joined,
)
from pipeline.data.interactions.table import NamedRows, read_rows
from pipeline.data.sources.reader import ReadContext, in_order
from pipeline.tasks.ranking_rows import TRIPLE, RankingRows

BACKWARDS = " (backwards)"  # ends the name of a relation that is read backwards
Names = tuple[str, ...]  # head, relation, tail


def read_triples(file: RowFile, context: ReadContext) -> Examples:
    """Read the triples of a file; see `SourceReader`.

    Args:
        file: of rows.
        context: the settings, and the receiver of bad rows.

    Raises:
        UserError: when columns are missing, or a split would be empty.
    """
    check_settings(context)
    params = context.params.triples
    assert params is not None

    def bad(place: str, reason: str) -> None:
        context.bad(place, reason, file.path)

    columns = {
        "head": params.head,
        "relation": params.relation,
        "tail": params.tail,
    }
    rows = read_rows(file, columns, bad, section="triples")
    triples = _once(rows, context)
    splits = _divide(list(triples), context)
    return _examples(triples, splits, context)


def _once(rows: NamedRows, context: ReadContext) -> dict[Names, int]:
    """Return each triple with the number of its first row."""
    triples: dict[Names, int] = {}
    for names, row in zip(rows.names, rows.numbers):
        if (first := triples.setdefault(names, row)) != row:
            reason = f"repeats the triple of row {first}"
            context.skipped.append((context.source, f"row {row}", reason))
    return triples


def _divide(triples: list[Names], context: ReadContext) -> dict[Names, int]:
    """Return the split of each triple, by a hash of its names."""
    split = context.params.split
    edges = np.cumsum([getattr(split, name) for name in SPLITS]) * len(triples)
    ranked = sorted(triples, key=_hash)
    position = np.arange(len(triples)) + 0.5
    numbers = np.minimum(np.searchsorted(edges, position), len(SPLITS) - 1)
    return {names: int(number) for names, number in zip(ranked, numbers)}


def _hash(names: Names) -> str:
    return hashlib.sha256("\t".join(names).encode("utf-8", "replace")).hexdigest()


def _examples(
    triples: dict[Names, int], splits: dict[Names, int], context: ReadContext
) -> Examples:
    training = [names for names, split in splits.items() if split == 0]
    entities = in_order({name for head, _, tail in training for name in (head, tail)})
    relations = in_order({relation for _, relation, _ in training})
    contexts = (*relations, *(name + BACKWARDS for name in relations))
    step = RankingRows(TRIPLE, 2, entities, contexts)
    item = {name: number for number, name in enumerate(entities)}
    relation_number = {name: number for number, name in enumerate(relations)}
    usable = _usable(triples, splits, item, relation_number, context)
    edges = [
        (edge, splits[names], triples[names])
        for names in usable
        for edge in _both_ways(names, item, relation_number)
    ]
    in_training: dict[tuple[int, int], list[int]] = defaultdict(list)
    anywhere: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (head, relation, tail), split, _ in edges:
        anywhere[head, relation].append(tail)
        if split == 0:
            in_training[head, relation].append(tail)
    assert context.params.triples is not None
    examples = RankingExamples(step, context.params.triples.seen)
    for (head, relation, tail), split, row in edges:
        others = (anywhere if split else in_training)[head, relation]
        examples.add(step.row(relation, [head]), tail, others, split, row)
    return joined(examples, context, {"relations": len(relations)})


def _both_ways(
    names: Names, item: dict[str, int], relation_number: dict[str, int]
) -> list[tuple[int, int, int]]:
    head, relation, tail = item[names[0]], relation_number[names[1]], item[names[2]]
    return [(head, relation, tail), (tail, relation + len(relation_number), head)]


def _usable(
    triples: dict[Names, int],
    splits: dict[Names, int],
    item: dict[str, int],
    relation_number: dict[str, int],
    context: ReadContext,
) -> list[Names]:
    """Return the triples whose names training has; list the others."""
    usable = []
    for names, row in triples.items():
        head, relation, tail = names
        unknown = [
            f'entity "{shown(name)}"' for name in (head, tail) if name not in item
        ]
        if relation not in relation_number:
            unknown.append(f'relation "{shown(relation)}"')
        if not unknown:
            usable.append(names)
            continue
        split = SPLITS[splits[names]]
        reason = f"{unknown[0]} is in no training triple; left out of {split}"
        context.skipped.append((context.source, f"row {row}", reason))
    if left_out := len(triples) - len(usable):
        context.note(
            f"{quantity(left_out, 'triple')} with a name that training does not have "
            "left out (skipped.csv)"
        )
    return usable
