"""Reading an experiment: experiments/<name>/experiment.yaml and overrides.

Values come from the schema's defaults, then the file, then `--set`. An error names
the file and line (or the option), the key, the value received, what is allowed, and
the nearest valid name; all errors of a file are reported at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.invocation import command
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import check_known, known_labels, modality_of
from pipeline.experiment import (
    budget_rules,
    builder_rules,
    outside,
    task_rules,
    yaml_positions,
)
from pipeline.experiment.overrides import Override, parse_override, with_overrides
from pipeline.experiment.schema import Experiment
from pipeline.experiment.validation_errors import (
    Problem,
    dotted,
    kinds,
    opening_bracket,
    problems,
)
from pipeline.experiment.yaml_positions import Key
from pipeline.tasks.registry import OWN, get, reading

MAX_NAME = 100  # characters of an experiment's name
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}")
FILE = "experiment.yaml"
MAX_DEPTH = 20  # of nested sections
CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Origin:
    """Where values came from, for error messages.

    Args:
        file: the experiment file.
        lines: key -> its line in the file, from 1.
        options: key -> the option that overrides it.
    """

    file: Path
    lines: dict[Key, int]
    options: dict[Key, str]

    def of(self, key: Key) -> str:
        """`experiments/digits/experiment.yaml, line 7` or `--set train.epochs=x`."""
        for length in range(len(key), 0, -1):
            prefix = tuple(str(word) for word in key[:length])
            if prefix in self.options:
                return self.options[prefix]
            if key[:length] in self.lines:
                return f"{self.file}, line {self.lines[key[:length]]}"
        return str(self.file)

    def line(self, key: Key) -> int:
        """The line of a key, or of the section it is missing in; 0 if unknown."""
        prefixes = (key[:length] for length in range(len(key), 0, -1))
        return next((self.lines[p] for p in prefixes if p in self.lines), 0)


@dataclass(frozen=True)
class Source:
    """Values of a file, the overrides, and where both came from."""

    values: dict[str, Any]
    overrides: Sequence[Override]
    origin: Origin

    def merged(self, without: Override | None = None) -> dict[str, Any]:
        """The values with all overrides but one applied."""
        kept = [override for override in self.overrides if override is not without]
        return with_overrides(self.values, kept)


def experiment_folder(root: Path, name: str) -> Path:
    """The folder of an existing experiment.

    Args:
        root: the folder of experiments.
        name: of the experiment, or a path to its folder with a slash in it.

    Raises:
        UserError: the name is not valid, or there is no such experiment.
    """
    if "/" in name and (Path(name) / FILE).is_file():
        check_name(Path(name).resolve().name)
        return Path(name)
    check_name(name)
    if not (root / name / FILE).is_file():
        files = filter(Path.is_file, root.glob(f"*/{FILE}"))
        names = sorted(path.parent.name for path in files)
        listing = f" (there are: {', '.join(names)})" if names else ""
        raise UserError(
            f"{root / name / FILE}: no such experiment"
            f"{did_you_mean(name, names)}{listing}; {_remedy(name)}"
        )
    return root / name


def _remedy(name: str) -> str:
    """Where an experiment is instead, or how to create it."""
    if (Path(name) / FILE).is_file():
        return f"{Path(name) / FILE} is here: add --root ."
    return f"create it with: {command('new', name, '--source', 'SOURCE')}"


def check_name(name: str) -> None:
    """Check that a name can be the name of an experiment's folder.

    Raises:
        UserError: says which names are allowed.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"experiment name {name[:120]!r}: must be at most {MAX_NAME} letters, "
            "digits, - and _, and begin with a letter or digit"
        )


def read_experiment(
    folder: Path, sets: Iterable[str] = (), typed: Mapping[str, str] | None = None
) -> Experiment:
    """Read and check an experiment, with overrides applied.

    Args:
        folder: the experiment's folder.
        sets: overrides, such as `train.epochs=3`.
        typed: override -> the option that the user typed instead of `--set`.

    Raises:
        UserError: one line for each problem.
    """
    values, lines = yaml_positions.load(folder / FILE)
    overrides = [parse_override(text, (typed or {}).get(text)) for text in sets]
    options: dict[Key, str] = {override.key: override.option for override in overrides}
    source = Source(values, overrides, Origin(folder / FILE, lines, options))
    _announce_task(folder, source.merged())
    experiment, wrong = _validate(source.merged(), source.origin)
    if experiment is None or wrong:
        wrong.sort(key=lambda problem: source.origin.line(problem.key))
        messages = (_message(problem, source) for problem in wrong)
        raise UserError("\n".join(dict.fromkeys(messages)))
    return experiment


def _announce_task(folder: Path, values: Mapping[str, Any]) -> None:
    """List a task of the user's own before it is imported, which checking needs."""
    section = values.get("data")
    task = section.get("task") if isinstance(section, Mapping) else None
    if isinstance(task, str) and OWN.fullmatch(task):
        outside.announce_modules(folder, [task.partition(":")[0]])


