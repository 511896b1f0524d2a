"""The Makefile in a small checkout: its rules, its quoting, its set-up.

The checkout has the real Makefile and the real tools/venv.py. Its
command line only writes down how it was called, so that these tests see what
make asks for; its package builds without downloads, so that .venv is real.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.experiment.stages import CHAIN
from tests.helpers.project import ROOT

STAGES = [stage.name for stage in CHAIN]
FROM_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
LONG_AGO = 1_500_000_000
SHOW = ["show", "--exp=digits"]
VARIABLES = ("EXP", "SET", "PYTHON", "PYTEST_ARGS")

CLI = """\
import json, sys
from pathlib import Path

verb, *rest = sys.argv[1:]
with open("calls.jsonl", "a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
if verb == "stale":
    answer = Path("stale.txt").read_text()
    if answer == "crash":
        sys.exit(1)
    print(answer)
if verb == "run":
    folder = Path("experiments/digits", rest[0])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stage.json").write_text("{}")
    sys.exit(Path("fails.txt").read_text() == rest[0])
"""

BACKEND = """\
import os, sys, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    if os.path.exists("refuse"):
        sys.exit("the backend refuses")
    info = "toy-1.0.dist-info/"
    name = "Metadata-Version: 2.1\\nName: toy\\nVersion: 1.0\\n"
    wheel = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files = {
        "toy.pth": "",
        info + "METADATA": name + "Provides-Extra: test\\n",
        info + "WHEEL": wheel,
    }
    files[info + "RECORD"] = "".join(f"{name},,\\n" for name in files)
    with zipfile.ZipFile(f"{folder}/toy-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return "toy-1.0-py3-none-any.whl"
"""

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@dataclass
class Checkout:
    """A small checkout, and what make does in it."""

    root: Path

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run make to its end."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.root,
            env=environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def calls(self) -> list[list[str]]:
        """The arguments of each call of the command line since the last look."""
        log = self.root / "calls.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def runs(self) -> list[str]:
        """The stages that make asked for since the last look, in order."""
        return [call[1] for call in self.calls() if call[0] == "run"]

    def publish(self, *stages: str) -> None:
        """Results that are up to date, each newer than what it needs."""
        folder = self.root / "experiments/digits"
        os.utime(folder / "experiment.yaml", (LONG_AGO, LONG_AGO))
        for age, stage in enumerate(stages, start=1):
            path = folder / stage / "stage.json"
            path.parent.mkdir(parents=True)
            path.write_text("{}")
            os.utime(path, (LONG_AGO + age, LONG_AGO + age))

    def stale(self, answer: str) -> None:
        """What the command line says is not up to date."""
        (self.root / "stale.txt").write_text(answer)

    def files(self) -> set[Path]:
        """Everything in the checkout."""
        return set(self.root.rglob("*"))


def environment() -> dict[str, str]:
    """Without what a make that runs these tests has put there."""
    hidden = FROM_MAKE + VARIABLES
    return {key: value for key, value in os.environ.items() if key not in hidden}


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A checkout on which nothing was run yet."""
    root = tmp_path / "checkout"
    (root / "pipeline").mkdir(parents=True)
    (root / "experiments/digits").mkdir(parents=True)
    (root / "experiments/digits/experiment.yaml").write_text("seed: 1\n")
    shutil.copy(ROOT / "Makefile", root)
    (root / "tools").mkdir()
    for name in ("venv.py", "venv_stamp.py"):
        shutil.copy(ROOT / "tools" / name, root / "tools")
    (root / "pipeline/__main__.py").write_text(CLI)
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "setup.cfg").write_text("[options]\n")
    (root / "constraints.txt").write_text("")
    (root / "stale.txt").write_text("")
    (root / "fails.txt").write_text("")
    return Checkout(root)


@pytest.fixture
def ready(fresh: Checkout) -> Checkout:
    """A checkout whose .venv is whole."""
    venv.create(fresh.root / ".venv", symlinks=True)
    command = [".venv/bin/python", "-I", "tools/venv.py", "record"]
    subprocess.run(command, cwd=fresh.root, check=True)
    return fresh


def test_help_is_the_default_goal_and_touches_nothing(fresh: Checkout):
    before = fresh.files()
    answers = [fresh.make(), fresh.make("help")]
    assert answers[0].stdout == answers[1].stdout
    assert not answers[0].stderr and not answers[0].returncode
    assert fresh.files() == before


def test_help_describes_every_target(fresh: Checkout):
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE))
    names = re.search(r"^benchmarks := ((?:.*\\\n)*.*)$", text, re.MULTILINE)[1]
    benchmarks = [f"bench-{name}" for name in names.replace("\\", "").split()]
    phony = phony.replace("$(benchmarks:%=bench-%)", " ".join(benchmarks))
    targets = {*phony.replace("$(stages)", " ".join(STAGES)).split()} - {"FORCE"}
    described = re.findall(r"^  make ([a-z-]+) +\S", fresh.make().stdout, re.MULTILINE)
    assert len(targets) > 15 and set(described) == targets


