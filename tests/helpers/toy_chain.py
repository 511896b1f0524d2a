"""A chain of two toy stages without machine learning, in a package of its own.

Run: python -m tests.helpers.toy_chain FOLDER ONE TWO, in a process that a test can
kill; ONE and TWO are the parameters of the stages as JSON.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.plan import Decision, plan
from pipeline.engine.runner import Runner
from pipeline.engine.stage import Job, Stage
from pipeline.engine.terminal import Terminal

TOY = Path(__file__).parent / "toy"
VOLATILE = {"clock.txt": "the time"}


def job_of(
    folder: Path,
    one: dict[str, Any],
    two: dict[str, Any],
    copies_volatile: bool = False,
    **settings: Any,
) -> Job:
    """Build the toy chain.

    Args:
        folder: the folder of the experiment.
        one: parameters of stage `one`.
        two: parameters of stage `two`.
        copies_volatile: whether stage `two` copies volatile facts of its input.
        **settings: settings that differ from the default, such as `seed`.
    """
    from toy.params import OneParams, TwoParams  # in the copy of a test

    chain = (
        Stage("one", (), OneParams, package="toy"),
        Stage(
            "two",
            ("one",),
            TwoParams,
            VOLATILE,
            copies_volatile=copies_volatile,
            package="toy",
        ),
    )
    params = {"one": OneParams(**one), "two": TwoParams(**two)}
    fixed = {"seed": 1, "threads": 1, "portability": "native", **settings}
    return Job(folder, chain, params, fixed)


@dataclass
class Toy:
    """The toy chain in a temporary folder.

    Args:
        root: holds a copy of the package `toy` and the folder `experiments`.
        one: parameters of stage `one`.
        two: parameters of stage `two`.
        settings: settings that differ from the default.
        copies_volatile: whether stage `two` copies volatile facts of its input.
    """

    root: Path
    one: dict[str, Any] = field(default_factory=dict)
    two: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    copies_volatile: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the experiment."""
        return self.root / "experiments" / "toy"

    @property
    def job(self) -> Job:
        """The chain with the present parameters."""
        return job_of(
            self.folder, self.one, self.two, self.copies_volatile, **self.settings
        )

    def code(self) -> CodeReader:
        """Read the code of the copied package."""
        return CodeReader(self.root)

    def plan(self) -> dict[str, Decision]:
        """Decide for both stages."""
        decisions = plan(self.job, self.job.chain, self.code())
        return {decision.stage: decision for decision in decisions}

    def run(self, stage: str = "two", **options: Any) -> str:
        """Run up to a stage, and return what was printed."""
        stream = io.StringIO()
        runner = Runner(self.job, self.code(), Terminal(stream))
        runner.bring_up_to_date((stage,), **options)
        return stream.getvalue()

    def start(self) -> subprocess.Popen[str]:
        """Run in another process, which the test can kill."""
        params = [json.dumps(self.one), json.dumps(self.two)]
        module = ["-m", "tests.helpers.toy_chain", str(self.folder), *params]
        command = [sys.executable, *module]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def read(self, stage: str = "two", name: str = "text.txt") -> str:
        """Read a published file."""
        return (self.folder / stage / name).read_text()


def main(folder: Path, one: dict[str, Any], two: dict[str, Any]) -> None:
    """Run both stages.

    Raises:
        SystemExit: with the text of the error, when a stage fails.
    """
    toy = Toy(folder.parent.parent, one, two)
    runner = Runner(toy.job, toy.code(), Terminal())
    try:
        runner.bring_up_to_date(("two",))
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(json.loads, sys.argv[2:]))
