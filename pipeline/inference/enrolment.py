"""Enrolled examples: a folder with a folder of files per identity.

In: the folder, and a published file that runs. Out: identities and outputs of the
model, which `predict` compares other examples with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.core.wording import repeated
from pipeline.data.folders import SYSTEM_NAMES
from pipeline.inference.raw_examples import RawExamples
from pipeline.tasks.prediction import Enrolment


def read_enrolment(
    folder: Path,
    read: Callable[[Path], RawExamples],
    run: Callable[[RawExamples], np.ndarray],
) -> Enrolment:
    """Read every file of every identity.

    Args:
        folder: holds a folder per identity, named as it; hidden entries are left out.
        read: one file -> its raw examples.
        run: raw examples -> outputs of the model, `(n, *output)`.

    Returns:
        At least one example per identity.

    Raises:
        UserError: for a folder that does not exist or holds no identity, an identity
            without a file, names that differ in case or accents' encoding only, or a
            file that cannot be read; it names the file.
    """
    names: list[str] = []
    identities: list[str] = []
    outputs = []
    for identity in _identities(folder):
        for path in _files(identity):
            examples = _read(path, read)
            names += examples.names
            identities += [identity.name] * len(examples.names)
            outputs.append(run(examples))
    return Enrolment(names, identities, np.concatenate(outputs))


def _read(path: Path, read: Callable[[Path], RawExamples]) -> RawExamples:
    try:
        return read(path)
    except UserError as error:
        raise UserError(f"--enrol: {error}; fix or remove the file") from None


def _identities(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(
            f"--enrol {shown(folder, 200)}: no such folder; it must hold a folder of "
            "files per identity"
        )
    entries = _visible(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    loose = [entry.name for entry in entries if not entry.is_dir()]
    if not folders or loose:
        found = f"the files {listing(loose)}" if loose else "nothing"
        raise UserError(
            f"--enrol {shown(folder, 200)}: holds {found} in the place of a folder of "
            "files per identity; name each folder as the identity of its files"
        )
    _check_names([entry.name for entry in folders], folder)
    return folders


def _check_names(names: list[str], folder: Path) -> None:
    """Refuse names that people, and some file systems, take for one."""
    plain = {name: _plain(name) for name in names}
    if same := repeated(plain.values()):
        clashing = [name for name in names if plain[name] == same[0]]
        raise UserError(
            f"--enrol {shown(folder, 200)}: the names {listing(clashing)} clash; join "
            "the folders, or rename one"
        )


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _files(identity: Path) -> list[Path]:
    files = [entry for entry in _visible(identity) if not entry.is_dir()]
    if not files:
        raise UserError(
            f"--enrol: {shown(identity, 200)} holds no file; add examples of the "
            "identity, or remove the folder"
        )
    return files


def _visible(folder: Path) -> list[Path]:
    try:
        entries: Iterable[Path] = folder.iterdir()
        return sorted(
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.name not in SYSTEM_NAMES
        )
    except OSError as error:
        reason = error.strerror
        raise UserError(
            f"--enrol: {shown(folder, 200)} cannot be listed ({reason})"
        ) from None
