"""What is known of a source before anything of it is read.

In: a source as the experiment file names it. Out: the task that it is for; an error
where nobody has it. Imports nothing heavy: the command line asks, too.
"""

from __future__ import annotations

from pipeline.core.errors import UserError, nearest

FOLDERS = ("images", "wav")  # kinds of source that name a folder
# Sets of `sklearn:` -> the task that they are for, beside anomaly.
SKLEARN = {
    "digits": "classification",
    "breast_cancer": "classification",
    "iris": "classification",
    "wine": "classification",
    "diabetes": "regression",
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


def known_task(source: str) -> str | None:
    """The task that a source is known to be for."""
    kind, _, name = source.partition(":")
    return SKLEARN.get(name) if kind == "sklearn" else None
