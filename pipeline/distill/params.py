"""What an experiment file says of distillation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error, unhashed
from pipeline.training.params import FitSettings
from pipeline.models import catalogue

Value = bool | int | float | str
TRAINED = "train"
WIDTH = 0.25


class Teacher(Params):
    """One of several teachers.

    Args:
        model: `train` is the train stage's model, anything else a .keras file.
        weight: of its opinion; weights are scaled to add up to 1.
    """

    model: str = TRAINED
    weight: float = Field(1.0, gt=0)


class Hint(Params):
    """Features that the student is to have like its first teacher.

    Args:
        kind: `fitnets` (with a learnt projector), `attention` or `relation`.
        student, teacher: names of layers; `show model` lists them.
        weight: of this loss beside the others.
    """

    kind: Literal["fitnets", "attention", "relation"] = "fitnets"
    student: str
    teacher: str
    weight: float = Field(1.0, gt=0)


class DistillParams(FitSettings):
    """How the student is made and taught.

    Args:
        builder: of the student; the teacher's if null.
        values: hyperparameters of the student's builder that differ from the
            teacher's, or of another builder from its defaults.
        width: of every hidden layer, as a part of the teacher's; of another builder,
            as a part of its own default. One without `width` stays as it is at 0.25,
            the default, and refuses any other number. Not with `values.width`.
        smallest: the student is the smallest of tune's front whose score is at most so
            much below the front's best (0.02: two points); instead of `builder`,
            `values` and `width`. Wants `tune.objective: accuracy_and_size`, or sizes in
            `tune.space`.
        teachers: who teaches; several are weighted.
        imitation: of classes: `hinton`, `standardised` or `decoupled`. Numbers, and
            what is rebuilt, are held against the teacher's by the same loss as
            against the true ones.
        temperature: softens both outputs; of classes alone.
        weight: of the imitation of the teacher; the rest goes to the true answers.
        temperature_end, weight_end: reached in a straight line; null stays.
        hints: losses on features, beside those on outputs.
        generations: each student teaches the next one (born again).
        replicates: seeds with and without a teacher, for the gain and its interval.
        workers: students at once; no result depends on it.
    """

    epochs: int = Field(80, ge=1, le=100_000)
    learning_rate: float = Field(4e-3, gt=0, le=10)
    patience: int = Field(25, ge=1)
    builder: str | None = None
    values: dict[str, Value] = {}
    width: float = Field(WIDTH, gt=0, le=4)
    smallest: float | None = Field(None, ge=0)
    teachers: list[Teacher] = Field([Teacher()], min_length=1)
    imitation: Literal["hinton", "standardised", "decoupled"] = "hinton"
    temperature: float = Field(4.0, gt=0, le=100)
    temperature_end: float | None = Field(None, gt=0, le=100)
    weight: float = Field(0.7, ge=0, le=1)
    weight_end: float | None = Field(None, ge=0, le=1)
    hints: list[Hint] = []
    generations: int = Field(1, ge=1, le=10)
    replicates: int = Field(3, ge=1, le=100)
    workers: int = unhashed(2, ge=1, le=256)

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if "width" in self.values and self.width != WIDTH:
            raise ValueError(
                f"width {self.width:g} and values.width {self.values['width']}: give "
                "one; values.width is the builder's own, whatever the teacher's is"
            )
        return self

    @model_validator(mode="after")
    def _one_student(self) -> Self:
        given = {"builder": self.builder, "values": self.values}
        said = [name for name, value in given.items() if value]
        said += ["width"] if self.width != WIDTH else []
        if self.smallest is not None and said:
            raise ValueError(
                f"smallest {self.smallest:g} takes a student from tune's front, and "
                f"{', '.join(said)} would make another one: leave one of them out"
            )
        return self

    @field_validator("builder")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        with as_validation_error():
            if name is not None:
                catalogue.parse(name)
        return name
