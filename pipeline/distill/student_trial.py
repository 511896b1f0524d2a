"""One candidate of the search for a student, trained in its own process.

In: hyperparameters as the oracle names them. Out: its validation score and its costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.data.spec import TaskSpec
from pipeline.distill.params import DistillParams
from pipeline.distill.student_trainer import StudentTrainer
from pipeline.models import registry
from pipeline.tasks.registry import for_chain
from pipeline.tune.params import TuneParams
from pipeline.tune.space import Values, plain_values, training_names
from pipeline.tune.trial import Result, TrialPruner, costs


@dataclass(frozen=True)
class StudentTrial:
    """Trains a candidate on the labels and the outputs of the teachers.

    Args:
        trainer: of the stage.
        space: the search as a section `tune`, which names the families.
    """

    trainer: StudentTrainer
    space: TuneParams

    def __call__(
        self,
        values: Values,
        epochs: int,
        seed: int,
        thresholds: list[float | None],
        path: Path | None = None,
    ) -> Result:
        """Train one candidate.

        Args:
            values: hyperparameters, as the oracle names them.
            epochs: maximum number of epochs.
            seed: seed of the weights and of the order of examples.
            thresholds: merit to reach per epoch, see `tune.early_termination`.
            path: not used: no model of a trial is kept. Default None.

        Returns:
            Status, score, costs and curve, ready for JSON.

        Raises:
            StageFailed: when the validation loss is not finite.
            UserError: when values and data do not fit the builder.
        """
        trainer = self.trainer.with_params(
            chosen(self.trainer.params, self.space, values, epochs)
        )
        metric = for_chain(trainer.data.spec.task).metric
        pruner = TrialPruner("accuracy", thresholds, metric)
        student, history = trainer.fit_once(f"trial-{seed}", seed, pruner)
        return {**costs(student), **pruner.result(history)}


def candidate_costs(
    space: TuneParams, spec: TaskSpec, values: Values
) -> dict[str, int]:
    """Compute the costs of a candidate from its graph, without training.

    Args:
        space: the search as a section `tune`.
        spec: the task.
        values: hyperparameters, as the oracle names them.
    """
    builder, plain = model_values(values, space)
    return costs(registry.build(builder, plain, spec, seed=1))


def model_values(values: Values, space: TuneParams) -> tuple[str, Values]:
    """Return the builder, and its hyperparameters without those of the training.

    Args:
        values: hyperparameters, as the oracle names them.
        space: the search as a section `tune`.
    """
    builder, plain = plain_values(values, space)
    training = training_names()
    return builder, {k: v for k, v in plain.items() if k not in training}


def chosen(
    params: DistillParams, space: TuneParams, values: Values, epochs: int
) -> DistillParams:
    """Return a section `distill` whose student is a candidate.

    Args:
        params: section `distill` with a search.
        space: the search as a section `tune`.
        values: hyperparameters, as the oracle names them.
        epochs: maximum number of epochs.
    """
    builder, plain = model_values(values, space)
    return params.with_student(builder, plain).model_copy(update={"epochs": epochs})
