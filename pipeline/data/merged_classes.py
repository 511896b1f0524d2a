"""Several classes as one, such as all words that are not keywords as `unknown`.

In: examples as a reader returns them. Out: the same examples with fewer classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing
from pipeline.data.examples import Examples


def with_merged_classes(
    examples: Examples, merged: Mapping[str, Sequence[str]], source: str, key: str
) -> Examples:
    """Return examples whose classes are merged.

    Args:
        examples: of one source.
        merged: name of the new class -> names of the classes that become it. Other
            classes keep their order; the new ones follow them, in the order given. A
            new class that has the name of one that is there takes its examples, too.
        source: for errors.
        key: dotted key that names the source, for errors.

    Raises:
        UserError: when a class does not exist, or only one remains.
    """
    new_name = {old: new for new, names in merged.items() for old in names}
    if unknown := sorted(set(new_name) - set(examples.classes)):
        raise UserError(
            f'data.merge_classes: {key} "{source}" has no class {listing(unknown)}; '
            f"it has {listing([*examples.classes])}"
        )
    names = [new_name.get(name, name) for name in examples.classes]
    kept = [name for name in dict.fromkeys(names) if name not in merged]
    classes = (*kept, *merged)
    if len(classes) < 2:
        raise UserError(
            f"data.merge_classes: only {listing([*classes])} remains of {key} "
            f'"{source}"; leave at least one class out'
        )
    number = np.array([classes.index(name) for name in names], np.int64)
    return replace(examples, y=number[examples.y], classes=classes)
