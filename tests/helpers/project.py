"""Drive the real command line in a temporary folder of experiments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers import warm

ROOT = next(path for path in Path(__file__).parents if (path / "setup.cfg").is_file())
TIMEOUT = 1800  # seconds after which a command hangs, also on a busy machine

# The whole chain on scikit-learn's digits, at the smallest size that still learns.
SMALL = """\
seed: 3
data: {source: "sklearn:digits"}
augment: {policy: "shift(1)"}
tune: {trials: 2, epochs: 2, finalists: 1}
train: {epochs: 6, patience: 6}
distill: {epochs: 6, patience: 6, width: 0.5}
compress:
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 2
  budget: {max_drop: 0.3}
evaluate: {resamples: 200, robustness: false}
"""


@dataclass(frozen=True)
class Answer:
    """The result of a command.

    Args:
        code: its exit code.
        out: its standard output.
        err: its standard error.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> dict[str, str]:
        """First word -> rest, of the last line of standard output that begins so."""
        rows = (line.split(maxsplit=1) for line in self.out.splitlines())
        return {row[0]: row[1] for row in rows if len(row) == 2}


@dataclass(frozen=True)
class Project:
    """A folder of experiments and the command line on it.

    Args:
        folder: holds the folder `experiments`.
    """

    folder: Path

    @property
    def small(self) -> Path:
        """The folder of the experiment `small`."""
        return self.folder / "experiments" / "small"

    def write(self, text: str) -> None:
        """Replace the experiment file of `small`."""
        self.small.mkdir(parents=True, exist_ok=True)
        (self.small / "experiment.yaml").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in the folder, in a fresh process."""
        return self._start(subprocess.Popen, arguments)

    def cli(self, *arguments: str) -> Answer:
        """Run a command in the folder and wait for its end.

        The process is forked from one that has imported TensorFlow, where that makes
        no difference.
        """
        process = self._start(warm.start, arguments)
        out, err = process.communicate(timeout=TIMEOUT)
        return Answer(process.returncode, out, err)

    def run(self, *arguments: str) -> Answer:
        """Run a command on the experiment `small`."""
        return self.cli(*arguments, "--exp", "small")

    def _start(self, popen: Callable[..., Any], arguments: tuple[str, ...]) -> Any:
        return popen(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of this process, with the code under test importable."""
        return {**os.environ, "PYTHONPATH": str(ROOT)}
