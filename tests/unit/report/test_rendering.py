"""Templates and static files: one set for every task, and code of the report alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.engine.import_closure import CodeReader
from pipeline.experiment.schema import Experiment
from pipeline.experiment.stages import CHAIN
from pipeline.report.rendering import STATIC, TEMPLATES
from pipeline.report.sections import all_sections
from pipeline.tasks.registry import TASKS
from pipeline.tasks.report import report_of
from tests.helpers.project import ROOT

JOB = Experiment.model_validate({"data": {"source": "sklearn:digits"}}).job(ROOT)
PARTS = (
    *("subject.html.j2", "figures.html.j2", "data_labels.html.j2"),
    *("data_split.html.j2", "card_use.md.j2", "card_output.md.j2"),
    *("card_code.md.j2", "card_metrics.md.j2"),
)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_all_templates_that_page_and_card_include(task):
    names = [f"task/{part}" for part in PARTS]
    names += [section.template for section in all_sections(task)]
    own = report_of(task).templates
    paths = [
        own / name.removeprefix("task/")
        if name.startswith("task/")
        else TEMPLATES / name
        for name in names
    ]
    assert [path for path in paths if not path.is_file()] == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the source, which a test may edit."""
    folder = tmp_path_factory.mktemp("checkout")
    hidden = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=hidden)
    return folder


def closures(root: Path) -> dict[str, dict[str, str]]:
    """Stage -> the digests that its fingerprint is made of."""
    code = CodeReader(root)
    return {stage.name: code.closure(JOB.modules(stage)) for stage in CHAIN}


OWN = report_of("classification").templates
FILES = [path for folder in (TEMPLATES, STATIC, OWN) for path in folder.rglob("*.*")]


@pytest.mark.parametrize("path", [FILES[0], FILES[-1]], ids=lambda path: path.name)
def test_a_byte_of_a_template_makes_the_report_stale_and_nothing_else(checkout, path):
    name = path.relative_to(ROOT).as_posix()
    before = closures(checkout)
    assert closures(checkout) == before
    with (checkout / name).open("a") as file:
        file.write(" ")
    after = closures(checkout)
    assert [stage for stage in before if before[stage] != after[stage]] == ["report"]
    changed = {k for k, v in after["report"].items() if before["report"][k] != v}
    assert changed == {name}


def test_every_file_of_the_report_is_in_its_closure():
    names = {path.relative_to(ROOT).as_posix() for path in FILES}
    assert names <= set(closures(ROOT)["report"])
