"""`corpus:PATH`: a text file in UTF-8, or a folder of text files."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.data.corpus import Document, examples_of
from pipeline.data.examples import Examples
from pipeline.data.folders import files_below
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.reader import ReadContext

SUFFIXES = frozenset({".txt", ".text", ".md", ".rst", ".tex"})  # in a folder


def read(context: ReadContext) -> Examples:
    """Read all texts; see `SourceReader`."""
    root = source_path(context.source, context.key)
    files = files_below(root, SUFFIXES) if root.is_dir() else [root]
    documents = []
    for path in files:
        name = printable_path(path.relative_to(root) if root.is_dir() else path)
        text = _text(path, name, root, context)
        if text is not None:
            documents.append(Document(name, text))
    if not documents:
        kinds = ", ".join(sorted(SUFFIXES))
        raise UserError(
            f'{context.key} "{context.source}": holds no text; a folder must hold '
            f"files of {kinds} in UTF-8"
        )
    return examples_of(documents, context)


def _text(path: Path, name: str, root: Path, context: ReadContext) -> str | None:
    """Read a text; None for a bad one that is skipped."""
    place = name if root.is_dir() else path.name
    folder = root if root.is_dir() else root.parent
    if not is_regular(path):
        context.bad(place, "is not a regular file", folder)
        return None
    try:
        text = decode(path.read_bytes())
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start:,}); convert it: iconv -t UTF-8"
        context.bad(place, reason, folder)
        return None
    if not text.strip():
        context.bad(place, "holds no text", folder)
        return None
    return text


def decode(content: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, and unify the ends of lines.

    Args:
        content: of a file.

    Raises:
        UnicodeDecodeError: for bytes that are not UTF-8.
    """
    text = content.decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")
