"""The typed experiment file: experiments/<name>/experiment.yaml and `--set a.b=v`.

Values come from the schema's defaults, then the file, then `--set`. Whatever is
wrong is one error that names the file and line (or the option), the key, what
was received, what is allowed, and the nearest valid name.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline import tasks, yamlfile
from pipeline.augment.params import AugmentParams
from pipeline.chain import CHAIN
from pipeline.complaints import Complaint, complaints, dotted, kinds, opening
from pipeline.compress.params import CompressParams
from pipeline.data.sources.registry import check_known, known_task
from pipeline.data.params import DataParams
from pipeline.distill.params import DistillParams
from pipeline.core.errors import UserError, nearest
from pipeline.core.params import Params
from pipeline.engine.stage import Job
from pipeline.evaluate.params import EvaluateParams
from pipeline.report.params import ReportParams
from pipeline.tracking.params import TrackingParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams

LONGEST = 100  # characters of an experiment's name
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")
FILE = "experiment.yaml"
DEEPEST = 20  # sections within sections


class Experiment(Params):
    """Everything that an experiment can set.

    Args:
        seed: every random draw of the experiment is derived from it.
        threads: threads inside one TensorFlow operation; part of the bits.
        portability: `native` fixes the bits on one machine at no cost,
            `portable` as far as can be on every machine, at a cost in speed.
        tracking: where runs are also recorded; changes no result.
    """

    seed: int = Field(1, ge=0, lt=2**31)
    threads: int = Field(1, ge=1, le=256)
    portability: Literal["native", "portable"] = "native"
    data: DataParams
    augment: AugmentParams = AugmentParams()
    tune: TuneParams = TuneParams()
    train: TrainParams = TrainParams()
    distill: DistillParams = DistillParams()
    compress: CompressParams = CompressParams()
    evaluate: EvaluateParams = EvaluateParams()
    report: ReportParams = ReportParams()
    tracking: TrackingParams = TrackingParams()

    @model_validator(mode="before")
    @classmethod
    def _builder_of_the_task(cls, values: Any) -> Any:
        return tasks.with_builder(values)

    def job(self, folder: Path, overrides: Iterable[str] = ()) -> Job:
        """The experiment as the engine sees it.

        Args:
            overrides: the `--set` texts that it was loaded with.
        """
        params = {stage.name: getattr(self, stage.name) for stage in CHAIN}
        keys = ("seed", "threads", "portability")
        settings = {key: getattr(self, key) for key in keys}
        return Job(folder, CHAIN, params, settings, tuple(overrides))


@dataclass(frozen=True)
class Origin:
    """Where values came from, for error messages."""

    file: Path
    lines: dict[yamlfile.Key, int]
    overrides: dict[yamlfile.Key, str]

    def of(self, key: yamlfile.Key) -> str:
        """`experiments/digits/experiment.yaml, line 7` or `--set train.epochs=x`."""
        for length in range(len(key), 0, -1):
            part = tuple(str(word) for word in key[:length])
            if part in self.overrides:
                return self.overrides[part]
            if key[:length] in self.lines:
                return f"{self.file}, line {self.lines[key[:length]]}"
        return str(self.file)


def experiment_folder(root: Path, name: str) -> Path:
    """The folder of an experiment that exists.

    Raises:
        UserError: for a name that is not one, or is not there.
    """
    check_name(name)
    if not (root / name / FILE).is_file():
        known = sorted(path.parent.name for path in root.glob(f"*/{FILE}"))
        there = f" (there are: {', '.join(known)})" if known else ""
        raise UserError(
            f"{root / name / FILE}: no such experiment{nearest(name, known)}{there}; "
            f"make one with: python -m pipeline new {name} --source SOURCE"
        )
    return root / name


def check_name(name: str) -> None:
    """Names are folder names: letters, digits, `_` and `-`."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"experiment name {name[:120]!r}: must be at most 100 letters, digits, - "
            "and _, and begin with a letter or digit"
        )


