"""The door of this folder: a Keras 3 model and a recipe in, a file's bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.augment.policy import Policy
from pipeline.compress.grammar import Recipe
from pipeline.compress.legacy.bridge import to_tf_keras
from pipeline.compress.legacy.callbacks import BuildFirst
from pipeline.compress.legacy.export import export
from pipeline.compress.legacy.support import left_out
from pipeline.compress.legacy.techniques import Fit, apply, kernel_sparsity
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.determinism import derive_seed
from pipeline.fit.loop import fit
from pipeline.fit.params import FitSettings
from pipeline.pipes import str_pipe


@dataclass(frozen=True)
class FineTuning:
    """How a technique fits: training's own loop, on tf_keras.

    Args:
        policy: augmentation of the training examples, as in training.
        seed: each technique derives its own from it and the recipe so far, so that
            equal beginnings of two recipes give equal weights.
    """

    spec: TaskSpec
    train: Split
    validation: Split
    settings: FitSettings
    policy: Policy | None
    seed: int

    def after(self, recipe_so_far: str) -> Fit:
        """A function that fits a model in place, with callbacks."""
        seed = derive_seed(self.seed, recipe_so_far)

        def tune(model: tf_keras.Model, callbacks: Sequence[Any]) -> None:
            tf_keras.utils.set_random_seed(seed)  # for dropout without its own seed
            fit(
                model,
                self.spec,
                self.train,
                self.validation,
                self.settings,
                seed=seed,
                policy=self.policy,
                callbacks=[BuildFirst(), *callbacks],
                api=tf_keras,
            )

        return tune


@dataclass(frozen=True)
class Built:
    """A file's bytes, and what its recipe did on the way.

    Args:
        left_out: `technique: layer (Class)` for what a technique cannot handle.
        sparsity: part of the kernels' values that pruning has set to zero.
    """

    content: bytes
    left_out: list[str]
    sparsity: float


def build(
    source: keras.Model, recipe: Recipe, tuning: FineTuning, calibration: np.ndarray
) -> Built:
    """Carry the model over, run the techniques, write the file.

    Args:
        calibration: float32 model inputs that set the ranges of int8.

    Raises:
        UserError: when the bridge, a technique or the export refuses.
    """
    model = to_tf_keras(source, derive_seed(tuning.seed, "bridge"))
    missed, sparsity = [], 0.0
    for count, step in enumerate(recipe.techniques, 1):
        missed += [f"{step.name}: {layer}" for layer in left_out(model, step.name)]
        model = apply(step, model, tuning.after(str_pipe(recipe.techniques[:count])))
        sparsity = kernel_sparsity(model) if step.name == "prune" else sparsity
    return Built(export(model, recipe.export, calibration), missed, sparsity)