def test_a_misspelt_target_is_an_error_that_builds_nothing(fresh: Checkout):
    answer = fresh.make("trian")
    assert answer.returncode == 2
    assert "No rule to make target 'trian'" in answer.stderr.replace("`", "'")
    assert not (fresh.root / ".venv").exists()


def test_prerequisites_are_those_of_the_chain(fresh: Checkout):
    database = fresh.make("-pnq", "help").stdout
    for stage in CHAIN:
        target = f"experiments/digits/{stage.name}/stage.json"
        line = re.search(rf"^{re.escape(target)}: (.*)$", database, re.MULTILINE)[1]
        found = re.findall(r"experiments/digits/(\w+)/stage.json", line)
        assert found == list(stage.depends_on)


def test_a_dry_run_of_a_fresh_checkout_lists_everything_and_does_nothing(
    fresh: Checkout,
):
    before = fresh.files()
    answer = fresh.make("-n", "all")
    words = re.findall(r"venv.py build|-m pipeline (\w+ \w*)", answer.stdout)
    assert words == ["", *(f"run {stage}" for stage in STAGES), "show "]
    assert fresh.files() == before


@pytest.mark.parametrize("python", ["false", "/no/such/python", "a b"])
def test_a_python_of_no_use_is_refused_by_name(python: str, fresh: Checkout):
    answer = fresh.make("status", f"PYTHON={python}")
    assert answer.returncode == 2
    assert f"needs Python 3.11, 3.12 or 3.13, which none of these is: {python}" in (
        answer.stderr
    )
    assert fresh.calls() == [] and not (fresh.root / ".venv").exists()


def test_make_looks_for_another_python_when_python3_is_of_no_use(
    fresh: Checkout, monkeypatch
):
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    programs = fresh.root / "programs"
    programs.mkdir()
    for tool in ("sh", "tr"):
        (programs / tool).symlink_to(shutil.which(tool))
    (programs / "python3").symlink_to(shutil.which("false"))
    (programs / name).write_text('#!/bin/sh\necho "found $*"\n')
    (programs / name).chmod(0o755)
    make = shutil.which("make")
    answer = subprocess.run(
        [make, ".venv/.ready"],
        cwd=fresh.root,
        capture_output=True,
        text=True,
        env={"PATH": str(programs)},
    )
    assert "found -I tools/venv.py build" in answer.stdout


def test_a_second_make_all_asks_once_and_runs_nothing(ready: Checkout):
    ready.publish(*STAGES)
    answer = ready.make("all")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert ready.calls() == [["stale", "report", "--exp=digits"], SHOW]


def test_the_first_make_all_runs_the_chain_then_shows_the_verdict(ready: Checkout):
    ready.stale(" ".join(STAGES))
    ready.make("-j4", "all")
    expected = [["run", stage, "--only", "--exp=digits"] for stage in STAGES]
    assert ready.calls()[1:] == [*expected, SHOW]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_target_with_what_it_needs(stage: str, ready: Checkout):
    ready.stale(stage)
    ready.make(stage)
    assert ready.calls()[0] == ["stale", stage, "--exp=digits"]
    answer = ready.make("-n", stage)
    assert answer.stdout.count("run") == 1


