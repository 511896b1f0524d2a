"""What an experiment file says of the search."""

from __future__ import annotations

from pydantic import Field, field_validator

from pipeline.engine.errors import UserError
from pipeline.engine.params import Params, unhashed
from pipeline.models import catalogue

Value = bool | int | float | str


class TuneParams(Params):
    """A random search over what the builder declares, and the learning rate.

    Args:
        builder: a family of models, `family:preset`, or `module:function`.
        values: a value fixes one of the builder's hyperparameters, a list of them
            is searched; the others are searched as the builder declares them.
        trials: the first one is the builder's defaults.
        epochs: of each trial, at most.
        workers: trials at once; no result depends on it.
    """

    builder: str = "cnn"
    values: dict[str, Value | list[Value]] = {}
    trials: int = Field(6, ge=1, le=10_000)
    epochs: int = Field(15, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    patience: int = Field(5, ge=1)
    workers: int = unhashed(2, ge=1, le=256)

    @field_validator("builder")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            catalogue.parse(name)
        except UserError as error:
            raise ValueError(str(error)) from None
        return name
