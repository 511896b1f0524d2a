"""Section `distill.search` of an experiment file: a search for the student."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error
from pipeline.models import catalogue
from pipeline.tune.artifact import TRAINING
from pipeline.tune.params import Limits, Range

Value = bool | int | float | str
LIMITS = ", ".join(Limits.model_fields)


class StudentSearch(Params):
    """A search for the student: the best models within limits of cost.

    Args:
        limits: maximum `parameters`, `macs`, `bytes_int8` and `activation_bytes` of a
            candidate, computed from its graph; one above a limit is not trained.
        max_drop: of the finalists, take the smallest whose mean score is at most this
            much below the best (0.01 is one point).
        builders: builders that are searched; the teacher's if empty.
        values: hyperparameter of a builder -> a value that fixes it, or a list that
            is searched; the others are searched as the builder declares them.
        space: hyperparameter of a builder -> the values, or the range, that is
            searched; with several builders the names are `builder/name`. `width` is
            searched from 0.125 to 1 unless it is named here or in `values`.
        trials: maximum number of candidates that are trained; the result depends on
            it and not on speed.
        minutes: no trial starts after this time; the result then depends on speed.
        epochs: of a trial; candidates that are not in the best third after a ninth
            and a third of them are terminated.
        lookahead: maximum number of trials that are proposed before the result of the
            first of them is used.
        finalists: the best trials on the front of score and size, this many, are
            trained with all epochs of `distill` over `seeds` new seeds.
        seeds: number of seeds per finalist.
    """

    limits: Limits = Limits()
    max_drop: float = Field(default=0.0, ge=0)
    builders: list[str] = Field(default_factory=list)
    values: dict[str, Value | list[Value]] = Field(default_factory=dict)
    space: dict[str, list[Value] | Range] = Field(default_factory=dict)
    trials: int = Field(default=12, ge=2, le=10_000)
    minutes: float | None = Field(default=None, gt=0)
    epochs: int = Field(default=20, ge=1, le=100_000)
    lookahead: int = Field(default=4, ge=1, le=1024)
    finalists: int = Field(default=3, ge=2, le=100)
    seeds: int = Field(default=2, ge=2, le=100)

    @field_validator("builders")
    @classmethod
    def _existing_builders(cls, names: list[str]) -> list[str]:
        for name in names:
            with as_validation_error():
                catalogue.parse(name)
        return names

    @field_validator("values", "space")
    @classmethod
    def _of_a_builder(cls, entries: dict[str, Any]) -> dict[str, Any]:
        for name in entries:
            if name in (*TRAINING, "augmentation"):
                raise ValueError(
                    f"{name} belongs to the training, and the search is over models; "
                    f"set distill.{name}"
                )
        return entries

    @model_validator(mode="after")
    def _has_a_limit(self) -> StudentSearch:
        if not self.limits.configured():
            raise ValueError(
                f"search.limits is empty: set at least one of {LIMITS}, such as "
                "bytes_int8: 16000"
            )
        return self
