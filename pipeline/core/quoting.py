"""Text of unknown origin in messages: control characters escaped, long text cut."""

from __future__ import annotations

LIMIT = 80  # characters of a name or a cell in a message
LINE = 2_000  # characters of a line of a message; a path may have 4,096, most have 200
LINES = 100  # of a message; the problems of an experiment file have one each


def shown(text: object, limit: int = LIMIT) -> str:
    """Return a text that is safe to print in one line of a terminal.

    Args:
        text: a file name, a class name, a cell, or the message of a library.
        limit: maximum number of characters; default 80.

    Returns:
        The text; characters that are not printable are escaped as Python writes them,
        and the middle of a longer text becomes `...`.
    """
    whole = str(text)
    if len(whole) > limit:
        half = (limit - 3) // 2
        whole = f"{whole[:half]}...{whole[-half:]}"
    return _escaped(whole)


def message(text: str) -> str:
    """Return a message that is safe to print, whatever it holds.

    Args:
        text: one sentence per line.

    Returns:
        The text; characters that are not printable are escaped, long lines are cut in
        the middle, and of many lines the last are left out.
    """
    lines = text.split("\n", LINES)
    rest = ["..."] if len(lines) > LINES else []
    return "\n".join([shown(line, LINE) for line in lines[:LINES]] + rest)


def printable(text: str) -> str:
    """Return output of any length that is safe to print; line breaks stay.

    Args:
        text: a table with names of unknown origin.
    """
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def listing(names: list[str], limit: int = 12) -> str:
    """Return names in one line, the first few of a long list.

    Args:
        names: names of unknown origin.
        limit: maximum number of names; default 12.
    """
    rest = f", ... ({len(names) - limit:,} more)" if len(names) > limit else ""
    return ", ".join(shown(name) for name in names[:limit]) + rest
