"""How the test split is evaluated."""

from __future__ import annotations

from pydantic import Field

from pipeline.engine.params import Params


class EvaluateParams(Params):
    """Section `evaluate` of an experiment.

    Attributes:
        resamples: bootstrap resamples behind the interval of each drop.
    """

    resamples: int = Field(2000, ge=100, le=100_000)
