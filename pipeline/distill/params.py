"""Section `distill` of an experiment file."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error, unhashed
from pipeline.distill.search_params import StudentSearch
from pipeline.models import catalogue
from pipeline.training.params import FitSettings

Value = bool | int | float | str
TRAINED = "train"
# Names of losses in papers and in earlier versions -> the name here.
OTHER_NAMES = {
    "hinton": "kd",
    "standardised": "standardized_kd",
    "standardized": "standardized_kd",
    "logit_standardization": "standardized_kd",
    "decoupled": "dkd",
}
WIDTH = 0.25  # of the teacher's: about a sixteenth of its parameters


class Teacher(Params):
    """One of several teachers.

    Args:
        model: `train` for the model of the train stage, or the path of a .keras file.
        weight: weight of its outputs; weights are scaled to sum to 1.
    """

    model: str = TRAINED
    weight: float = Field(default=1.0, gt=0)


class Hint(Params):
    """A loss on features of one layer of the student and one of the first teacher.

    Args:
        kind: `fitnets` (with a learned projector), `attention` or `relation`.
        student, teacher: name of a layer; `show model` lists them.
        weight: weight of this loss, added to the loss on the outputs.
    """

    kind: Literal["fitnets", "attention", "relation"] = "fitnets"
    student: str
    teacher: str
    weight: float = Field(default=1.0, gt=0)


class DistillParams(FitSettings):
    """How the student is built and trained.

    Args:
        builder: builder of the student; the teacher's if null.
        values: hyperparameters of the student's builder that differ from the teacher's,
            or from the defaults of another builder.
        width: factor on the width of every hidden layer of the teacher, or on the
            default width of another builder, by the hyperparameter `width` of the
            builder. A teacher's builder without it is refused before the run, as is
            any number but the default, 0.25, for another builder without it, whose
            model is then unchanged. Excludes `values.width`.
        smallest: take the smallest model on tune's Pareto front whose score is at most
            this much below the best (0.02 is two points), instead of `builder`,
            `values` and `width`. Useful with `tune.objective: accuracy_and_size`, or
            with sizes in `tune.space`.
        search: find the student by a search within limits of cost, instead of
            `builder`, `values`, `width` and `smallest`; null for no search.
        teachers: models whose outputs are distilled; several are weighted.
        distillation_loss: loss on the teacher's logits: `kd`, `standardized_kd` or
            `dkd`. For classification only; regression and anomaly detection use the
            loss on the labels with the teacher's outputs as targets.
        temperature: divides the logits of student and teacher in the distillation loss;
            for classification only.
        distillation_weight: weight of the distillation loss; the loss on the labels
            has the rest of 1.
        temperature_end, distillation_weight_end: value at the last epoch, approached
            linearly; null for no change.
        hints: losses on features, added to the loss on the outputs.
        generations: number of students in a row, each the teacher of the next
            (born-again networks).
        replicates: number of seeds, each with and without a teacher, for the gain and
            its confidence interval.
        workers: maximum number of students trained at once; affects no result.
    """

    epochs: int = Field(default=80, ge=1, le=100_000)
    learning_rate: float = Field(default=4e-3, gt=0, le=10)
    patience: int = Field(default=25, ge=1)
    builder: str | None = None
    values: dict[str, Value] = Field(default_factory=dict)
    width: float = Field(default=WIDTH, gt=0, le=4)
    smallest: float | None = Field(default=None, ge=0)
    search: StudentSearch | None = None
    teachers: list[Teacher] = Field(default=[Teacher()], min_length=1)
    distillation_loss: Literal["kd", "standardized_kd", "dkd"] = "kd"
    temperature: float = Field(default=4.0, gt=0, le=100)  # usual in the literature
    temperature_end: float | None = Field(default=None, gt=0, le=100)
    distillation_weight: float = Field(default=0.7, ge=0, le=1)
    distillation_weight_end: float | None = Field(default=None, ge=0, le=1)
    hints: list[Hint] = Field(default_factory=list)
    generations: int = Field(default=1, ge=1, le=10)
    replicates: int = Field(default=3, ge=1, le=100)  # fewer have a useless interval
    workers: int = unhashed(2, ge=1, le=256)

    @property
    def named_builders(self) -> tuple[str, ...]:
        """Builders of the student that the section names; empty for the teacher's."""
        searched = self.search.builders if self.search else []
        return (*([self.builder] if self.builder else []), *searched)

    def with_student(self, builder: str, values: dict[str, Any]) -> Self:
        """Return the section with a student in the place of the search.

        Args:
            builder: of the student.
            values: its hyperparameter -> value.
        """
        student = {"builder": builder, "values": values, "search": None}
        return self.model_copy(update=student)

    @field_validator("distillation_loss", mode="before")
    @classmethod
    def _other_name(cls, name: Any) -> Any:
        if isinstance(name, str) and name in OTHER_NAMES:
            raise ValueError(f"{name} is called {OTHER_NAMES[name]} here; write that")
        return name

    @model_validator(mode="after")
    def _single_width(self) -> Self:
        if "width" in self.values and self.width != WIDTH:
            raise ValueError(
                f"width {self.width:g} and values.width {self.values['width']} exclude "
                "each other: width is relative to the teacher, values.width is the "
                "builder's own; remove one"
            )
        return self

    @model_validator(mode="after")
    def _single_choice_of_student(self) -> Self:
        others = {"builder": self.builder, "values": self.values}
        excluded = [name for name, value in others.items() if value]
        excluded += ["width"] if self.width != WIDTH else []
        if self.smallest is not None and excluded:
            raise ValueError(
                f"smallest {self.smallest:g} takes the student from tune's Pareto "
                f"front and excludes {', '.join(excluded)}; remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _search_alone(self) -> Self:
        others = {
            "builder": self.builder,
            "values": self.values,
            "smallest": self.smallest is not None,
            "width": self.width != WIDTH,
            "hints": self.hints,
        }
        excluded = [name for name, value in others.items() if value]
        if self.search is not None and excluded:
            raise ValueError(
                f"search finds the student and excludes {', '.join(excluded)}; remove "
                "one of them (what the search may choose is in distill.search.values "
                "and distill.search.space)"
            )
        return self

    @field_validator("builder")
    @classmethod
    def _existing_builder(cls, name: str | None) -> str | None:
        with as_validation_error():
            if name is not None:
                catalogue.parse(name)
        return name
