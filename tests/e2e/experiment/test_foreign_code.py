"""No command imports a module that another person's experiment names without a note."""

from __future__ import annotations

import pytest

from pipeline.core.json_io import read_json, write_json
from tests.conftest import Project
from tests.helpers import published

TASK = "hostile:TASK"
FAILS = "importing it fails"  # of the message after the module's own error


@pytest.fixture
def forged(tmp_path) -> Project:
    """An experiment whose results name a module, with records that fit them."""
    project = Project(tmp_path)
    (tmp_path / "hostile.py").write_text("raise RuntimeError('was imported')\n")
    folder = published.experiment(tmp_path / "experiments")
    for name in ("data/spec.json", "compress/pareto.json", "report/summary.json"):
        path = folder / name
        write_json(path, {**read_json(path), "task": TASK})
        published.record(path.parent)
    folder.rename(project.small)
    return project


@pytest.mark.parametrize(
    ("command", "ends_with"),
    [
        (("show", "small"), FAILS),
        (("compare", "small", "small"), FAILS),
        (("predict", "small", "x.npy"), "cannot open this file"),
    ],
)
def test_a_task_that_results_name_is_listed_before_it_is_imported(
    forged, command, ends_with
):
    first, second = (forged.cli(*command).err for _ in range(2))
    note = first.find(f"code {forged.folder / 'hostile.py'}")
    assert -1 < note < first.find(ends_with), first
    assert ends_with in second and "code " not in second


def test_reproduce_lists_the_builder_before_it_runs(project):
    (project.folder / "hostile.py").write_text("def net(hp, spec): raise SystemExit\n")
    project.write("data: {source: 'csv:no.csv'}\ntune: {builder: 'hostile:net'}\n")
    answer = project.cli("reproduce", "small", "data", "--twice")
    assert f"code {project.folder / 'hostile.py'}" in answer.err
