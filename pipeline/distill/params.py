"""What an experiment file says of distillation."""

from __future__ import annotations

from pydantic import Field

from pipeline.fit.params import FitSettings


class DistillParams(FitSettings):
    """How the student is made and taught.

    Args:
        width: multiplies the width of every hidden layer of the teacher's builder.
        temperature: softens both outputs.
        weight: of the imitation of the teacher; the rest goes to the true classes.
    """

    epochs: int = Field(80, ge=1, le=100_000)
    learning_rate: float = Field(4e-3, gt=0, le=10)
    patience: int = Field(25, ge=1)
    width: float = Field(0.25, gt=0, le=4)
    temperature: float = Field(4.0, gt=0, le=100)
    weight: float = Field(0.7, ge=0, le=1)