def test_what_is_stale_runs_however_new_its_files_are(ready: Checkout):
    ready.publish(*STAGES)
    ready.stale("compress evaluate report")
    ready.make("all")
    assert ready.runs() == ["compress", "evaluate", "report"]


def test_an_edited_experiment_file_runs_what_the_fingerprints_say(ready: Checkout):
    ready.publish(*STAGES)
    (ready.root / "experiments/digits/experiment.yaml").touch()
    ready.stale("evaluate report")
    ready.make("all")
    assert ready.runs() == ["evaluate", "report"]


def test_a_newer_result_is_offered_to_the_stages_that_read_it(ready: Checkout):
    ready.publish(*STAGES)
    (ready.root / "experiments/digits/tune/stage.json").touch()
    ready.make("distill")
    assert ready.runs() == ["train", "distill"]


def test_a_record_named_as_a_file_is_checked_like_its_stage(ready: Checkout):
    ready.publish(*STAGES)
    ready.stale("tune")
    ready.make("experiments/digits/tune/stage.json")
    assert ready.calls()[0] == ["stale", "tune", "--exp=digits"]


def test_a_failing_stage_ends_the_chain_and_loses_nothing(ready: Checkout):
    ready.stale(" ".join(STAGES))
    (ready.root / "fails.txt").write_text("train")
    answer = ready.make("all")
    assert answer.returncode == 2
    assert ready.runs() == ["data", "augment", "tune", "train"]
    kept = (ready.root / "experiments/digits").glob("*/stage.json")
    assert {path.parent.name for path in kept} == {"data", "augment", "tune", "train"}


@pytest.mark.parametrize("answer", ["!", "crash", "compress nonsense"])
def test_nothing_runs_when_the_plan_is_refused(answer: str, ready: Checkout):
    ready.publish(*STAGES)
    ready.stale(answer)
    result = ready.make("all")
    assert result.returncode == 2
    assert "nothing was run, for the reason above" in result.stderr
    assert [call[0] for call in ready.calls()] == ["stale"]


def test_an_unknown_experiment_is_left_to_the_command_line(fresh: Checkout):
    answer = fresh.make("-n", "all", "EXP=nope")
    assert answer.returncode == 0
    assert "run data --only --exp='nope'" in answer.stdout


HARD_WORDS = [
    "train.epochs=3 seed=1",
    'augment.policy="shift(1) | flip"',
    "a='b c' d=1",
    "a=$HOME",
    "a=$(touch oops)",
    "a=`touch oops`",
    "a=b; touch oops",
    "a=[1,2] # rest",
    "a=100% b=*",
    "a=\\",
    "--help",
]


@pytest.mark.parametrize("text", HARD_WORDS)
def test_overrides_reach_the_command_line_unchanged(text: str, ready: Checkout):
    ready.stale("data")
    ready.make("data", f"SET={text}")
    tail = ["--exp=digits", f"--sets={text}"]
    assert ready.calls() == [["stale", "data", *tail], ["run", "data", "--only", *tail]]
    assert not (ready.root / "oops").exists()


@pytest.mark.parametrize("text", [*HARD_WORDS, "", "../digits", "a b", "%", "/tmp"])
def test_any_experiment_name_reaches_the_command_line_unchanged(
    text: str, ready: Checkout
):
    ready.stale("!")
    ready.make("all", f"EXP={text}")
    ready.make("status", f"EXP={text}")
    ready.make("clean-exp", f"EXP={text}")
    verbs = [["stale", "report"], ["status"], ["clean"]]
    assert ready.calls() == [[*verb, f"--exp={text}"] for verb in verbs]
    assert not (ready.root / "oops").exists()


