"""What an experiment file says of the search."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error, unhashed
from pipeline.engine.workers.factory import Engine, check_address
from pipeline.training.params import FitSettings
from pipeline.models import catalogue
from pipeline.tune.artifact import FITTING

Value = bool | int | float | str
ALIASES = {"lr": "learning_rate"}


class Range(Params):
    """Numbers from `min` to `max`.

    Args:
        step: between neighbours; without it any number, or any whole number.
        log: as likely from 1 to 10 as from 10 to 100.
    """

    min: int | float
    max: int | float
    step: int | float | None = Field(None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} must be below max {self.max}")
        if self.log and (self.min <= 0 or self.step):
            raise ValueError("log needs a min above 0, and no step")
        return self


class Limits(Params):
    """What a model may cost at most; what costs more is not trained.

    Args:
        parameters: trained or not.
        macs: multiply-accumulates of one example.
        bytes_int8: of the int8 file, an estimate.
        activation_bytes: alive at once in int8, an estimate of the arena.
    """

    parameters: int | None = Field(None, ge=1)
    macs: int | None = Field(None, ge=1)
    bytes_int8: int | None = Field(None, ge=1)
    activation_bytes: int | None = Field(None, ge=1)

    def given(self) -> dict[str, int]:
        """The limits that there are."""
        return {name: most for name, most in self.model_dump().items() if most}


class TuneParams(Params):
    """A search by Keras Tuner over what the builder and the training declare.

    Args:
        builder: a family of models, `family:preset`, or `module:function`; where
            it is left out, the task's: mlp for regression, autoencoder for anomaly
            detection.
        builders: makes the family a hyperparameter; `builder` is used if empty.
        values: a value fixes one of the builder's hyperparameters, a list of them
            is searched; the others are searched as the builder declares them.
        space: hyperparameter -> the values, or the range, that is searched.
        fix: hyperparameter -> its value, inside what is searched otherwise.
        algorithm: who proposes.
        trials: that are trained, at most; the first one is the defaults.
        minutes: no trial begins after so many; the result then depends on speed.
        no_improvement: ends the search after so many trials without a better one.
        ahead: trial n is proposed, and judged on its way, knowing the results of
            all before n - ahead + 1 and no other: so no result depends on
            `workers`, of which at most `ahead` have work.
        objective: `accuracy`, which stands for the metric of the task (R2 of
            regression, AUC of anomaly detection), `loss`, or `accuracy_and_size`,
            which spreads the trials along the front of that against int8 bytes.
        limits: a model that costs more is recorded, not trained.
        stop: ends a trial that is worse than the median of those before it, or not
            in the best third (`halving`), at the same epoch; `none` never.
        top: the best so many, and the defaults, are trained again over `seeds`
            seeds before the winner is named; 1 leaves that out.
        seeds: of each finalist.
        keep: trained models of the best so many are published.
        warm_start: trials.json of an earlier search, whose best are tried first.
        epochs, patience: of each trial, and of no other training.
        batch_size: of each trial, and of train unless that has its own.
        examples: of the training split that trials are trained on; all if null.
        workers: trials at once; no result depends on it.
        engine: `local` processes, or tasks of `ray` at `address`.
        address: of the Ray cluster's head, `HOST:6379`.
    """

    builder: str = "cnn"
    builders: list[str] = []
    values: dict[str, Value | list[Value]] = {}
    space: dict[str, list[Value] | Range] = {}
    fix: dict[str, Value] = {}
    algorithm: Literal["random", "grid", "bayesian", "hyperband"] = "random"
    trials: int = Field(6, ge=1, le=10_000)
    minutes: float | None = Field(None, gt=0)
    no_improvement: int | None = Field(None, ge=1)
    ahead: int = Field(4, ge=1, le=1024)
    objective: Literal["accuracy", "loss", "accuracy_and_size"] = "accuracy"
    limits: Limits = Limits()
    stop: Literal["none", "median", "halving"] = "median"
    top: int = Field(2, ge=1, le=100)
    seeds: int = Field(3, ge=2, le=100)
    keep: int = Field(2, ge=0, le=100)
    warm_start: str | None = None
    epochs: int = Field(15, ge=1, le=100_000)
    examples: int | None = Field(None, ge=1)
    batch_size: int = Field(32, ge=1, le=65_536)
    patience: int = Field(5, ge=1)
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
    def _known(cls, name: str) -> str:
        with as_validation_error():
            catalogue.parse(name)
        return name

    @field_validator("builders")
    @classmethod
    def _all_known(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("a builder stands there twice")
        return [cls._known(name) for name in names]

    @field_validator("space", "fix")
    @classmethod
    def _full_names(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {ALIASES.get(name, name): value for name, value in given.items()}

    @field_validator("space")
    @classmethod
    def _something(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name, entry in given.items():
            if isinstance(entry, list):
                _check_choices(name, entry)
        return given

    @model_validator(mode="after")
    def _once(self) -> TuneParams:
        for name in self.space:
            if name in self.fix or name in self.values:
                raise ValueError(f"{name} is in tune.space and fixed or listed as well")
        return self

    @model_validator(mode="after")
    def _training_takes_it(self) -> TuneParams:
        for key in ("fix", "space"):
            for name, given in getattr(self, key).items():
                if name in FITTING:
                    _check_training(f"{key}.{name}", name, given)
        return self


def _check_training(where: str, name: str, given: Any) -> None:
    """Hold a hyperparameter of the training against what the fit accepts."""
    ends = [given.min, given.max] if isinstance(given, Range) else given
    for value in ends if isinstance(ends, list) else [ends]:
        try:
            FitSettings.model_validate({name: value})
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ValueError(f"{where}: {reason}; received {value!r}") from None


def _check_choices(name: str, entry: list[Any]) -> None:
    if not entry:
        raise ValueError(f"{name}: an empty list leaves nothing to search")
    if len({type(value) for value in entry}) > 1:
        raise ValueError(f"{name}: all values must be of one kind, such as [1.0, 0.5]")
    if len(set(entry)) < len(entry):
        raise ValueError(f"{name}: a value stands there twice")
