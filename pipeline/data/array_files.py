"""NumPy arrays in files: the only reader of .npy and .npz, for sources and `predict`.

Nothing is unpickled. Members of an archive are bounded before they are read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, Self

import numpy as np

from pipeline.core.decoding import decoding, reason_of
from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.quoting import listing, shown
from pipeline.core.regular_file import is_regular
from pipeline.data.bounded import check_size
from pipeline.data.rows import read_header


class ArrayStore(Protocol):
    """Named arrays.

    Args:
        path: of the file or folder.
    """

    path: Path

    def names(self) -> list[str]:
        """Return the names of the arrays."""

    def open(self, name: str) -> IO[bytes]:
        """Open the .npy content of an array.

        Raises:
            UserError: when there is no such array, or it is larger than the limit.
        """


class NpzStore:
    """The arrays of an .npz file.

    Args:
        path: of the file.
        limit: maximum size of a decompressed array in bytes.
    """

    def __init__(self, path: Path, limit: int):
        self.path, self.limit = path, limit
        self.archive = zipfile.ZipFile(path)

    def names(self) -> list[str]:
        """Return the names of the arrays."""
        return [entry.removesuffix(".npy") for entry in self.archive.namelist()]

    def open(self, name: str) -> IO[bytes]:
        """Open an array, see `ArrayStore`."""
        require(self, name)
        info = self.archive.getinfo(f"{name}.npy")
        check_size(self.path, info.file_size, self.limit)
        return self.archive.open(info)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.archive.close()


@contextmanager
def open_npz(path: Path, limit: int) -> Iterator[NpzStore]:
    """Open an .npz file; whatever its decoder raises is one error.

    Args:
        path: of the file.
        limit: maximum size of a decompressed array in bytes.

    Raises:
        UserError: it names the file.
    """
    if not is_regular(path):
        raise UserError(f"{path}: is not a regular file, or does not exist")
    with decoding(path, "a readable .npz file"), NpzStore(path, limit) as store:
        yield store


class FolderStore:
    """The .npy files of a folder.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path):
        self.path = path

    def names(self) -> list[str]:
        """Return the names of the arrays."""
        files = sorted(self.path.glob("*.npy"))
        return [file.stem for file in files if is_regular(file)]

    def open(self, name: str) -> IO[bytes]:
        """Open an array, see `ArrayStore`."""
        require(self, name)
        return (self.path / f"{name}.npy").open("rb")


def require(store: ArrayStore, name: str) -> None:
    """Refuse a name that a store does not hold.

    Raises:
        UserError: it lists the arrays, and says how to store them.
    """
    names = store.names()
    if name in names:
        return
    example = "x=x, y=y" if name in ("x", "y") else f"x=x, y=y, {shown(name)}=..."
    raise UserError(
        f'{store.path}: no array "{shown(name)}"{did_you_mean(name, names)} (there '
        f"are: {listing(names)}); store it: "
        f'numpy.savez("{store.path.name}", {example})'
    )


def read_array(store: ArrayStore, name: str) -> np.ndarray:
    """Read a whole array.

    Args:
        store: holds it.
        name: of the array.

    Raises:
        UserError: when there is none, or it holds Python objects.
    """
    with store.open(name) as file:
        _, _, dtype = read_header(file)
    if dtype.hasobject:
        raise UserError(
            f'{store.path}: "{shown(name)}" holds Python objects, which are not read; '
            f"convert it before it is saved: {name} = {name}.astype(str) for texts, "
            f"{name} = {name}.astype(float) for numbers"
        )
    with store.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_npy(path: Path) -> np.ndarray:
    """Read the numbers or texts of a .npy file, at least one.

    Args:
        path: of the file.

    Raises:
        UserError: when it is anything else.
    """
    if not is_regular(path):
        raise UserError(f"{path}: is not a regular file")
    try:
        array: Any = np.load(path, allow_pickle=False)
    except Exception as error:  # a decoder raises whatever its parsing meets
        reason = reason_of(error)
        raise UserError(f"{path}: not a readable .npy array: {reason}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buifU":
        kind = array.dtype if isinstance(array, np.ndarray) else "an archive"
        raise UserError(f"{path}: must hold an array of numbers or texts, not {kind}")
    if not array.ndim or not array.size:
        raise UserError(
            f"{path}: holds no examples; its shape is {array.shape}, and (n, ...) is "
            "needed"
        )
    return array