def split_sets(text: str) -> list[str]:
    """`'train.epochs=3 augment.policy="flip | pad(2)"'` as separate settings."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(f"SET={text}: {error}") from None


def load_experiment(
    folder: Path, sets: Iterable[str] = (), typed: Mapping[str, str] | None = None
) -> Experiment:
    """Read and check an experiment, with `--set` texts applied.

    Args:
        typed: `--set` text -> the option that the user gave in its place.
    """
    values, lines = yamlfile.load(folder / FILE)
    given = [parse_set(text, (typed or {}).get(text)) for text in sets]
    origin = Origin(folder / FILE, lines, {one.key: one.option for one in given})
    experiment, found = _checked(_with(values, given), origin)
    if experiment is None or found:
        told = (_told(one, values, given, origin) for one in found)
        raise UserError("\n".join(dict.fromkeys(told)))
    return experiment


@dataclass(frozen=True)
class Override:
    """One `--set` text, and what it says.

    Args:
        option: as the user gave it: `--set seed=3`.
    """

    text: str
    key: yamlfile.Key
    value: Any
    option: str


def parse_set(text: str, option: str | None = None) -> Override:
    """Read `section.key=value`; the value is as YAML has it."""
    option = option or f"--set {text}"
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise UserError(
            f"{option}: must be of the form section.key=value; a value with spaces "
            "needs quotes: --set 'section.key=[1, 2]'"
        )
    parts = tuple(key.strip().split("."))
    return Override(text, parts, yamlfile.parse_value(value), option)


def _with(values: dict[str, Any], given: Sequence[Override]) -> dict[str, Any]:
    """The values of the file, with those of `--set` in their place."""
    values = dict(values)
    for one in given:
        _assign(values, one)
    return values


def _assign(values: dict[str, Any], one: Override) -> None:
    *above, last = one.key
    for at, part in enumerate(above, 1):
        inner = values.get(part, {})
        if not isinstance(inner, dict):
            raise UserError(f"{one.option}: {_no_section(above[:at], inner)}")
        values[part] = dict(inner)
        values = values[part]
    values[last] = one.value


def _no_section(key: Sequence[str], value: Any) -> str:
    name = dotted(tuple(key))
    if isinstance(value, list):
        return f"{name} is a list, which is set as a whole: --set '{name}=[a, b]'"
    return f"{name} is a single value, not a section"


def _checked(
    values: dict[str, Any], origin: Origin
) -> tuple[Experiment | None, list[Complaint]]:
    """The experiment, and what is wrong with it."""
    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError):
        raise UserError(_not_plain(values, origin)) from None
    try:
        experiment = Experiment.model_validate_json(text)
    except ValidationError as error:
        return None, complaints(error.errors(), json.loads(text), Experiment)
    found = [
        Complaint(key, f"{dotted(key)}: {why}")
        for key, why in tasks.misfits(experiment)
    ]
    return experiment, [*_unknown(experiment.data), *found]


def _unknown(data: DataParams) -> list[Complaint]:
    """Sources that are not there or do not serve, as is known without looking."""
    found = []
    for at, source in enumerate(data.sources):
        key = "extend" if at else "source"
        try:
            check_known(source, f"data.{key}")
            _check_task(source, f"data.{key}", data.task)
        except UserError as error:
            found.append(Complaint(("data", key), str(error)))
    return found


def _check_task(source: str, key: str, task: str) -> None:
    """Refuse a source that is known to be for another task."""
    known = known_task(source)
    if task != "anomaly" and known not in (None, task):
        raise UserError(
            f'{key} "{source}": is for data.task {known}, not {task}; set data.task: '
            f"{known}, or name another source"
        )


def _told(
    one: Complaint, values: dict[str, Any], given: Sequence[Override], origin: Origin
) -> str:
    """A mistake after the place where it was made."""
    where = origin.of(one.key)
    if where in origin.overrides.values():
        return f"{where}: {one}{_unclosed(one, given)}"
    causes = [e.option for e in given if _is_cause(e, one, values, given, origin)]
    if not causes:
        return f"{where}: {one}"
    also = f" (with {where})" if one.key in origin.lines else ""
    return f"{' '.join(causes)}{also}: {one}"


def _is_cause(
    cause: Override,
    one: Complaint,
    values: dict[str, Any],
    given: Sequence[Override],
    origin: Origin,
) -> bool:
    """Whether a mistake is gone where one of the `--set` texts is left out."""
    others = [other for other in given if other is not cause]
    try:
        return one not in _checked(_with(values, others), origin)[1]
    except UserError:
        return False


def _unclosed(one: Complaint, given: Sequence[Override]) -> str:
    """What to do where a list or a mapping has no end, as a shell may have cut it."""
    for text, key, value in ((e.text, e.key, e.value) for e in given):
        mine = tuple(map(str, one.key[: len(key)])) == key
        end = _missing_end(value, key) if mine and isinstance(value, str) else None
        if end and (" " in text or text[-1] in ",:"):
            return (
                f'; its "{end}" is missing: with spaces in it, put all of it in '
                f"quotes: --set '{text} ...{end}'"
            )
        if end:
            return f"; its \"{end}\" is missing: --set '{text}{end}'"
    return ""


def _missing_end(text: str, key: yamlfile.Key) -> str | None:
    """The sign that a list or a mapping lacks, where one may stand at the key."""
    allowed = {opening(kind) for kind in kinds(key, Experiment)}
    end = {"[": "]", "{": "}"}.get(text[:1]) if text[:1] in allowed else None
    return end if end and text.count(end) < text.count(text[0]) else None


def _not_plain(values: Any, origin: Origin, key: yamlfile.Key = ()) -> str:
    if len(key) > DEEPEST:
        return f"{origin.of(key)}: {key[0]} is nested too deeply, or holds itself"
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for name, value in items:
        try:
            json.dumps({name: value})
        except (TypeError, ValueError, RecursionError):
            if isinstance(value, dict | list) and value:
                return _not_plain(value, origin, (*key, name))
            kind = type(value).__name__
            inner = (*key, name)
            return f"{origin.of(inner)}: {dotted(inner)} is a {kind}; quote it"
    return f"{origin.file}: not plain values"
