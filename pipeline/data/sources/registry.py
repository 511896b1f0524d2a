"""What is known of a source before anything of it is read.

In: a source as the experiment file names it. Out: what its labels are; an error
where nobody has it. Imports nothing heavy: the command line asks, too.
"""

from __future__ import annotations

from pipeline.core.errors import UserError, nearest

FOLDERS = ("images", "wav")  # kinds of source that name a folder
# Sets of `sklearn:` -> what their labels are, see `pipeline.tasks.task.Task`.
SKLEARN = {
    "digits": "classes",
    "breast_cancer": "classes",
    "iris": "classes",
    "wine": "classes",
    "diabetes": "numbers",
}


def check_known(source: str, key: str) -> None:
    """Refuse a set that scikit-learn does not carry.

    Args:
        key: where the source is named.
    """
    kind, _, name = source.partition(":")
    if kind == "sklearn" and name not in SKLEARN:
        known, hint = ", ".join(SKLEARN), nearest(name, SKLEARN)
        raise UserError(f'{key} "{source}": unknown{hint} (known: {known})')


def known_labels(source: str) -> str | None:
    """`classes` or `numbers`: the labels of a source, where they are known."""
    kind, _, name = source.partition(":")
    return SKLEARN.get(name) if kind == "sklearn" else None
