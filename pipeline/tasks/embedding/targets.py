"""Targets of an embedding: class numbers, with each class in one split only.

The data stage splits by class (`Task.unseen_classes`). A class with one example has
nothing to be compared with, and a split with one class nothing to be distinguished.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.tasks.targets import Labels, Prepared, SplitIndices

MIN_CLASSES, MIN_EXAMPLES = 2, 2
SHOWN = 5  # class names in a message


def _prepare(labels: Labels, params: Any) -> Prepared:
    indices = _with_pairs(labels, params)
    for name, positions in indices.items():
        _check_classes(name, labels, positions, params)
    left_out = sum(map(len, labels.indices.values())) - sum(map(len, indices.values()))
    facts = {
        "classes_per_split": {
            name: len(np.unique(labels.y[p])) for name, p in indices.items()
        },
        "single_examples_left_out": left_out,
    }
    return Prepared(labels.y, labels.classes, indices, facts=facts)


def _with_pairs(labels: Labels, params: Any) -> SplitIndices:
    """Return the splits without the classes that have one example.

    Raises:
        UserError: for such a class, unless bad examples are skipped.
    """
    counts = np.bincount(labels.y, minlength=len(labels.classes))
    alone = [labels.classes[k] for k in np.flatnonzero(counts == 1)]
    if alone and params.on_bad_example == "error":
        raise UserError(
            f'data.source "{params.source}": one example of {_listed(alone)}, and an '
            f"embedding compares at least {MIN_EXAMPLES} of a class; add examples, or "
            "set `data.on_bad_example: skip` to leave such classes out"
        )
    return {
        name: positions[counts[labels.y[positions]] >= MIN_EXAMPLES]
        for name, positions in labels.indices.items()
    }


def _check_classes(
    name: str, labels: Labels, positions: np.ndarray, params: Any
) -> None:
    numbers = np.unique(labels.y[positions])
    if len(numbers) >= MIN_CLASSES or (name == "test" and not len(positions)):
        return
    group = params.split.group
    count = f"{len(numbers)} class" + ("" if len(numbers) == 1 else "es")
    names = (
        f" ({_listed([labels.classes[k] for k in numbers])})" if len(numbers) else ""
    )
    raise UserError(
        f"data.split: {name} has {count}{names}, and an embedding needs {MIN_CLASSES} "
        f"in each split, which no other split has; of {len(np.unique(labels.y))} "
        f"{f'values of {group}' if group else 'classes'} at least "
        f"{MIN_CLASSES * len(labels.indices)} are needed: add some, or choose other "
        "fractions"
    )


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


TARGETS = _prepare
