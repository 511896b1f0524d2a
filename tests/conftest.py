"""What several tests share: a small real experiment, driven by the real CLI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The whole chain on the real digits, at the smallest size that still learns.
SMALL = """\
seed: 3
data: {source: "sklearn:digits"}
augment: {policy: "shift(1)"}
tune: {trials: 2, epochs: 2, top: 1}
train: {epochs: 6, patience: 6}
distill: {epochs: 6, patience: 6, width: 0.5}
compress:
  recipes: [int8, "prune(0.5) | pqat"]
  epochs: 2
  budget: {max_drop: 0.3}
evaluate: {resamples: 200, robustness: false}
"""


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> dict[str, str]:
        """Stage name -> its last line on standard output."""
        rows = (line.split(maxsplit=1) for line in self.out.splitlines())
        return {row[0]: row[1] for row in rows if len(row) == 2}


@dataclass(frozen=True)
class Project:
    """A folder of experiments, and the command line on it."""

    folder: Path

    @property
    def small(self) -> Path:
        """The folder of the experiment called `small`."""
        return self.folder / "experiments" / "small"

    def write(self, text: str) -> None:
        """Replace the experiment file."""
        self.small.mkdir(parents=True, exist_ok=True)
        (self.small / "experiment.yaml").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a command in the folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cli(self, *arguments: str) -> Answer:
        """Run a command in the folder to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        return Answer(process.returncode, out, err)

    def run(self, *arguments: str) -> Answer:
        """`cli` on the experiment `small`."""
        return self.cli(*arguments, "--exp", "small")

    @staticmethod
    def environment() -> dict[str, str]:
        """This process's environment, with the code under test importable."""
        return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the small experiment, nothing run."""
    made = Project(tmp_path)
    made.write(SMALL)
    return made


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Answer]:
    """The small experiment, run once through the whole chain: read only."""
    made = Project(tmp_path_factory.mktemp("finished"))
    made.write(SMALL)
    return made, made.run("run")


@pytest.fixture
def copied(finished: tuple[Project, Answer], tmp_path: Path) -> Project:
    """A finished experiment of one's own, to be damaged."""
    shutil.copytree(finished[0].folder / "experiments", tmp_path / "experiments")
    return Project(tmp_path)
