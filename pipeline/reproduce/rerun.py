"""Run an experiment again from scratch, somewhere else.

In: an experiment's folder. Out: a job in a temporary folder of another path, to be
run in another working directory, with the same question and none of the answers.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.base_path import base, based_on
from pipeline.engine.stage import Job
from pipeline.engine.terminal import Terminal, line
from pipeline.experiment.loader import read_experiment
from pipeline.reproduce.snapshot import LOCK


@contextlib.contextmanager
def elsewhere(job: Job, sets: list[str], keep: bool = False) -> Iterator[Job]:
    """The same experiment in an empty folder, to be run from that folder's parent.

    What stands beside experiment.yaml comes along, results and lock do not; relative
    paths, and a builder of the user's own, are found where they were found before.
    """
    place = Path(tempfile.mkdtemp(prefix="reproduce-")).resolve()
    try:
        folder = place / "somewhere" / "else" / job.folder.name
        _copy(job, folder)
        with based_on(Path.cwd() / base()):
            yield read_experiment(folder, sets).job(folder)
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def _copy(job: Job, folder: Path) -> None:
    results = {stage.name for stage in job.chain}
    folder.mkdir(parents=True)
    for path in job.folder.iterdir():
        if path.name in results | {LOCK} or path.name.startswith("."):
            continue
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, folder / path.name)


class Comparing(Terminal):
    """Prints one line for each stage, comparing it as soon as it is published."""

    def __init__(self, compare: Any, verbose: bool = False):
        super().__init__(verbose=verbose)
        self.compare = compare

    def started(self, decision: Any) -> None:
        """Nothing on a pipe: the stage gets its line when it is compared."""
        self.decision = decision
        if self.live:
            self._rewrite(line(decision.stage, "running", ""))

    def progress(self, message: dict[str, Any]) -> None:
        """Only where it can be written over."""
        if self.live:
            self._rewrite(line(self.decision.stage, "running", "", message["progress"]))

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """`train     equal    73b33ef5  9.8 s                6 files`."""
        state, text = self.compare(self.decision.stage)
        self._clear()
        reason = f"{key}  {seconds:.1f} s"
        self._print(line(self.decision.stage, state, reason, text))
