"""distill: fit a smaller student that imitates the trained model.

In: data, augment, tune, train. Out: student.keras, model.json, history.csv, curves.png,
gain.json: what the teacher adds to the same student, over several seeds.
Run: python -m pipeline run distill --exp digits
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras

from pipeline.augment.artifact import read_policy
from pipeline.augment.policy import Policy
from pipeline.data.artifact import Data, read_data
from pipeline.distill.smallest_student import smallest
from pipeline.distill.params import WIDTH, DistillParams
from pipeline.distill.student import Imitation
from pipeline.distill.teacher import Faculty, read_teachers
from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs
from pipeline.training.metrics import check_outputs
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History, summary
from pipeline.metrics.intervals import gain
from pipeline.training.loop import fit
from pipeline.training.losses import example_losses
from pipeline.training.objective import Objective
from pipeline.training.replicates import check_first, replicate_seed, run_all
from pipeline.models import registry
from pipeline.models.files import save_model
from pipeline.models.errors import error_prefix
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain, task_of
from pipeline.train.artifact import Architecture, read_architecture, write_architecture
from pipeline.tune.artifact import read_best

Fitted = dict[str, Any]


def run(params: DistillParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Fit students with and without a teacher; publish the first that has one."""
    school = School(params, inputs, read_data(inputs["data"]), out)
    measure = for_chain(school.data.spec.task).metric
    check_first(school.check)
    fitted = run_all(school.tasks(), params.workers, inputs.progress)
    first = fitted["taught 1"]
    found = _gain(params, inputs, fitted, measure)
    history = History(first["rows"], first["best"])
    write_architecture(out, Architecture(**first["architecture"]))
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "student", measure)
    write_json(out / "gain.json", found)
    inputs.volatile["speed"] = {name: one["speed"] for name, one in fitted.items()}
    weights = first["architecture"]["weights"]
    told = summary(history, params.epochs, weights, measure)
    print(f"{len(found['seeds'])} seeds: {found['verdict']}")
    return {
        **told,
        "headline": f"{told['headline']}, {measure.change(found['gain'], 1)} by it",
        "smaller": round(first["teacher_weights"] / weights, 1),
        "gain": {key: found[key] for key in ("gain", "interval", "verdict")},
    }


def _gain(
    params: DistillParams,
    inputs: Inputs,
    fitted: dict[str, Fitted],
    measure: Metric,
) -> dict[str, Any]:
    numbers, column = range(1, params.replicates + 1), f"val_{measure.key}"
    taught, plain = (
        [fitted[f"{how} {n}"]["best"][column] for n in numbers]
        for how in ("taught", "alone")
    )
    seeds = [replicate_seed(inputs.seed, number - 1) for number in numbers]
    return gain(seeds, taught, plain, "teacher", measure)


