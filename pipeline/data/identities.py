"""Classes that are each in one split, for tasks that recognize unseen ones.

In: examples as a reader returns them. Out: the same examples, with a class per identity
and groups equal to classes, so that a split keeps a class together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.data.sources.reader import in_order


def by_identity(examples: Examples, params: DataParams) -> Examples:
    """Return examples whose classes are identities.

    Args:
        examples: of one source; identities are its groups where `data.split.group`
            names a column or a field of the file name, such as the speaker, else its
            classes.
        params: the data section.
    """
    if not params.split.group:
        groups = np.array(examples.classes, dtype=str)[examples.y]
        return replace(examples, groups=groups, unseen=True)
    if examples.groups is None:
        return examples  # refused with the other checks
    names, number = np.unique(examples.groups, return_inverse=True)
    classes = in_order([str(name) for name in names])
    order = np.array([classes.index(str(name)) for name in names], np.int64)
    return replace(examples, y=order[number], classes=classes, unseen=True)


def with_all_classes(sources: Sequence[Examples]) -> list[Examples]:
    """Return sources that share one list of classes: later ones bring new identities.

    Args:
        sources: result of `by_identity`, the first source first.
    """
    first = dict.fromkeys(sources[0].classes)
    others = {name for source in sources[1:] for name in source.classes}
    classes = (*first, *in_order(others - set(first)))
    number = {name: position for position, name in enumerate(classes)}
    return [
        replace(
            source,
            y=np.array([number[n] for n in source.classes], np.int64)[source.y],
            classes=classes,
        )
        for source in sources
    ]
