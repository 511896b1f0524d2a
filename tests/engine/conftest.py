"""A chain of two toy stages without machine learning, in a package of its own."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.import_closure import CodeReader
from pipeline.engine.plan import Decision, plan
from pipeline.engine.runner import Runner
from pipeline.engine.stage import Job, Stage
from pipeline.engine.terminal import Terminal

ROOT = Path(__file__).parent.parent.parent
TOY = Path(__file__).parent / "toy"


def job_of(
    folder: Path, one: dict[str, Any], two: dict[str, Any], retells=False, **settings
) -> Job:
    """The toy chain with given parameters."""
    from toy.params import OneParams, TwoParams

    chain = (
        Stage("one", (), OneParams, package="toy"),
        Stage(
            "two",
            ("one",),
            TwoParams,
            volatile={"clock.txt": "the time"},
            retells=retells,
            package="toy",
        ),
    )
    params = {"one": OneParams(**one), "two": TwoParams(**two)}
    fixed = {"seed": 1, "threads": 1, "portability": "native", **settings}
    return Job(folder, chain, params, fixed)


@dataclass
class Toy:
    """The toy chain in a folder of its own."""

    root: Path
    one: dict[str, Any] = field(default_factory=dict)
    two: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    retells: bool = False

    @property
    def folder(self) -> Path:
        return self.root / "experiments" / "toy"

    @property
    def job(self) -> Job:
        return job_of(self.folder, self.one, self.two, self.retells, **self.settings)

    def code(self) -> CodeReader:
        return CodeReader(self.root)

    def plan(self) -> dict[str, Decision]:
        decisions = plan(self.job, self.job.chain, self.code())
        return {decision.stage: decision for decision in decisions}

    def run(self, stage: str = "two", **options: Any) -> str:
        """Run in this process (stages in theirs); what was printed."""
        stream = io.StringIO()
        runner = Runner(self.job, self.code(), Terminal(stream))
        runner.bring_up_to_date((stage,), **options)
        return stream.getvalue()

    def start(self) -> subprocess.Popen:
        """Run in another process, to be killed."""
        call = [sys.executable, str(TOY / "drive.py"), str(self.folder)]
        call += [repr(self.one), repr(self.two)]
        return subprocess.Popen(call, stderr=subprocess.PIPE, text=True)

    def read(self, stage: str = "two", name: str = "text.txt") -> str:
        return (self.folder / stage / name).read_text()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A fresh copy of the toy package, importable here and in stages."""
    shutil.copytree(TOY, tmp_path / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "experiments" / "toy").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Toy(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        del sys.modules[name]
