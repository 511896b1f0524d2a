"""Writing and deleting below a folder, without following a symbolic link.

Git, tar and zip carry symbolic links. An experiment that came from elsewhere may hold
one in the place of any file or folder that a run writes or deletes, and it may lead
anywhere. So every name is opened relative to a handle of the folder that holds it, and
a link is an error or is removed as a link; what it leads to is never touched.

The folder itself is the one that the user named: links on the way to it are followed.

    inside = SafeFolder(Path("experiments/digits"))
    inside.remove(".scratch/data-3fa29c01b2d4")
    inside.write(".train.failed.log", b"...")
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.errors import UserError, naming

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class SafeFolder:
    """A folder in which names are written and deleted without following links.

    Names are relative, with slashes; they must not leave the folder.

    Args:
        path: an existing folder.
    """

    path: Path

    def make(self, name: str) -> Path:
        """Create a folder, and those that it lies in; existing ones are kept.

        Args:
            name: relative to this folder.

        Returns:
            Its path.

        Raises:
            UserError: when a link or a file stands in the place of a folder.
        """
        with self._holder(f"{name}/x", create=True):
            return self.path / name

    def make_new(self, name: str) -> Path:
        """Create an empty folder in the place of whatever has this name.

        Args:
            name: relative to this folder.
        """
        self.remove(name)
        return self.make(name)

    def remove(self, name: str) -> None:
        """Remove a file, a folder with all that it holds, or a link itself.

        Args:
            name: relative to this folder; nothing happens where it does not exist.

        Raises:
            UserError: when a link stands in the place of a folder that holds it.
            OSError: with the path, when it cannot be removed.
        """
        missing = contextlib.suppress(FileNotFoundError)
        with self._naming(name), missing, self._holder(name) as (holder, last):
            if stat.S_ISDIR(_mode(last, holder)):
                self._remove_tree(name, last, holder)
            else:
                os.unlink(last, dir_fd=holder)

    def _remove_tree(self, name: str, last: str, holder: int) -> None:
        try:
            shutil.rmtree(last, dir_fd=holder)
        except RecursionError:
            raise UserError(
                f"{self.path / name}: holds folders that are nested too deeply; remove "
                "it with: rm -r"
            ) from None

    def discard(self, name: str) -> None:
        """Remove as `remove` does; what cannot be removed stays for the next run."""
        with contextlib.suppress(OSError, UserError):
            self.remove(name)

    def rename(self, old: str, new: str) -> None:
        """Rename a file, folder or link; a file of the new name is replaced.

        Args:
            old: relative to this folder.
            new: relative to this folder, on the same file system.
        """
        from_folder, to_folder = self._holder(old), self._holder(new)
        with self._naming(new), from_folder as (source, first), to_folder as (to, last):
            os.rename(first, last, src_dir_fd=source, dst_dir_fd=to)

    def exists(self, name: str) -> bool:
        """Return True where the name exists, even as a link that leads nowhere."""
        return self._lmode(name) is not None

    def is_link(self, name: str) -> bool:
        """Return True where the name is a symbolic link."""
        return stat.S_ISLNK(self._lmode(name) or 0)

    def names(self, name: str) -> list[str]:
        """List a folder; empty where it does not exist or is not a folder.

        Args:
            name: relative to this folder.

        Raises:
            UserError: when it is a link.
        """
        missing = contextlib.suppress(FileNotFoundError)
        with missing, self._holder(f"{name}/x") as (holder, _):
            return sorted(os.listdir(holder))
        return []

    def open(self, name: str, flags: int) -> int:
        """Open a regular file, which is created where it does not exist.

        A link, a pipe or a device of this name is removed first.

        Args:
            name: relative to this folder.
            flags: such as `os.O_RDWR`; `os.O_CREAT` and `os.O_NOFOLLOW` are added.

        Returns:
            A file descriptor, for the caller to close.

        Raises:
            UserError: when a folder has this name.
        """
        with self._naming(name), self._holder(name) as (holder, last):
            with contextlib.suppress(FileNotFoundError):
                mode = _mode(last, holder)
                if stat.S_ISDIR(mode):
                    path = self.path / name
                    raise UserError(
                        f"{path}: is a folder in the place of a file of the pipeline; "
                        "remove or rename it"
                    )
                if not stat.S_ISREG(mode):
                    os.unlink(last, dir_fd=holder)
            return os.open(last, flags | os.O_CREAT | FILE, 0o666, dir_fd=holder)

    def write(self, name: str, content: bytes) -> None:
        """Write a file under a hidden name, then give it its own.

        An existing file or link is replaced; what the link leads to is unchanged.

        Args:
            name: relative to this folder.
            content: all bytes of the file.
        """
        folder, _, last = name.rpartition("/")
        aside = f"{folder}/.{last}.new" if folder else f".{last}.new"
        try:
            descriptor = self.open(aside, os.O_WRONLY | os.O_TRUNC)
            with self._naming(name), open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            self.rename(aside, name)
        except BaseException:
            self.discard(aside)
            raise

    def _lmode(self, name: str) -> int | None:
        failure = contextlib.suppress(OSError, UserError)
        with failure, self._holder(name) as (holder, last):
            return _mode(last, holder)
        return None

    @contextlib.contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Let errors name the whole path, not the part relative to a handle."""
        with naming(self.path / name, always=True):
            yield

    @contextlib.contextmanager
    def _holder(self, name: str, create: bool = False) -> Iterator[tuple[int, str]]:
        """Handle of the folder that holds a name, and the last part of the name."""
        *folders, last = _parts(name)
        with naming(self.path):
            handle = os.open(self.path, FOLDER & ~os.O_NOFOLLOW)
        try:
            path = self.path
            for folder in folders:
                path /= folder
                inner = _enter(path, handle, create)
                os.close(handle)
                handle = inner
            yield handle, last
        finally:
            os.close(handle)


def is_inside(name: str) -> bool:
    """Return whether a relative name cannot lead out of the folder it is relative to.

    Args:
        name: with slashes, such as one that a record holds.
    """
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and parts[0] != "/"


def _parts(name: str) -> tuple[str, ...]:
    if not is_inside(name):
        raise ValueError(f"{name!r}: not a name inside a folder")
    return PurePosixPath(name).parts


def _mode(name: str, holder: int) -> int:
    return os.stat(name, dir_fd=holder, follow_symlinks=False).st_mode


def _enter(path: Path, holder: int, create: bool) -> int:
    """Open a folder relative to the handle of the one that holds it."""
    if create:
        with naming(path, always=True), contextlib.suppress(FileExistsError):
            os.mkdir(path.name, dir_fd=holder)
    try:
        return os.open(path.name, FOLDER, dir_fd=holder)
    except OSError as error:
        error.filename = str(path)
        if isinstance(error, FileNotFoundError):
            raise
        raise _refusal(path, holder) or error from None


def _refusal(path: Path, holder: int) -> UserError | None:
    """The reason why a name is not entered: a link, or a file; else None."""
    mode = _mode(path.name, holder)
    if stat.S_ISLNK(mode):
        target = os.readlink(path.name, dir_fd=holder)
        return UserError(
            f"{path}: is a symbolic link to {target!r}; nothing is written or deleted "
            "through a link inside an experiment folder: remove the link, or put a "
            "folder in its place"
        )
    if not stat.S_ISDIR(mode):
        return UserError(
            f"{path}: is a file in the place of a folder of the pipeline; remove it"
        )
    return None