@pytest.mark.parametrize("name", ["EXP", "SET", "PYTEST_ARGS", "OTHER"])
@pytest.mark.parametrize("goal", ["status", "data", "help"])
def test_a_variable_of_the_command_line_is_never_expanded(
    name: str, goal: str, ready: Checkout
):
    ready.stale("data")
    ready.make(goal, f"{name}=$(shell touch oops)")
    assert not (ready.root / "oops").exists()


@pytest.mark.parametrize("verb", ["lock", "verify", "reproduce"])
def test_the_proof_is_asked_of_the_command_line(verb: str, ready: Checkout):
    assert ready.make(verb, "SET=seed=2").returncode == 0
    assert ready.calls() == [[verb, "--exp=digits", "--sets=seed=2"]]


def test_ci_is_lint_then_tests_then_the_smoke_experiment_again(ready: Checkout):
    text = ready.make("-n", "ci").stdout
    wanted = [
        "-m ruff format --check",
        "-m ruff check",
        "-m mypy",
        "-m zensical build",
        "-m pytest",
        "reproduce --exp='smoke'",
    ]
    places = [text.index(part) for part in wanted]
    assert places == sorted(places)


def test_the_picture_is_copied_from_the_report(ready: Checkout):
    ready.publish(*STAGES)
    picture = ready.root / "experiments/digits/report/frontier.png"
    picture.write_bytes(b"a picture")
    assert ready.make("figures").returncode == 0
    assert (ready.root / "docs/frontier.png").read_bytes() == b"a picture"


def test_a_touched_declaration_does_not_rebuild_what_is_whole(ready: Checkout):
    os.utime(ready.root / ".venv/.ready", (LONG_AGO, LONG_AGO))
    python = ready.root / ".venv/bin/python"
    before = python.lstat().st_mtime_ns
    answer = ready.make("status")
    assert (answer.stdout, python.lstat().st_mtime_ns) == ("", before)


def test_several_goals_and_several_makes_build_one_environment(fresh: Checkout):
    python = f"PYTHON={sys.executable}"
    command = ["make", "-j2", "status", "show", python]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    both = [
        subprocess.Popen(command, cwd=fresh.root, env=environment(), **pipes)
        for _ in range(2)
    ]
    output = "".join(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0], output
    assert output.count("set-up    there is no .venv: installing") == 1
    assert sorted(call[0] for call in fresh.calls()) == ["show"] * 2 + ["status"] * 2
    assert fresh.make("status").stdout == ""


def test_another_python_does_not_rebuild_what_is_there(ready: Checkout):
    """The second one has .venv-3.X; make uses the one that PYTHON names."""
    name = f".venv-{sys.version_info[0]}.{sys.version_info[1]}"
    venv.create(ready.root / name, symlinks=True)
    record = [f"{name}/bin/python", "-I", "tools/venv.py", "record", name]
    subprocess.run(record, cwd=ready.root, check=True)
    config = ready.root / ".venv/pyvenv.cfg"
    config.write_text(
        re.sub(r"(?m)^version = .*$", "version = 3.9.1", config.read_text())
    )
    before = (ready.root / ".venv/.ready").read_bytes()
    answer = ready.make("-n", "status", f"PYTHON={sys.executable}")
    assert (
        answer.stdout.strip() == f"{name}/bin/python -m pipeline status --exp='digits'"
    )
    assert ".venv/bin/python -m" in ready.make("-n", "status").stdout
    assert (ready.root / ".venv/.ready").read_bytes() == before


@pytest.mark.slow
def test_a_broken_environment_is_rebuilt_and_a_failed_set_up_is_not_trusted(
    ready: Checkout,
):
    python = ready.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/no/such/python")
    (ready.root / "refuse").write_text("")
    failed = ready.make("status", f"PYTHON={sys.executable}")
    assert failed.returncode == 2 and ready.calls() == []
    assert "set-up    .venv/bin/python does not start: installing" in failed.stdout
    assert "the backend refuses" in failed.stderr
    (ready.root / "refuse").unlink()
    mended = ready.make("status", f"PYTHON={sys.executable}")
    assert "set-up    .venv is not complete: installing" in mended.stdout
    assert mended.returncode == 0 and ready.calls() == [["status", "--exp=digits"]]
