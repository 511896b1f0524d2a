"""Fine-tuning of a tf_keras model after each technique.

In: data, settings and a seed. Out: a function that fits a tf_keras model in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tf_keras

from pipeline.augment.policy import Policy
from pipeline.compress.tfmot.callbacks import BuildVariables
from pipeline.compress.tfmot.distillation import DistillationTerm, add_distillation
from pipeline.compress.tfmot.techniques import Fit
from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.registry import task_of
from pipeline.training.context import FitContext, FitData
from pipeline.training.keras_fit import keras_fit
from pipeline.training.params import FitSettings


@dataclass(frozen=True)
class FineTuning:
    """Data and settings of fine-tuning with `Model.fit` of tf_keras, as tfmot requires.

    Batches, augmentation, learning rates and losses are those of `pipeline.training`.

    Args:
        spec: signature of the data.
        train: examples to fit.
        validation: examples that choose the best epoch.
        settings: epochs, batch size, optimizer and losses.
        policy: augmentation of the training examples, or None.
        seed: each technique derives its own from it and the recipe so far, so that
            recipes with the same first steps share their weights.
        distillation: a loss against a teacher's outputs, or None.
        checkpoints: folder of the checkpoints of `compress.native`, which keep a killed
            fit; None for none. Keras's own fit has none.
    """

    spec: TaskSpec
    train: Split
    validation: Split
    settings: FitSettings
    policy: Policy | None
    seed: int
    distillation: DistillationTerm | None = None
    checkpoints: Path | None = None

    def after(self, recipe_so_far: str, fits: int = 1) -> Fit:
        """Return a function that fits a model in place, with callbacks.

        Args:
            recipe_so_far: text of the steps up to and with the present technique.
            fits: number of fits among which the technique divides its epochs.
        """
        seed = derive_seed(self.seed, recipe_so_far)
        epochs = max(1, round(self.settings.epochs / fits))
        settings = self.settings.model_copy(update={"epochs": epochs})

        def fit(model: tf_keras.Model, callbacks: Sequence[Any]) -> None:
            tf_keras.utils.set_random_seed(seed)  # for dropout without its own seed
            if self.distillation and self.distillation.weight:
                add_distillation(model, self.distillation)
            data = FitData(self.spec, self.train, self.validation, self.policy)
            callbacks = [BuildVariables(task_of(self.spec)), *callbacks]
            context = FitContext(seed, callbacks=callbacks)
            keras_fit(model, data, settings, context, tf_keras)

        return fit
