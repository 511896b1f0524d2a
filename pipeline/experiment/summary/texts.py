"""A look at texts: `corpus:` and `text_pairs:`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.wording import quantity
from pipeline.data.delimited import open_rows
from pipeline.data.folders import files_below
from pipeline.data.params import DataParams
from pipeline.data.sources.corpus_dataset import SUFFIXES, decode
from pipeline.experiment.summary.summary import Summary

LOOKED_AT = 20  # files that are decoded
ROWS = 10_000  # pairs that are looked at
LONGEST = 1024  # characters of a text that `data.pairs` allows
LETTERS = 400  # different characters from which on bytes are proposed


def corpus(root: Path, params: DataParams, summary: Summary) -> None:
    """Note the number of texts, their size and their characters.

    Args:
        root: a file or a folder.
        params: the section `data` at its defaults.
        summary: what was seen.

    Raises:
        UserError: for a folder without text files, or a file that is not UTF-8.
    """
    files = files_below(root, SUFFIXES) if root.is_dir() else [root]
    if not files:
        raise UserError(f"{root}: holds no file of {', '.join(sorted(SUFFIXES))}")
    size = sum(path.stat().st_size for path in files)
    summary.add(f"{quantity(len(files), 'text')} of {size:,} bytes")
    letters: set[str] = set()
    for path in files[:LOOKED_AT]:
        try:
            letters |= set(decode(path.read_bytes()))
        except UnicodeDecodeError:
            raise UserError(
                f"{path}: is not UTF-8; convert it: iconv -t UTF-8"
            ) from None
    summary.add(f"{len(letters):,} different characters")
    if len(letters) > LETTERS:
        summary.settings["corpus"] = {"unit": "bytes"}
    summary.defaults["corpus"] = {
        "unit": params.corpus.unit,
        "length": params.corpus.length,
    }


def pairs(path: Path, params: DataParams, summary: Summary) -> None:
    """Note the columns of a table of pairs, and the longest text of each.

    Args:
        path: of the table.
        params: the section `data` at its defaults.
        summary: what was seen.

    Raises:
        UserError: for a table with fewer than two columns, or without rows.
    """
    file = open_rows(path, params.columns, params.limits.decompressed)
    if len(file.header) < 2:
        raise UserError(
            f"{path}: has one column, and pairs of texts need two: a text and the text "
            "that it becomes"
        )
    roles = ("input", "target")
    named = all(role in file.header for role in roles)
    names = roles if named else (file.header[0], file.header[1])
    positions = [file.header.index(name) for name in names]
    rows = [row for _, row in islice(file.rows(), ROWS) if len(row) > max(positions)]
    if not rows:
        raise UserError(f"{path}: holds no row below its header")
    longest = [
        max(len(row[position].strip()) for row in rows) for position in positions
    ]
    summary.add(f"{quantity(len(rows), 'pair')} at least, columns {', '.join(names)}")
    summary.add(f"at most {longest[0]} characters of input and {longest[1]} of target")
    length, target = (min(max(1, count), LONGEST) for count in longest)
    settings: dict[str, str | int] = {"length": length, "target_length": target}
    if not named and len(file.header) > 2:
        settings |= dict(zip(roles, names))
    summary.settings["pairs"] = settings
