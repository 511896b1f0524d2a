"""A look at texts: `corpus:`."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.wording import quantity
from pipeline.data.folders import files_below
from pipeline.data.params import DataParams
from pipeline.data.sources.corpus_dataset import SUFFIXES, decode
from pipeline.experiment.summary.summary import Summary

LOOKED_AT = 20  # files that are decoded
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
