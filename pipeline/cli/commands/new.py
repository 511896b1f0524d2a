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
from pipeline.core.quoting import shown
from pipeline.core.safe_path import SafeFolder
from pipeline.data.sources.registry import check_source, known_labels, modality_of
from pipeline.engine.runner import CODE_ROOT
from pipeline.experiment.ignored_files import write_gitignore
from pipeline.experiment.loader import FILE, check_name
from pipeline.experiment.source_look import check_exists
from pipeline.experiment.stages import STAGES
from pipeline.experiment.summary.summarize import summarize
from pipeline.experiment.summary.summary import Summary
from pipeline.tasks.registry import DEFAULT, get, reading

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
    summary = summarize(arguments.source)
    values = _template_values(arguments.name, data_yaml(arguments.source, summary))
    _write(path, "experiment.yaml.j2", values)
    write_gitignore(folder)
    print(path)
    for fact in summary.facts:
        print(f"          {shown(fact, 400)}")
    for extra in _write_project(arguments.root, values):
        print(extra)
    print(f"run it with: {command('run', folder=folder)}")
    return ExitCode.DONE


def _template_values(name: str, data: str) -> dict[str, Any]:
    return {
        "name": name,
        "data": data,
        "program": program(),
        "script": SCRIPT,
        "stages": " ".join(STAGES),
        "others": MAKE_VERBS,
        "python": PYTHON,
        "requirement": f"{DISTRIBUTION}=={pipeline.__version__}",
    }


def data_yaml(source: str, summary: Summary) -> str:
    """The section `data` as YAML, in which any source survives.

    Args:
        source: such as `csv:/data/my #1.csv`.
        summary: what was seen in it.

    Returns:
        The section, with the defaults that apply and what was seen as comments.
    """
    seen = "numbers" if summary.numbers else "classes"
    task = reading(next(iter(known_labels(source)), seen))[0]
    named = {} if task == DEFAULT else {"task": task}
    section = {"source": source, **named, **summary.settings}
    facts = [f"  # {shown(fact, 400)}" for fact in summary.facts]
    lines = ["data:", *facts, *(f"  {line}" for line in _lines(section))]
    lines += [f"  # {line}" for line in _lines(_unset(summary))]
    builder = summary.builder or get(task).builder_for(summary.modality)
    if builder == get(task).builder_for(modality_of(source)):
        lines.append(f"# tune: {{builder: {builder}}}")
    else:
        lines.append(f"tune: {{builder: {builder}}}")
    return "".join(f"{line}\n" for line in lines)


def _unset(summary: Summary) -> dict[str, Any]:
    """The defaults without the keys that are set."""
    unset: dict[str, Any] = {}
    for key, value in summary.defaults.items():
        inner = summary.settings.get(key, {})
        if left := {k: v for k, v in value.items() if k not in inner}:
            unset[f"more of {key}" if inner else key] = left
    return unset


def _lines(values: dict[str, Any]) -> list[str]:
    """YAML of a mapping, a line per short value."""
    texts = (
        yaml.safe_dump(
            {key: value},
            allow_unicode=True,
            default_flow_style=None if isinstance(value, dict) else False,
            sort_keys=False,
            width=88,
        )
        for key, value in values.items()
    )
    return [line for text in texts for line in text.splitlines()]


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
