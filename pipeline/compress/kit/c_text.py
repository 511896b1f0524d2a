"""Text of C: literals and arrays.

In: Python values. Out: C source that has the same value on every compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

WIDTH = 78  # characters of a line of numbers
# Punctuation that a literal cannot hold as it stands; `??` begins a trigraph.
ESCAPED = b'"\\?'


def string(text: str) -> str:
    r"""Return a string literal; bytes outside of plain ASCII are octal escapes.

    Args:
        text: any text; written as UTF-8.

    Returns:
        A literal of exactly the bytes, such as `"\303\251t\303\251"`.
    """
    content = text.encode("utf-8", "surrogatepass")
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in ESCAPED else f"\\{byte:03o}"
        for byte in content
    )
    return f'"{"".join(plain)}"'


def float32(value: float) -> str:
    """Return a literal of type float with all digits of float32."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def float64(value: float) -> str:
    """Return a literal of type double with all digits."""
    return repr(float(value))


def literal(value: Any) -> str:
    """Return the literal of a NumPy number, in its dtype.

    Args:
        value: a NumPy scalar, which may be NaN.
    """
    if np.issubdtype(value.dtype, np.integer):
        return str(int(value))
    if np.isnan(value):
        return "NAN"
    return float64(value) if value.dtype == np.float64 else float32(value)


def numbers(values: np.ndarray) -> str:
    """Return the values of an array, in lines with a comma after each value.

    Args:
        values: of any shape; flattened.
    """
    return lines(f"{literal(value)}," for value in np.ravel(values))


def strings(texts: Sequence[str]) -> str:
    """Return string literals, one per line, with a comma after each."""
    return "\n".join(f"    {string(text)}," for text in texts)


def lines(words: Iterable[str], indent: str = "    ") -> str:
    """Fill lines with words.

    Args:
        words: without blanks.
        indent: at the beginning of each line.
    """
    rows: list[str] = []
    row = indent
    for word in words:
        if len(row) + len(word) >= WIDTH and row != indent:
            rows.append(row.rstrip())
            row = indent
        row += f"{word} "
    return "\n".join([*rows, row.rstrip()])


def comment(text: str) -> str:
    r"""Return text for a comment: without line ends, `*/` and a `\` at the end."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain.replace("*/", "* /").replace("\\", "/").replace("??", "?")
