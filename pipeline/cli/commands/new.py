"""`new NAME --source SOURCE`: make an experiment that runs without a checkout.

Out: `experiments/NAME/experiment.yaml` and its .gitignore. In a folder that is not a
checkout of this package, also a Makefile and a CI workflow beside `experiments/`.
Existing files are left alone.
"""

from __future__ import annotations

import argparse
import os
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

import pipeline
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import SCRIPT, command, program
from pipeline.core.safe_path import SafeFolder
from pipeline.data.sources.registry import check_source, known_labels
from pipeline.engine.runner import CODE_ROOT
from pipeline.experiment.ignored_files import write_gitignore
from pipeline.experiment.loader import FILE, check_name
from pipeline.experiment.source_look import check_exists
from pipeline.experiment.stages import STAGES
from pipeline.tasks.registry import DEFAULT, reading

HELP = "make an experiment file for a data set"
DISTRIBUTION = "keras-frontier-pipeline"
PYTHON = "3.12"  # of the CI workflow
MAKE_VERBS = "status show lock verify reproduce"
# File beside `experiments/` -> its template.
PROJECT = {
    "Makefile": "Makefile.j2",
    ".github/workflows/experiments.yml": "workflow.yml.j2",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--source",
        required=True,
        metavar="SOURCE",
        help="sklearn:digits, tfds:fashion_mnist, csv:my.csv, ...",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files; an existing experiment is refused.

    Raises:
        UserError: the name or the source is not valid, or the experiment exists.
    """
    check_name(arguments.name)
    check_source(arguments.source)
    check_exists(arguments.source, "--source")
    folder = arguments.root / arguments.name
    path = folder / FILE
    if os.path.lexists(path):
        raise UserError(f"{path}: already exists; choose another name, or edit it")
    values = _template_values(arguments.name, arguments.source)
    _write(path, "experiment.yaml.j2", values)
    write_gitignore(folder)
    print(path)
    for extra in _write_project(arguments.root, values):
        print(extra)
    print(f"run it with: {command('run', folder=folder)}")
    return ExitCode.DONE


def _template_values(name: str, source: str) -> dict[str, Any]:
    return {
        "name": name,
        "data": data_yaml(source),
        "program": program(),
        "script": SCRIPT,
        "stages": " ".join(STAGES),
        "others": MAKE_VERBS,
        "python": PYTHON,
        "requirement": f"{DISTRIBUTION}=={pipeline.__version__}",
    }


def data_yaml(source: str) -> str:
    """The section `data` as YAML, in which any source survives.

    Args:
        source: such as `csv:/data/my #1.csv`.
    """
    labels = known_labels(source)
    task = reading(labels)[0] if labels else DEFAULT
    section = {"source": source, **({} if task == DEFAULT else {"task": task})}
    return yaml.safe_dump({"data": section}, sort_keys=False, allow_unicode=True)


def _write_project(root: Path, values: dict[str, Any]) -> list[Path]:
    """Write the files beside `experiments/` that do not exist; their paths."""
    project = root.parent
    if project.resolve() != Path.cwd() or project.resolve() == CODE_ROOT.resolve():
        return []
    paths = {project / file: template for file, template in PROJECT.items()}
    missing = {path: name for path, name in paths.items() if not os.path.lexists(path)}
    for path, template in missing.items():
        _write(path, template, values)
    return list(missing)


def _write(path: Path, template: str, values: dict[str, Any]) -> None:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("pipeline.cli").joinpath("templates", template)
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    text = environment.from_string(source.read_text("utf-8")).render(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    SafeFolder(path.parent).write(path.name, text.encode())
