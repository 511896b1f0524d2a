"""The copy of an experiment in which it is run again from scratch.

In: an experiment's folder. Out: a job in a temporary folder with another path, to be
run in another working directory, with the same parameters and without any results.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core.base_path import base, based_on
from pipeline.engine.plan import Decision
from pipeline.engine.stage import Job
from pipeline.engine.temporary import sweep, temporary_folder
from pipeline.engine.terminal import Terminal, line
from pipeline.reproduce.lock_file import LOCK


@contextlib.contextmanager
def in_temporary_folder(
    job: Job, load: Callable[[Path], Job], keep: bool = False
) -> Iterator[Job]:
    """Copy an experiment to an empty folder, to be run from that folder's parent.

    Other files beside experiment.yaml are copied, results and lock are not. Relative
    paths, and the user's own modules, are found where they were found before.

    Args:
        job: the experiment to copy.
        load: folder of the copy -> its job, read from the copied file.
        keep: leave the folder on disk at the end.
    """
    sweep(job.folder)
    with contextlib.ExitStack() as stack:
        if keep:
            temporary = Path(tempfile.mkdtemp(prefix="reproduce-")).resolve()
        else:
            temporary = stack.enter_context(temporary_folder(job.folder, outside=True))
        folder = temporary / "somewhere" / "else" / job.folder.name
        _copy(job, folder)
        stack.enter_context(based_on(Path.cwd() / base()))
        yield load(folder)


def _copy(job: Job, folder: Path) -> None:
    results = {stage.name for stage in job.chain}
    folder.mkdir(parents=True)
    for path in job.folder.iterdir():
        if path.name not in results | {LOCK} and not path.name.startswith("."):
            _copy_entry(path, folder / path.name)


def _copy_entry(path: Path, target: Path) -> None:
    """Copy a file or folder; a link leads where it led, and a pipe is left out."""
    if path.is_symlink():
        target.symlink_to(path.parent.resolve() / path.readlink())
    elif path.is_dir():
        target.mkdir()
        for entry in path.iterdir():
            _copy_entry(entry, target / entry.name)
    elif path.is_file():
        shutil.copy2(path, target)


class StageReporter(Terminal):
    """Print one line per stage, comparing it as soon as it is published.

    Args:
        compare: stage -> its state and details.
        verbose: show what libraries print.
    """

    def __init__(
        self, compare: Callable[[str], tuple[str, str]], verbose: bool = False
    ):
        super().__init__(verbose=verbose)
        self.compare = compare
        self.stage = ""

    def started(self, decision: Decision) -> None:
        """Show the running stage, where the line can be overwritten later."""
        self.decision, self.stage = decision, decision.stage
        if self.live:
            self._rewrite(line(decision.stage, "running", ""))

    def progress(self, message: dict[str, Any]) -> None:
        """Show progress, where the line can be overwritten later."""
        if self.live:
            self._rewrite(line(self.stage, "running", "", message["progress"]))

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """Print `train     equal    73b33ef5  9.8 s                6 files`."""
        state, text = self.compare(self.stage)
        self._clear()
        self._print(line(self.stage, state, f"{key}  {seconds:.1f} s", text))
