"""Messages of the command line: in-process, without a run."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest
import yaml

from pipeline.cli import main as entry
from pipeline.core.errors import UserError
from pipeline.core.wording import quantity
from pipeline.engine.scratch import stages_with_work
from pipeline.experiment.loader import experiment_folder, read_experiment
from pipeline.experiment.previous_state import restored_on_error
from tests.helpers.project import ROOT

GOOD = "data: {source: 'sklearn:digits'}\n"
pytestmark = pytest.mark.usefixtures("forked_stages")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The folder of an experiment, seen from the working directory."""
    folder = tmp_path / "experiments" / "small"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return folder


def cli(capsys, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = entry.main([*words])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train:\n\tepochs: 3\n", "line 3: is indented with a tab, which YAML forbids"),
        ("train:\n  epochs: 3\n\tpatience: 2\n", "line 4: is indented with a tab"),
        ("compress: {budget: {max_drop: 1}}\n", "0.01 is one point; received 1"),
        (
            "data: {source: 'sklearn:digits', split: {train: 0.8, test: 0.2}}\n",
            "(0.8 + 0.2 + 0.2); validation 0.2 is the default: set all three",
        ),
    ],
)
def test_an_error_names_the_cause_and_the_remedy(small, text, words):
    base = "" if text.startswith("data") else GOOD
    (small / "experiment.yaml").write_text(base + text)
    with pytest.raises(UserError) as caught:
        read_experiment(small)
    assert words in str(caught.value)


def test_errors_are_in_the_order_of_the_lines(small):
    text = "train: {epochs: 0}\ntune: {trials: 0}\naugment: {policy: 3}\ndata: {}\n"
    (small / "experiment.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_experiment(small)
    lines = str(caught.value).splitlines()
    numbers = [int(line.split("line ")[1].split(":")[0]) for line in lines]
    assert len(numbers) == 4 and numbers == sorted(numbers)


@pytest.mark.parametrize("words", [["small", "config"], ["config", "--exp", "small"]])
def test_show_config_is_yaml_that_can_be_an_experiment_file(small, capsys, words):
    code, out, _ = cli(capsys, "show", *words)
    assert code == 0 and out.startswith("seed: 1\n")
    (small / "experiment.yaml").write_text(out)
    code, again, _ = cli(capsys, "show", *words)
    assert again == out and yaml.safe_load(out)["train"]["epochs"] == 60


def test_an_experiment_can_be_named_without_its_option(small, capsys):
    code, _, err = cli(capsys, "show", "small")
    assert code == 2 and "no result yet; run: keras-frontier run --exp small" in err
    code, out, _ = cli(capsys, "status", "small")
    assert code == 0 and out.startswith("data ")
    code, out, _ = cli(capsys, "run", "small", "data", "--dry-run")
    assert code == 0 and len(out.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "trian"], 'did you mean "train"'),
        (["show", "small", "trian"], 'did you mean "train"'),
        (["run", "smal"], "no such experiment in experiments"),
        (["run", "small", "data", "tune"], "takes one stage; received tune"),
        (["show", "small", "model", "cnn", "x"], "at most EXP, WHAT and MODEL"),
    ],
)
def test_a_word_that_is_neither_is_explained(small, capsys, words, message):
    code, _, err = cli(capsys, *words)
    assert code == 2 and message in err


def test_an_experiment_beside_the_folder_of_experiments_is_found_or_named(
    small, capsys
):
    folder = small.parent.parent / "alone"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(GOOD)
    with pytest.raises(UserError, match="experiment.yaml is here: add --root ."):
        experiment_folder(small.parent, "alone")
    code, _, err = cli(capsys, "predict", "./alone", "a.png")
    assert code == 2
    assert "alone: no result yet; run: keras-frontier run --exp alone --root ." in err


def test_predict_before_a_run_imports_no_library(small):
    code = (
        "import sys; from pipeline.cli.main import main; "
        "code = main(['predict', 'small', 'a.png']); "
        "print(code, {'numpy', 'ai_edge_litert', 'PIL'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert answer.stdout == "2 set()\n"
    assert "no result yet; run: " in answer.stderr


def test_status_and_an_interrupt_speak_of_work_that_is_kept(small, capsys, monkeypatch):
    _, out, _ = cli(capsys, "status", "small")
    assert "tune      new      not run yet" in out
    decisions = {d.stage: d for d in _plan(small)}
    key = entry_key(decisions["tune"])
    work = small / ".scratch" / f"tune-{key}"
    work.mkdir(parents=True)
    _, out, _ = cli(capsys, "status", "small")
    assert "tune      new      not run yet" in out  # nothing was done yet
    (work / "trials.jsonl").write_text("{}\n")
    _, out, _ = cli(capsys, "status", "small")
    assert "tune      new      interrupted; a run resumes it" in out
    assert stages_with_work(small) == ["tune"]
    monkeypatch.setattr("pipeline.cli.commands.run.run", _interrupt)
    code, _, err = cli(capsys, "run", "--exp", "small")
    assert code == 130
    assert "the work of tune is kept, and the same command resumes it" in err
    (work / "trials.jsonl").unlink()
    _, _, err = cli(capsys, "run", "--exp", "small")
    assert err == f"{entry.MESSAGE}\n"


def _plan(folder):
    from pipeline.experiment.session import open_session

    return open_session(folder).plan()


def entry_key(decision) -> str:
    """The fingerprint in the name of a working folder."""
    from pipeline.engine.scratch import KEY
    from pipeline.engine.stage_record import fingerprint

    return fingerprint(decision.parts)[:KEY]


def _interrupt(arguments: argparse.Namespace) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 files"), (1, "1 file"), (1250, "1,250 files")]
)
def test_a_count_agrees_with_its_noun(count, text):
    assert quantity(count, "file") == text


def test_a_folder_of_results_in_a_repository_keeps_only_file_and_lock(
    small, capsys, monkeypatch
):
    code, _, _ = cli(capsys, "new", "mine", "--source", "sklearn:digits")
    folder = small.parent / "mine"
    single = small.parent / "single"
    with restored_on_error(single):
        (single / "experiment.yaml").write_text(GOOD)
    subprocess.run(["git", "init", "-q"], check=True)
    for place in (folder, single):
        (place / "report").mkdir()
        (place / "report" / "index.html").touch()
        (place / "experiment.lock").touch()
    command = ["git", "ls-files", "-o", "--exclude-standard", "experiments"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    names = {line.removeprefix("experiments/") for line in listed.split()}
    kept = {".gitignore", "experiment.lock", "experiment.yaml"}
    assert code == 0 and names == {"small/experiment.yaml"} | {
        f"{place}/{name}" for place in ("mine", "single") for name in kept
    }


def test_a_refused_compress_file_leaves_no_folder_behind(small):
    with pytest.raises(UserError), restored_on_error(small.parent / "single"):
        raise UserError("no")
    assert not (small.parent / "single").exists()


def test_make_help_begins_with_what_a_user_needs(tmp_path):
    answer = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = [
        line.split()[1] for line in answer.stdout.splitlines() if "  make " in line
    ]
    own, _, development = answer.stdout.partition("Development of this package:")
    assert targets[:4] == ["help", "all", "status", "show"]
    assert "make train" in own and "make test" not in own
    assert "make test" in development and "make bench-tune" in development
