"""Section `tune` of an experiment file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error, unhashed
from pipeline.core.wording import repeated
from pipeline.engine.workers.factory import Engine, check_address
from pipeline.models import catalogue
from pipeline.training.params import FitSettings
from pipeline.tune.artifact import TRAINING

Value = bool | int | float | str
ALIASES = {"lr": "learning_rate"}


class Range(Params):
    """Numbers from `min` to `max`.

    Args:
        min, max: bounds, both included.
        step: distance of neighboring values; null for every number, or every whole
            number.
        log: sample logarithmically: 1 to 10 is as likely as 10 to 100.
    """

    min: int | float
    max: int | float
    step: int | float | None = Field(default=None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} must be below max {self.max}")
        if self.log and (self.min <= 0 or self.step):
            raise ValueError("log needs a min above 0, and no step")
        return self


class Limits(Params):
    """Maximum costs of a model; a model above a limit is not trained.

    Args:
        parameters: number of parameters, trainable or not.
        macs: multiply-accumulate operations per example.
        bytes_int8: size of the int8 file, an estimate.
        activation_bytes: peak size of int8 activations, an estimate of the arena.
    """

    parameters: int | None = Field(default=None, ge=1)
    macs: int | None = Field(default=None, ge=1)
    bytes_int8: int | None = Field(default=None, ge=1)
    activation_bytes: int | None = Field(default=None, ge=1)

    def configured(self) -> dict[str, int]:
        """Return the limits that are set."""
        return {name: limit for name, limit in self.model_dump().items() if limit}


class TuneParams(Params):
    """A search by Keras Tuner over the hyperparameters of builder and training.

    Args:
        builder: builder of the models: `family`, `family:preset` or `module:function`;
            the default depends on task and data: cnn for classes of images and clips,
            mlp for tables and for regression, bag_of_embeddings for texts, autoencoder
            for anomaly detection.
        builders: several builders, which makes the family a hyperparameter; `builder`
            is used if empty.
        values: hyperparameter of the builder -> a value that fixes it, or a list that
            is searched; the others are searched as the builder declares them.
        space: hyperparameter -> the values, or the range, that is searched.
        fix: hyperparameter -> its value, inside the range that is otherwise searched.
        algorithm: proposes the trials.
        trials: maximum number of trained trials; the first one has the defaults.
        minutes: no trial starts after this time; the result then depends on speed.
        no_improvement: ends the search after this many trials without a better one.
        lookahead: maximum number of trials that are proposed before the result of the
            first of them is used. Trial n is proposed, and terminated early, by the
            results of trials up to n - lookahead and no other, so no result depends on
            `workers`; at most this many workers are busy.
        objective: `accuracy`, which stands for the metric of the task (R2 of
            regression, AUC of anomaly detection), `loss`, or `accuracy_and_size`,
            which spreads the trials along the Pareto front of metric and int8 bytes.
        limits: a model above a limit is recorded as infeasible, not trained.
        early_termination: terminates a trial that is worse than the median of earlier
            ones at the same epoch (`median`), or not in the best third after a third, a
            ninth, ... of the epochs (`halving`); `none` for never.
        finalists: the best trials, this many, and the defaults are trained again over
            `seeds` seeds to find the winner; 1 trains none again.
        seeds: number of seeds per finalist.
        keep_models: number of trained models that are published, the best ones.
        warm_start: trials.json of an earlier search, whose best are tried first.
        epochs, patience: of each trial, but not of other stages.
        batch_size: of each trial, and of train unless it sets its own.
        examples: number of training examples that trials use; null for all.
        workers: maximum number of trials at once; affects no result.
        engine: `local` processes, or tasks of `ray` at `address`.
        address: address of the head of the Ray cluster, `HOST:6379`.
    """

    builder: str = "cnn"
    builders: list[str] = Field(default_factory=list)
    values: dict[str, Value | list[Value]] = Field(default_factory=dict)
    space: dict[str, list[Value] | Range] = Field(default_factory=dict)
    fix: dict[str, Value] = Field(default_factory=dict)
    # Random search has no assumptions and is hard to beat with few trials.
    algorithm: Literal["random", "grid", "bayesian", "hyperband"] = "random"
    trials: int = Field(default=6, ge=1, le=10_000)
    minutes: float | None = Field(default=None, gt=0)
    no_improvement: int | None = Field(default=None, ge=1)
    lookahead: int = Field(default=4, ge=1, le=1024)
    objective: Literal["accuracy", "loss", "accuracy_and_size"] = "accuracy"
    limits: Limits = Limits()
    early_termination: Literal["none", "median", "halving"] = "median"
    finalists: int = Field(default=2, ge=1, le=100)
    seeds: int = Field(default=3, ge=2, le=100)
    keep_models: int = Field(default=2, ge=0, le=100)
    warm_start: str | None = None
    epochs: int = Field(default=15, ge=1, le=100_000)
    examples: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1, le=65_536)
    patience: int = Field(default=5, ge=1)
    workers: int = unhashed(2, ge=1, le=256)
    engine: Engine = unhashed("local")
    address: str | None = unhashed(None)

    _address_of_ray = model_validator(mode="after")(check_address)

    @property
    def families(self) -> tuple[str, ...]:
        """The builders that are searched."""
        return tuple(self.builders) or (self.builder,)

    @field_validator("builder")
    @classmethod
    def _existing_builder(cls, name: str) -> str:
        with as_validation_error():
            catalogue.parse(name)
        return name

    @field_validator("builders")
    @classmethod
    def _existing_builders(cls, names: list[str]) -> list[str]:
        duplicates = sorted(repeated(names))
        if duplicates:
            raise ValueError(f"duplicate builder: {', '.join(duplicates)}")
        return [cls._existing_builder(name) for name in names]

    @field_validator("space", "fix")
    @classmethod
    def _full_names(cls, entries: dict[str, Any]) -> dict[str, Any]:
        return {ALIASES.get(name, name): value for name, value in entries.items()}

    @field_validator("space")
    @classmethod
    def _valid_lists(cls, entries: dict[str, Any]) -> dict[str, Any]:
        for name, entry in entries.items():
            if isinstance(entry, list):
                _check_choices(name, entry)
        return entries

    @model_validator(mode="after")
    def _single_definition(self) -> TuneParams:
        for name in self.space:
            if name in self.fix or name in self.values:
                raise ValueError(
                    f"{name} is in tune.space and also in tune.fix or tune.values; "
                    "remove one"
                )
        return self

    @model_validator(mode="after")
    def _valid_training(self) -> TuneParams:
        for key in ("fix", "space"):
            for name, entry in getattr(self, key).items():
                if name in TRAINING:
                    _check_training(f"{key}.{name}", name, entry)
        return self


def _check_training(where: str, name: str, entry: Any) -> None:
    """Validate a hyperparameter of the training by the settings of a fit."""
    values = [entry.min, entry.max] if isinstance(entry, Range) else entry
    for value in values if isinstance(values, list) else [values]:
        try:
            FitSettings.model_validate({name: value})
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ValueError(f"{where}: {reason}; received {value!r}") from None


def _check_choices(name: str, entry: list[Any]) -> None:
    if not entry:
        raise ValueError(f"{name}: an empty list leaves nothing to search")
    if len({type(value) for value in entry}) > 1:
        raise ValueError(f"{name}: all values need the same type, such as [1.0, 0.5]")
    duplicates = sorted(repeated(entry))
    if duplicates:
        raise ValueError(f"{name}: duplicate value: {', '.join(map(str, duplicates))}")
