"""Requests for a ranking: a text file with a user, or a head and a relation, per line.

In: lines of names with tabs between them: a user and, maybe, items that the user has
taken since; or a head and a relation. Out: `RawExamples`; names that training does not
have are noted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing
from pipeline.inference.raw_examples import RawExamples
from pipeline.tasks.ranking_rows import TRIPLE, RankingRows

MEANING = {True: "a head, a tab and a relation", False: "a user"}


def read_requests(path: Path, step: RankingRows) -> RawExamples:
    """Read the lines of a file; empty ones are skipped.

    Args:
        path: of a text file in UTF-8.
        step: of the data, which knows the names.

    Raises:
        UserError: when there is no line, or a line of a graph has no relation.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    requests = {number: line for number, line in enumerate(lines, 1) if line.strip()}
    is_triple = step.reads == TRIPLE
    if not requests:
        raise UserError(
            f"{path}: holds no line; must hold {MEANING[is_triple]} per line"
        )
    for number, line in requests.items():
        if is_triple and len(line.split("\t")) != 2:
            raise UserError(f"{path}: line {number}: must be {MEANING[True]}")
    unknown = dict.fromkeys(
        name for line in requests.values() for name in step.unknown(line)
    )
    notes = (f"names that training does not have: {listing([*unknown])}",)
    return RawExamples(
        str(path),
        [f"{path}:{number}" for number in requests],
        np.array([*requests.values()], object),
        notes if unknown else (),
        tuple(_facts(line, step) for line in requests.values()),
    )


def _facts(line: str, step: RankingRows) -> dict[str, Any]:
    context, items = step.named(line)
    seen = [step.items[k] for k in step.seen_by(context)]
    unknown = step.unknown(line)
    names = {"head": items[0], "relation": context} if step.reads == TRIPLE else {}
    names = names or {"user": context}
    taken = [] if step.reads == TRIPLE or step.repeats else [*seen, *items]
    return {**names, "unknown": unknown, "taken": taken}
