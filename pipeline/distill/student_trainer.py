"""Building and fitting of students, each in its own process.

In: published folders of data, augment, tune and train. Out: for each seed a student
with a teacher and one without; the first with a teacher is saved as student.keras.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras

from pipeline.augment.artifact import read_policy
from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import Data
from pipeline.distill.objective import DistillationObjective
from pipeline.distill.params import WIDTH, DistillParams
from pipeline.distill.smallest_student import smallest_student
from pipeline.distill.teacher import TeacherEnsemble, read_teachers
from pipeline.engine.stage import Inputs, silent
from pipeline.models import registry
from pipeline.models.errors import error_prefix
from pipeline.models.files import save_model
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import training_of
from pipeline.train.artifact import Architecture, read_architecture
from pipeline.training.context import FitContext, FitData
from pipeline.training.floor_check import learned_nothing
from pipeline.training.gpu_memory import fit_bytes
from pipeline.training.history import History
from pipeline.training.loop import fit
from pipeline.training.losses import training_loss
from pipeline.training.metrics import check_outputs
from pipeline.training.objective import Objective
from pipeline.training.replicates import replicate_seed
from pipeline.tune.artifact import read_best

DISTILLED, PLAIN = "distilled", "plain"  # kinds of fits: with and without a teacher
Fitted = dict[str, Any]


@dataclass(frozen=True)
class StudentTrainer:
    """Builds and fits students; its methods run in other processes.

    Args:
        params: section `distill`.
        inputs: published folders and the seed.
        data: the data stage's result.
        out: folder of student.keras.
    """

    params: DistillParams
    inputs: Inputs
    data: Data
    out: Path

    @cached_property
    def trained(self) -> Architecture:
        """Architecture of the train stage's model."""
        return read_architecture(self.inputs["train"])

    def tasks(self) -> dict[str, Callable[[], Fitted]]:
        """Return the fits by name: per seed with and without a teacher."""
        numbers = range(1, self.params.replicates + 1)
        return {
            f"{kind} {number}": partial(self.fit, kind, number)
            for number in numbers
            for kind in (DISTILLED, PLAIN)
        }

    def check(self) -> int:
        """Build everything that a fit starts with, to fail before the first fit.

        Returns:
            The bytes that a fit needs on a GPU, without those of the teachers.

        Raises:
            UserError: names the key.
        """
        student, _ = self.student(self.inputs.seed)
        with error_prefix("distill."):
            check_outputs(student, self.data.spec)
        ensemble = self._ensemble(self._teachers())
        self._distillation(student, ensemble, self.inputs.seed)
        return fit_bytes(student, self.params.batch_size)

    def fit(self, kind: str, number: int) -> Fitted:
        """Fit one student; save the first one with a teacher.

        Args:
            kind: `distilled` or `plain`.
            number: number of the replicate, from 1.

        Returns:
            History, best epoch, architecture and speed, ready to be pickled.
        """
        seed = replicate_seed(self.inputs.seed, number - 1)
        distilled = kind == DISTILLED
        speed: dict[str, Any] = {}
        teachers = self._teachers() if distilled else []
        for generation in range(self.params.generations if distilled else 1):
            student, architecture = self.student(seed)
            objective = self._objective(student, teachers, generation, seed)
            context = self._context(f"{kind} {number}", seed, generation, speed)
            history = self._fit(student, context, objective)
            teachers = [student]
        doubts: list[str] = []
        if distilled and number == 1:
            save_model(student, self.out / "student.keras")
            doubts = learned_nothing("the student", student, self.data, seed)
        return {
            "doubts": doubts,
            "rows": history.rows,
            "best": history.best,
            "architecture": asdict(architecture),
            "teacher_weights": self.trained.weights,
            "speed": speed,
        }

    def with_params(self, params: DistillParams) -> StudentTrainer:
        """Return a trainer of another student of the same teachers.

        Args:
            params: section `distill` of that student.
        """
        return replace(self, params=params)

    def fit_once(
        self, name: str, seed: int, callback: keras.callbacks.Callback
    ) -> tuple[keras.Model, History]:
        """Fit one student with the teachers, in one generation; save nothing.

        Args:
            name: of the folder of its checkpoint, from which it resumes.
            seed: of the weights and of the order of examples.
            callback: called at the ends of epochs.

        Returns:
            The student with its best weights, and the history.
        """
        student, _ = self.student(seed)
        objective = self._objective(student, self._teachers(), 0, seed)
        context = replace(
            self._context(name, seed, 0, {}), callbacks=[callback], progress=silent
        )
        return student, self._fit(student, context, objective)

    def student(self, seed: int) -> tuple[keras.Model, Architecture]:
        """Build an untrained student.

        Args:
            seed: seed of the initial weights.

        Returns:
            The model, and its architecture.

        Raises:
            UserError: for a builder or values that do not fit, or when `width` has no
                effect.
        """
        params = self.params
        builder, values = self._design()
        with error_prefix("distill."):
            student = registry.build(builder, values, self.data.spec, seed)
        weights = student.count_params()
        by_width = params.smallest is None and not params.builder
        if by_width and "width" not in params.values:
            _check_smaller(weights, self.trained, params.width)
        return student, Architecture(builder, values, weights)

    def _design(self) -> tuple[str, dict[str, Any]]:
        """Choose the student's builder and the values of its hyperparameters."""
        params, trained, spec = self.params, self.trained, self.data.spec
        if params.smallest is not None:
            best, metric = read_best(self.inputs["tune"]), task_of(spec).metric
            return smallest_student(best, params.smallest, trained.weights, metric)
        builder = params.builder or trained.builder
        with error_prefix("distill."):
            registry.check(builder, spec, params.values)
        inherited = {} if params.builder else trained.values
        return builder, {**inherited, **self._width(), **params.values}

    def _width(self) -> dict[str, float]:
        """Scale the teacher's width, or the default width of another builder."""
        params = self.params
        if params.builder is None:
            return {"width": params.width * self.trained.values.get("width", 1.0)}
        with error_prefix("distill."):
            declared = registry.declared(params.builder, self.data.spec, params.values)
        if type(declared.get("width")) is float:
            return {"width": params.width}
        if params.width != WIDTH:
            raise UserError(
                f"distill.width {params.width:g}: builder {params.builder} has no "
                'hyperparameter `width` such as hp.Fixed("width", 1.0); remove '
                "distill.width"
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
        """Return the objective, or None without teachers: the loss on the labels."""
        if not teachers:
            return None
        ensemble = self._ensemble(teachers, generation)
        # Outputs as large as the data: a cache would fill the memory.
        task = task_of(self.data.spec)
        cacheable = not (task.reconstructs or task.dense or task.per_step)
        if cacheable and not self._policy(seed).steps and not self.params.hints:
            ensemble.cache_logits(self.data.train(), self.data.spec)
        return self._distillation(student, ensemble, seed)

    def _ensemble(
        self, teachers: list[keras.Model], generation: int = 0
    ) -> TeacherEnsemble:
        configured = [teacher.weight for teacher in self.params.teachers]
        weights = [1.0] if generation else configured
        layers = [hint.teacher for hint in self.params.hints]
        return TeacherEnsemble(teachers, weights, layers)

    def _distillation(
        self, student: keras.Model, ensemble: TeacherEnsemble, seed: int
    ) -> DistillationObjective:
        spec, y = self.data.spec, self.data.train().y
        label_loss = training_loss(self.params, spec, student, y, seed)
        classes = task_of(spec).predicts_classes
        output_loss = training_of(spec).distillation
        return DistillationObjective(
            student, ensemble, self.params, label_loss, seed, classes, output_loss
        )

    def _policy(self, seed: int) -> Policy:
        return read_policy(self.inputs["augment"], seed, self.trained.strength)

    def _context(
        self, name: str, seed: int, generation: int, speed: dict[str, Any]
    ) -> FitContext:
        def report(text: str, done: int = 0, total: int = 0) -> None:
            self.inputs.progress(f"{name}: {text}", done=done, total=total)

        folder = f"{name.replace(' ', '')}-{generation}"
        return FitContext(
            seed,
            progress=report,
            checkpoint_folder=self.inputs.scratch / folder,
            speed=speed,
        )

    def _fit(
        self, student: keras.Model, context: FitContext, objective: Objective | None
    ) -> History:
        data = FitData(
            self.data.spec,
            self.data.train(),
            self.data.validation(),
            self._policy(context.seed),
        )
        return fit(student, data, self.params, replace(context, objective=objective))


def _check_smaller(weights: int, trained: Architecture, width: float) -> None:
    if width != 1 and weights == trained.weights:
        raise UserError(
            f"distill.width {width:g}: builder {trained.builder} has {weights:,} "
            "parameters with and without it; the builder must scale its layers by the "
            'hyperparameter `width`, such as hp.Fixed("width", 1.0)'
        )
