"""What an experiment file says of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from pipeline.fit.params import FitSettings

Schedule = FitSettings.model_fields["schedule"].annotation


class TrainParams(FitSettings):
    """How the baseline, which is also the teacher, is fitted.

    Args:
        learning_rate, batch_size, schedule, weight_decay: what the search found best
            if null; what it did not search is as in `FitSettings`.
    """

    learning_rate: float | None = Field(None, gt=0, le=10)
    batch_size: int | None = Field(None, ge=1, le=65_536)
    schedule: Schedule | None = None
    weight_decay: float | None = Field(None, ge=0, le=1)

    def settings(self, tuned: Mapping[str, Any]) -> FitSettings:
        """The settings, with what the search found where nothing is set."""
        given = {
            name: one for name, one in self.model_dump().items() if one is not None
        }
        return FitSettings(**{**tuned, **given})