def _validate(
    values: dict[str, Any], origin: Origin
) -> tuple[Experiment | None, list[Problem]]:
    """The experiment, if its values fit the schema, and every problem."""
    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError):
        raise UserError(_not_plain(values, origin)) from None
    try:
        experiment = Experiment.model_validate_json(text)
    except ValidationError as error:
        return None, problems(error.errors(), json.loads(text), Experiment)
    misfits = [
        Problem(key, f"{dotted(key)}: {reason}")
        for key, reason in task_rules.misfits(experiment)
    ]
    misfits += [Problem(*misfit) for misfit in builder_rules.misfits(experiment)]
    misfits += [
        Problem(key, f"{dotted(key)}: {reason}")
        for key, reason in budget_rules.misfits(experiment)
    ]
    return experiment, [*_source_problems(experiment.data), *misfits]


def _source_problems(data: DataParams) -> list[Problem]:
    """Sources that do not exist or do not fit the task, found without reading them."""
    wrong = []
    named = data.split_sources or {}
    keys: list[tuple[str, ...]] = [("source",)]
    keys += [("extend",)] * (len(data.sources) - 1)
    keys += [("split_sources", str(name)) for name in named]
    for key, source in zip(keys, data.every_source):
        place = ".".join(("data", *key))
        try:
            check_known(source, place)
            _check_task(source, place, data.task)
        except UserError as error:
            wrong.append(Problem(("data", *key), str(error)))
    return wrong


def _check_task(source: str, key: str, task: str) -> None:
    """Refuse a source whose task is another one."""
    labels = known_labels(source)
    if get(task).degrades:
        _check_images(source, key, task)
        return
    if labels and get(task).labels not in labels:
        tasks = [name for label in labels for name in reading(label)]
        raise UserError(
            f'{key} "{source}": is for data.task {" or ".join(tasks)}, not '
            f"{task}; set data.task, or name another source"
        )


def _check_images(source: str, key: str, task: str) -> None:
    """Refuse a source without images."""
    modality = modality_of(source)
    if modality not in (None, "image"):
        raise UserError(
            f'{key} "{source}": holds {modality}, and data.task {task} needs images; '
            "set data.task, or name another source"
        )


def _message(problem: Problem, source: Source) -> str:
    """A problem after the place, or the options, that caused it."""
    origin = source.origin
    place = origin.of(problem.key)
    if place in origin.options.values():
        return f"{place}: {problem}{_hint_unclosed(problem, source.overrides)}"
    causes = [o.option for o in source.overrides if _is_cause(o, problem, source)]
    if not causes:
        return f"{place}: {problem}"
    also = f" (with {place})" if problem.key in origin.lines else ""
    return f"{' '.join(causes)}{also}: {problem}"


def _is_cause(override: Override, problem: Problem, source: Source) -> bool:
    """Return whether the problem disappears without this override."""
    try:
        return problem not in _validate(source.merged(override), source.origin)[1]
    except UserError:
        return False


def _hint_unclosed(problem: Problem, overrides: Sequence[Override]) -> str:
    """A hint where a list or mapping has no end, perhaps split by the shell."""
    for override in overrides:
        closing = _missing_closing(override) if _concerns(override, problem) else None
        text = override.text
        if closing and (" " in text or text[-1] in ",:"):
            return (
                f'; its "{closing}" is missing: quote a value with spaces as a whole: '
                f"--set '{text} ...{closing}'"
            )
        if closing:
            return f"; its \"{closing}\" is missing: --set '{text}{closing}'"
    return ""


def _concerns(override: Override, problem: Problem) -> bool:
    """Return whether the problem is at or below the override's key."""
    return tuple(map(str, problem.key[: len(override.key)])) == override.key


def _missing_closing(override: Override) -> str | None:
    """The bracket that a list or mapping lacks, where the key allows one."""
    text = override.value
    if not isinstance(text, str):
        return None
    allowed = {opening_bracket(kind) for kind in kinds(override.key, Experiment)}
    closing = CLOSING.get(text[:1]) if text[:1] in allowed else None
    return closing if closing and text.count(closing) < text.count(text[0]) else None


def _not_plain(values: Any, origin: Origin, key: Key = ()) -> str:
    """Name the value that JSON cannot hold."""
    if len(key) > MAX_DEPTH:
        return f"{origin.of(key)}: {key[0]} is nested too deeply, or contains itself"
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for name, value in items:
        try:
            json.dumps({name: value})
        except (TypeError, ValueError, RecursionError):
            inner = (*key, name)
            if isinstance(value, dict | list) and value:
                return _not_plain(value, origin, inner)
            kind = type(value).__name__
            return f"{origin.of(inner)}: {dotted(inner)} is a {kind}; quote it"
    return f"{origin.file}: its values must be plain numbers, texts, lists and mappings"
