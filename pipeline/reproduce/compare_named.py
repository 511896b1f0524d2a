"""Compare two experiments or locks that are given by name, as `diff` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.reproduce.comparison_result import ComparisonResult, compare
from pipeline.reproduce.lock_file import LOCK, read_lock
from pipeline.reproduce.snapshot import Snapshot, nearest_recording, of_run, rehashed


def compare_named(
    before: str,
    after: str | None,
    root: Path,
    stages: tuple[str, ...],
    folder_of: Callable[[Path, str], Path],
) -> ComparisonResult:
    """Compare two runs, or a run and its lock.

    Args:
        before: a lock file, an experiment's folder or its name.
        after: likewise; None compares the lock of `before` with its run.
        root: the folder of experiments.
        stages: names of the stages, in the order of the chain.
        folder_of: root and name of an experiment -> its folder, or a `UserError`.

    Raises:
        UserError: when one of them has no results, or is not a lock.
    """
    if after is None:
        before, after = str(Path(before) / LOCK), before
    old, new = (_snapshots(text, root, stages, folder_of) for text in (before, after))
    second = nearest_recording(new, old[0].environment)
    return compare(nearest_recording(old, second.environment), second)


def _snapshots(
    text: str,
    root: Path,
    stages: tuple[str, ...],
    folder_of: Callable[[Path, str], Path],
) -> Sequence[Snapshot]:
    """All recordings of a lock, or the one run of an experiment."""
    path = Path(text)
    if path.name == LOCK or path.is_file():
        return read_lock(path if path.is_file() else root / path)
    if path.is_dir() and (path / "experiment.yaml").is_file():
        return [rehashed(of_run(path, stages))]
    return [rehashed(of_run(folder_of(root, text), stages))]
