"""What an experiment file says of the search."""

from __future__ import annotations

from pydantic import Field, field_validator

from pipeline.engine.errors import nearest
from pipeline.engine.params import Params, unhashed
from pipeline.models.catalogue import BUILDER_MODULES


class TuneParams(Params):
    """A random search over what the builder declares, and the learning rate.

    Args:
        builder: the family of models.
        trials: the first one is the builder's defaults.
        epochs: of each trial, at most.
        workers: trials at once; no result depends on it.
    """

    builder: str = "cnn"
    trials: int = Field(6, ge=1, le=10_000)
    epochs: int = Field(15, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    patience: int = Field(5, ge=1)
    workers: int = unhashed(2, ge=1, le=256)

    @field_validator("builder")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BUILDER_MODULES:
            known = ", ".join(BUILDER_MODULES)
            hint = nearest(name, BUILDER_MODULES)
            raise ValueError(f'no builder "{name}"{hint} (there are: {known})')
        return name
