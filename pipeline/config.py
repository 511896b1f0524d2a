"""The typed experiment file: experiments/<name>/experiment.yaml and `--set a.b=v`.

Values come from the schema's defaults, then the file, then `--set`. Whatever is
wrong is one error that names the file and line (or the option), the key, what
was received, what is allowed, and the nearest valid name.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from pipeline import tasks, yamlfile
from pipeline.augment.params import AugmentParams
from pipeline.chain import CHAIN
from pipeline.compress.params import CompressParams
from pipeline.data.params import DataParams
from pipeline.distill.params import DistillParams
from pipeline.engine.errors import UserError, nearest
from pipeline.engine.params import Params
from pipeline.engine.stage import Job
from pipeline.evaluate.params import EvaluateParams
from pipeline.report.params import ReportParams
from pipeline.tracking.params import TrackingParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
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
                return f"--set {self.overrides[part]}"
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


def load_experiment(folder: Path, sets: Iterable[str] = ()) -> Experiment:
    """Read and check an experiment, with `--set` texts applied."""
    values, lines = yamlfile.load(folder / FILE)
    overrides: dict[yamlfile.Key, str] = {}
    for text in sets:
        key, value = _parse_set(text)
        _assign(values, key, value, text)
        overrides[key] = text
    origin = Origin(folder / FILE, lines, overrides)
    experiment = _validate(values, origin)
    _check_task(experiment, origin)
    return experiment


def _check_task(experiment: Experiment, origin: Origin) -> None:
    found = [
        f"{origin.of(key)}: {'.'.join(key)}: {reason}"
        for key, reason in tasks.misfits(experiment)
    ]
    if found:
        raise UserError("\n".join(found))


def _parse_set(text: str) -> tuple[yamlfile.Key, Any]:
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise UserError(f"--set {text}: must be of the form section.key=value")
    return tuple(key.strip().split(".")), yamlfile.parse_value(value)


def _assign(values: dict[str, Any], key: yamlfile.Key, value: Any, text: str) -> None:
    *above, last = key
    for part in above:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {text}: {part} is a single value, not a section")
        values = inner
    values[last] = value


def _validate(values: dict[str, Any], origin: Origin) -> Experiment:
    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError):
        raise UserError(_not_plain(values, origin)) from None
    try:
        return Experiment.model_validate_json(text)
    except ValidationError as error:
        found = [_message(item, origin) for item in error.errors()]
        raise UserError("\n".join(dict.fromkeys(found))) from None


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
            dotted = ".".join(map(str, (*key, name)))
            return f"{origin.of((*key, name))}: {dotted} is a {kind}; quote it"
    return f"{origin.file}: not plain values"


def _message(item: dict[str, Any], origin: Origin) -> str:
    key = tuple(part for part in item["loc"] if part != "function-after")
    dotted = ".".join(map(str, key)) or "the file"
    where = origin.of(key)
    if item["type"] == "extra_forbidden":
        allowed = _names(key[:-1])
        hint = nearest(str(key[-1]), allowed) or f" (there are: {', '.join(allowed)})"
        return f"{where}: no key {dotted}{hint}"
    if item["type"] == "missing":
        return f"{where}: {dotted} is missing; it has no default"
    received = json.dumps(item["input"])
    received = received if len(received) < 80 else received[:77] + "..."
    reason = item["msg"].removeprefix("Value error, ")
    return f"{where}: {dotted}: {reason}; received {received}"


def _names(section: yamlfile.Key) -> list[str]:
    model: Any = Experiment
    for part in section:
        field = model.model_fields.get(str(part))
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return list(model.model_fields)
