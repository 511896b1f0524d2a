"""The command line: what it refuses, how it says so, and what it makes."""

from __future__ import annotations

import json

import pytest
import yaml

GOOD = "data: {source: 'sklearn:digits'}\n"

BAD_CONFIGS = {
    "unknown section": ("trian: {epochs: 3}\n", ["line 2", 'did you mean "train"']),
    "unknown key": ("train: {epoch: 3}\n", ["train.epoch", 'did you mean "epochs"']),
    "wrong type": ("train: {epochs: many}\n", ["train.epochs", '"many"']),
    "out of range": ("train: {epochs: 0}\n", ["train.epochs", "or equal to 1"]),
    "broken YAML": ("train: {epochs: 3\n", ["not readable as YAML"]),
    "a key twice": ("seed: 1\nseed: 2\n", ["line 3", "seed is given twice"]),
    "unknown step": ("augment: {policy: flpi}\n", ["step 1", 'did you mean "flip"']),
    "bad argument": ("augment: {policy: shift(-1)}\n", ["pixels=-1", "from 0 to 64"]),
    "unknown recipe": ("compress: {recipes: [int9]}\n", ['did you mean "int8"']),
    "unknown builder": ("tune: {builder: cnnn}\n", ['did you mean "cnn"']),
    "impossible budget": ("compress: {budget: {max_drop: 3}}\n", ["max_drop"]),
    "not a mapping": ("- 1\n", ["experiment.yaml"]),
}


def refused(answer, *parts: str, code: int = 2) -> None:
    """One message with all parts, the exit code, and no traceback."""
    assert answer.code == code, answer.out + answer.err
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err


@pytest.mark.parametrize("kind", BAD_CONFIGS)
def test_a_bad_experiment_file_is_one_clear_message(project, kind):
    text, parts = BAD_CONFIGS[kind]
    project.write(GOOD + text)
    refused(project.run("run", "data"), "experiment.yaml", *parts)
    assert not (project.small / "data").exists()


def test_an_unknown_data_set_names_the_nearest(project):
    project.write("data: {source: 'sklearn:digit'}\n")
    refused(project.run("run", "data"), "sklearn:digit", 'did you mean "digits"')
    assert not (project.small / "data").exists()


def test_an_unknown_kind_of_source_names_the_kinds(project):
    project.write("data: {source: 'skleran:digits'}\n")
    refused(project.run("run", "data"), 'did you mean "sklearn"')


def test_an_unknown_experiment_names_the_nearest(project):
    refused(project.cli("run", "--exp", "smal"), 'did you mean "small"')


@pytest.mark.parametrize("name", ["../small", "a b", "/tmp"])
def test_an_experiment_cannot_be_outside_its_folder(project, name):
    refused(project.cli("status", "--exp", name), "experiment name")


def test_a_bad_override_is_named_as_it_was_given(project):
    refused(project.run("run", "--set", "train.epochs=x"), "--set train.epochs=x")
    refused(project.run("run", "--set", "train"), "--set train", "section.key=value")
    refused(project.run("run", "--sets", "a='b"), "SET=a='b")


def test_an_unknown_verb_or_stage_is_refused(project):
    answer = project.cli("trian")
    assert answer.code == 2 and "invalid choice: 'trian'" in answer.err
    answer = project.run("run", "trian")
    assert answer.code == 2 and 'did you mean "train"' in answer.err


def test_a_folder_that_cannot_be_written_is_named(project):
    (project.small / ".lock").mkdir()
    answer = project.run("run", "data")
    assert answer.code != 0 and "Traceback" not in answer.err
    assert ".lock" in answer.err


def test_debug_shows_where(project):
    project.write(GOOD + "seed: x\n")
    assert "Traceback" in project.run("status", "--debug").err


def test_new_makes_an_experiment_that_runs(project):
    answer = project.cli("new", "mine", "--source", "sklearn:digits")
    assert answer.code == 0, answer.err
    assert "run it with: python -m pipeline run --exp mine" in answer.out
    assert project.cli("run", "data", "--exp", "mine").code == 0


@pytest.mark.parametrize("name", ["my #1.csv", "my: {1}.csv", "it's.csv ", "{{a}}.csv"])
def test_new_keeps_any_name_of_a_file(project, name):
    (project.folder / name).write_text("x,label\n1,a\n")
    answer = project.cli("new", "mine", "--source", f"csv:{name}")
    assert answer.code == 0, answer.err
    values = yaml.safe_load(project.cli("show", "config", "--exp", "mine").out)
    assert values["data"]["source"] == f"csv:{name}"


def test_new_makes_a_project_once_and_only_in_the_working_directory(project):
    words = ("--source", "sklearn:digits")
    assert project.cli("new", "one", *words, "--root", "a/b").code == 0
    assert not list(project.folder.rglob("Makefile"))
    answer = project.cli("new", "two", *words)
    assert (project.folder / "Makefile").is_file() and "Makefile" in answer.out
    (project.folder / "Makefile").write_text("mine\n")
    answer = project.cli("new", "three", *words)
    assert answer.code == 0 and "Makefile" not in answer.out
    assert (project.folder / "Makefile").read_text() == "mine\n"


def test_new_leaves_an_existing_experiment_alone(project):
    before = (project.small / "experiment.yaml").read_text()
    refused(project.cli("new", "small", "--source", "sklearn:digits"), "already")
    assert (project.small / "experiment.yaml").read_text() == before


@pytest.mark.parametrize(
    ("name", "source", "part"),
    [
        ("a/b", "sklearn:digits", "experiment name"),
        ("mine", "digits", "KIND:NAME"),
        ("mine", "sklearn:diabets", 'mean "diabetes"? (known: digits, breast_cancer,'),
        (
            "mine",
            "csv:no.csv",
            "no.csv must be a regular file and does not exist (relative",
        ),
        ("mine", "images:experiments/small/experiment.yaml", "a folder and is not one"),
        ("mine", "npz:${NO_SUCH_FOLDER}/a.npz", "variable NO_SUCH_FOLDER is not set"),
    ],
)
def test_new_refuses_what_cannot_work(project, name, source, part):
    refused(project.cli("new", name, "--source", source), part)
    assert not (project.folder / "experiments" / name).exists()


def test_new_knows_which_data_are_for_a_regression(project):
    assert project.cli("new", "mine", "--source", "sklearn:diabetes").code == 0
    told = yaml.safe_load(project.cli("show", "config", "--exp", "mine").out)
    assert told["data"]["task"] == "regression" and told["tune"]["builder"] == "mlp"
    assert project.cli("run", "data", "--exp", "mine").code == 0


def test_show_config_is_the_whole_resolved_file(project):
    values = json.loads(project.run("show", "config", "--json", "--set", "seed=9").out)
    assert values["seed"] == 9
    assert values["tune"]["trials"] == 2
    assert values["tune"]["batch_size"] == 32


def test_show_before_a_run_says_what_to_run(project):
    module = "no result yet; run: python -m pipeline run"
    refused(project.run("show"), f"{module} --exp small")
    refused(project.run("show", "train"), f"{module} train --exp small")


def test_stale_speaks_to_make_on_one_stream_and_to_people_on_the_other(project):
    assert project.run("run", "data").code == 0
    answer = project.run("stale", "augment")
    assert answer.out == "augment\n"
    assert answer.err.startswith("data      cached")
    project.write("x: 1\n")
    answer = project.run("stale", "augment")
    assert answer.code == 2 and answer.out == "!\n"
