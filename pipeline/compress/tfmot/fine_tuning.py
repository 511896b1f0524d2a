"""Fine-tuning of a tf_keras model after each technique.

In: data, settings and a seed. Out: a function that fits a tf_keras model in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from pipeline.augment.policy import Policy
from pipeline.compress.grammar import RENAMED_STEPS
from pipeline.compress.tfmot.callbacks import BuildVariables
from pipeline.compress.tfmot.distillation import DistillationTerm, add_distillation
from pipeline.compress.tfmot.ranges import EXAMPLES, set_ranges
from pipeline.compress.tfmot.techniques import Fit
from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import silent
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
        search_rate: find the learning rate of each fit from the model's own state;
            default False: that of the settings.
        progress: called after each epoch as `progress("prune(0.6), epoch 3/60 ...")`.
        rates: recipe so far -> the learning rate of each of its fits, which fits add.
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
    search_rate: bool = False
    progress: Callable[..., None] = silent
    rates: dict[str, list[float]] = field(default_factory=dict)
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
            set_ranges(model, self._some_inputs())
            callbacks = [BuildVariables(task_of(self.spec)), *callbacks]
            rates = self.rates.setdefault(recipe_so_far, [])
            if not self.search_rate:
                rates.append(settings.learning_rate)
            context = FitContext(
                seed,
                callbacks=callbacks,
                progress=self._reporter(recipe_so_far),
                found_rate=rates.append if self.search_rate else None,
            )
            keras_fit(model, data, settings, context, tf_keras)

        return fit

    def _some_inputs(self) -> np.ndarray:
        """Inputs of training examples at equal distances, for initial ranges."""
        step = max(1, len(self.train) // EXAMPLES)
        return self.spec.to_input(np.asarray(self.train.x[::step][:EXAMPLES]))

    def _reporter(self, recipe_so_far: str) -> Callable[..., None]:
        """Add the step and the time left to the progress of a fit."""
        step, begin = recipe_so_far.rpartition(" | ")[2], time.monotonic()
        name, rest = step.partition("(")[0], step.partition("(")[1:]
        step = "".join((RENAMED_STEPS.get(name, name), *rest))

        def report(text: str, done: int, total: int) -> None:
            left = (time.monotonic() - begin) / done * (total - done)
            self.progress(f"{step}  {text}  {left:.0f} s left")

        return report
