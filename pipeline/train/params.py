"""What an experiment file says of training."""

from __future__ import annotations

from pydantic import Field

from pipeline.fit.params import FitSettings


class TrainParams(FitSettings):
    """How the baseline, which is also the teacher, is fitted.

    Args:
        learning_rate: the one that the search found best, if null.
    """

    learning_rate: float | None = Field(None, gt=0, le=10)

    def settings(self, tuned_rate: float) -> FitSettings:
        """The settings with the learning rate filled in."""
        values = self.model_dump()
        return FitSettings(
            **{**values, "learning_rate": self.learning_rate or tuned_rate}
        )
