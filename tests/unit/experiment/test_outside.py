"""Commands list code, and paths outside the folder, before their first use."""

from __future__ import annotations

import shutil
import sys

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment import outside
from pipeline.experiment.session import load_experiment
from pipeline.tasks.registry import get

pytestmark = pytest.mark.usefixtures("forked_stages")


@pytest.fixture
def folder(own_modules):
    """An experiment with a builder, data and a model file outside its folder."""
    (own_modules / "my_models.py").write_text("raise RuntimeError('was imported')\n")
    (own_modules / "elsewhere").mkdir()
    folder = own_modules / "experiments" / "mine"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(
        "data: {source: 'csv:elsewhere/absent.csv'}\n"
        "tune: {builder: 'my_models:net'}\n"
        "train: {init_from: experiments/mine/start.keras}\n"
        "tracking: {mlflow: 'http://tracker.example'}\n"
    )
    return folder


def run(folder, capsys):
    with pytest.raises(UserError, match="absent.csv"):
        load_experiment(folder).run("data")
    return capsys.readouterr().err


def test_code_files_and_servers_are_listed_once(folder, capsys):
    here = folder.parents[1]
    text = run(folder, capsys)
    assert f"code {here / 'my_models.py'}" in text
    assert f"file {here / 'elsewhere' / 'absent.csv'}" in text
    assert "server http://tracker.example" in text
    assert "start.keras" not in text, "a file inside the folder is not listed"
    assert "my_models" not in sys.modules
    assert run(folder, capsys) == ""


def test_only_what_is_new_is_listed_again(folder, capsys):
    run(folder, capsys)
    path = folder / "experiment.yaml"
    path.write_text(path.read_text().replace("elsewhere/absent", "other/absent"))
    text = run(folder, capsys)
    assert "other/absent.csv" in text and "my_models" not in text


def test_the_notes_of_another_machine_do_not_count(folder, capsys):
    first = run(folder, capsys)
    notes = folder / outside.NOTES
    shutil.copy2(notes, folder / "copy")
    (folder / "copy").replace(notes)
    assert run(folder, capsys) == first


def test_a_link_inside_the_folder_that_leads_outside_is_listed(folder, capsys):
    (folder / "inner").symlink_to(folder.parents[1] / "elsewhere")
    path = folder / "experiment.yaml"
    text = path.read_text().replace("csv:elsewhere", "csv:experiments/mine/inner")
    path.write_text(text)
    assert f"{folder.parents[1] / 'elsewhere' / 'absent.csv'}" in run(folder, capsys)


def test_a_task_is_listed_before_it_is_imported(folder, capsys):
    (folder.parents[1] / "my_task.py").write_text("print('imported')\nTASK = None\n")
    path = folder / "experiment.yaml"
    path.write_text("data: {source: 'csv:a.csv', task: 'my_task:TASK'}\n")
    with pytest.raises((UserError, AttributeError, TypeError)):
        load_experiment(folder)
    captured = capsys.readouterr()
    assert "my_task.py" in captured.err and "imported" in captured.out


def test_code_inside_the_folder_is_listed_too(folder):
    (folder / "inner.py").write_text("raise RuntimeError('was imported')\n")
    path = folder / "experiment.yaml"
    path.write_text(path.read_text().replace("my_models", "experiments.mine.inner"))
    uses = outside.uses_of(load_experiment(folder).job)
    assert ("code", str(folder / "inner.py")) in uses


def test_an_installed_module_is_listed_by_its_name(folder, capsys):
    path = folder / "experiment.yaml"
    path.write_text("data: {source: 'csv:a.csv', task: 'colorsys:TASK'}\n")
    with pytest.raises(UserError):
        load_experiment(folder)
    assert "code module colorsys" in capsys.readouterr().err


def test_an_import_that_nothing_has_listed_prints_a_note(own_modules, capsys):
    (own_modules / "unlisted.py").write_text("print('imported')\n")
    with pytest.raises(UserError, match="must be a Task"):
        get("unlisted:TASK")
    captured = capsys.readouterr()
    assert "imports the module unlisted" in captured.err
    assert captured.out == "imported\n"


def test_an_experiment_that_uses_nothing_outside_prints_nothing(folder, capsys):
    path = folder / "experiment.yaml"
    path.write_text("data: {source: 'sklearn:digits'}\n")
    assert outside.uses_of(load_experiment(folder).job) == []
