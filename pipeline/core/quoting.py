"""Text of unknown origin in messages: control characters escaped, long text cut."""

from __future__ import annotations

LIMIT = 80  # characters of a name or a cell in a message


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
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in whole)


def listing(names: list[str], limit: int = 12) -> str:
    """Return names in one line, the first few of a long list.

    Args:
        names: names of unknown origin.
        limit: maximum number of names; default 12.
    """
    rest = f", ... ({len(names) - limit:,} more)" if len(names) > limit else ""
    return ", ".join(shown(name) for name in names[:limit]) + rest