@dataclass(frozen=True)
class School:
    """Where students are made; its methods run in processes of their own."""

    params: DistillParams
    inputs: Inputs
    data: Data
    out: Path

    @cached_property
    def large(self) -> Architecture:
        """How the trained model is built."""
        return read_architecture(self.inputs["train"])

    def tasks(self) -> dict[str, Callable[[], Fitted]]:
        """A fit for each seed with and without a teacher; the published one first."""
        numbers = range(1, self.params.replicates + 1)
        return {
            f"{how} {number}": partial(self.fitted, how, number)
            for number in numbers
            for how in ("taught", "alone")
        }

    def check(self) -> None:
        """Make all that a fit begins with, so that mistakes are told before any.

        Raises:
            UserError: names the key.
        """
        student, _ = self.student(self.inputs.seed)
        with error_prefix("distill."):
            check_outputs(student, self.data.spec)
        faculty = self._faculty(self._teachers())
        self._imitation(student, faculty, self.inputs.seed)

    def fitted(self, how: str, number: int) -> Fitted:
        """Fit one student; the first that is taught is saved."""
        seed = replicate_seed(self.inputs.seed, number - 1)
        taught, speed = how == "taught", {}
        teachers = self._teachers() if taught else []
        for generation in range(self.params.generations if taught else 1):
            student, architecture = self.student(seed)
            objective = self._objective(student, teachers, generation, seed)
            folder = self.inputs.scratch / f"{how}{number}-{generation}"
            history = self._fit(student, objective, seed, folder, speed, how, number)
            teachers = [student]
        if taught and number == 1:
            save_model(student, self.out / "student.keras")
        return {
            "rows": history.rows,
            "best": history.best,
            "architecture": asdict(architecture),
            "teacher_weights": self.large.weights,
            "speed": speed,
        }

    def student(self, seed: int) -> tuple[keras.Model, Architecture]:
        """The student, and how it is built."""
        params, large = self.params, self.large
        builder, values = self._design()
        with error_prefix("distill."):
            student = registry.build(builder, values, self.data.spec, seed)
        weights = student.count_params()
        by_width = params.smallest is None and not params.builder
        if by_width and "width" not in params.values:
            _check_smaller(weights, large, params.width)
        return student, Architecture(builder, values, weights)

    def _design(self) -> tuple[str, dict[str, Any]]:
        """The student's builder, and the values that it is built with."""
        params, large = self.params, self.large
        if params.smallest is not None:
            best = read_best(self.inputs["tune"])
            metric = task_of(self.data.spec).metric
            return smallest(best, params.smallest, large.weights, metric)
        builder = params.builder or large.builder
        with error_prefix("distill."):
            registry.check(builder, self.data.spec, params.values)
        start = {} if params.builder else large.values
        return builder, {**start, **self._width(), **params.values}

    def _width(self) -> dict[str, float]:
        """A part of the teacher's width, or of what another builder has by default."""
        params = self.params
        if params.builder is None:
            return {"width": params.width * self.large.values.get("width", 1.0)}
        with error_prefix("distill."):
            declared = registry.declared(params.builder, self.data.spec, params.values)
        if type(declared.get("width")) is float:
            return {"width": params.width}
        if params.width != WIDTH:
            raise UserError(
                f"distill.width {params.width:g}: builder {params.builder} has no "
                '`width` that scales it, as hp.Fixed("width", 1.0); leave it out'
            )
        return {}

    def _teachers(self) -> list[keras.Model]:
        trained = self.inputs["train"] / "model.keras"
        train, spec = self.data.train(), self.data.spec
        return read_teachers(self.params.teachers, trained, train, spec)

    def _objective(
        self,
        student: keras.Model,
        teachers: list[keras.Model],
        generation: int,
        seed: int,
    ) -> Objective | None:
        """None for a student without a teacher: the plain loss."""
        if not teachers:
            return None
        faculty = self._faculty(teachers, generation)
        # What is rebuilt is as large as the data, and would fill the memory.
        small = not task_of(self.data.spec).reconstructs
        if small and not self._policy(seed).steps and not self.params.hints:
            faculty.learn_by_heart(self.data.train(), self.data.spec)
        return self._imitation(student, faculty, seed)

    def _faculty(self, teachers: list[keras.Model], generation: int = 0) -> Faculty:
        weights = [1.0] if generation else [t.weight for t in self.params.teachers]
        layers = [hint.teacher for hint in self.params.hints]
        return Faculty(teachers, weights, layers)

    def _imitation(
        self, student: keras.Model, faculty: Faculty, seed: int
    ) -> Imitation:
        answers = example_losses(self.params, self.data.spec)
        classes = task_of(self.data.spec).predicts_classes
        return Imitation(student, faculty, self.params, answers, seed, classes)

    def _policy(self, seed: int) -> Policy:
        return read_policy(self.inputs["augment"], seed, self.large.strength)

    def _fit(
        self,
        student: keras.Model,
        objective: Objective | None,
        seed: int,
        folder: Path,
        speed: dict[str, Any],
        how: str,
        number: int,
    ) -> History:
        def tell(text: str, done: int = 0, total: int = 0) -> None:
            self.inputs.progress(f"{how} {number}: {text}", done=done, total=total)

        data = FitData(
            self.data.spec,
            self.data.train(),
            self.data.validation(),
            self._policy(seed),
        )
        context = FitContext(
            seed,
            objective=objective,
            progress=tell,
            checkpoint_folder=folder,
            speed=speed,
        )
        return fit(student, data, self.params, context)


def _check_smaller(weights: int, large: Architecture, width: float) -> None:
    if width != 1 and weights == large.weights:
        raise UserError(
            f"distill.width {width:g}: builder {large.builder} makes {weights:,} "
            "weights with it as without it; it must scale its layers by the "
            'hyperparameter `width`, as hp.Fixed("width", 1.0)'
        )
