"""Fine-tuning of a transformed model by the training loop of train and distill.

In: data, settings and a seed. Out: a function that fits a model in place: with all
schedules, averages of the weights, distillation, and checkpoints from which a killed
fit resumes to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from pipeline.compress.tfmot.distillation import DistillationTerm
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.core.determinism import derive_seed
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import per_example
from pipeline.training.batches import Batch
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.losses import Loss, example_losses
from pipeline.training.objective import Objective, SupervisedObjective, as_float

Fit = Callable[[keras.Model], None]  # fits a model in place


class DistilledObjective:
    """A weighted sum of the loss on the targets and a distillation loss.

    Args:
        loss: `(targets, outputs)` -> loss per example.
        term: the teacher and the weight of its loss.
    """

    variables: Sequence[keras.Variable] = ()

    def __init__(self, loss: Loss, term: DistillationTerm):
        self.loss, self.term = loss, term

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and the outputs of the model in training mode."""
        outputs = as_float(model(batch.x, training=True))
        target = tf.stop_gradient(as_float(self.term.teacher(batch.x)))
        true = per_example(self.loss(batch.y, outputs))
        distilled = self.term.per_example(outputs, target)
        weight = self.term.weight
        return (1 - weight) * true + weight * distilled, outputs


class Fits:
    """The fits of one technique: one seed for all, and a checkpoint for each.

    Args:
        tuning: data, settings and the seed of the variant.
        recipe_so_far: text of the steps up to and with the present technique.
        count: number of fits among which the technique divides its epochs.
        folder: holds the checkpoints; None disables them.
    """

    def __init__(
        self,
        tuning: FineTuning,
        recipe_so_far: str,
        count: int = 1,
        folder: Path | None = None,
    ):
        self.tuning, self.recipe = tuning, recipe_so_far
        self.folder, self.done = folder, 0
        self.seed = derive_seed(tuning.seed, recipe_so_far)
        epochs = max(1, round(tuning.settings.epochs / count))
        self.settings = tuning.settings.model_copy(update={"epochs": epochs})

    def __call__(self, model: keras.Model) -> None:
        """Fit a model in place, and keep the weights of its best epoch."""
        keras.utils.set_random_seed(self.seed)  # for layers without a seed of their own
        tuning, self.done = self.tuning, self.done + 1
        folder = self.folder / str(self.done) if self.folder else None
        tuning.rates.setdefault(self.recipe, []).append(self.settings.learning_rate)
        data = FitData(tuning.spec, tuning.train, tuning.validation, tuning.policy)
        context = FitContext(
            self.seed, objective=self._objective(), checkpoint_folder=folder
        )
        fit(model, data, self.settings, context)

    def _objective(self) -> Objective | None:
        term = self.tuning.distillation
        if term is None or not term.weight:
            if not task_of(self.tuning.spec).interactive:
                return None
            # Compression keeps what was learned; it does not act again.
            loss = example_losses(self.settings, self.tuning.spec)
            return SupervisedObjective(loss)
        return DistilledObjective(example_losses(self.settings, self.tuning.spec), term)
