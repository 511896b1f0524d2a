"""The door of this folder: a Keras 3 model and a recipe in, a file's bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.augment.policy import Policy
from pipeline.compress.rewrite.fold import fold, fold_inputs, join_activations, silence
from pipeline.compress.grammar import AWARE, TIES, Recipe, steps_text
from pipeline.compress.tfmot.weight_quantization import highest
from pipeline.compress.tfmot.bridge import check_same_answers, to_tf_keras
from pipeline.compress.tfmot.callbacks import BuildFirst
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.distillation import Teacher, imitate
from pipeline.compress.tfmot.supported_layers import left_out, paired_in_rows, prunable
from pipeline.compress.tfmot.techniques import Fit, apply, kernel_sparsity
from pipeline.compress.tfmot.weight_sharing import kernels
from pipeline.compress.tfmot.fake_quant_layers import able
from pipeline.compress.tflite.verify import ENDS, Few
from pipeline.compress.rewrite.channel_pruning import slim
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.training.context import FitContext, FitData
from pipeline.training.keras_fit import keras_fit
from pipeline.training.params import FitSettings
from pipeline.core.pipe_language import Step
from pipeline.tasks.registry import task_of

CHECKED = 64  # examples on which the file is compared with its model


@dataclass(frozen=True)
class FineTuning:
    """How a technique fits: Keras's own fit of tf_keras, which tfmot wants to see.

    Batches, augmentation, rates and losses are those of `pipeline.training`.

    Args:
        policy: augmentation of the training examples, as in training.
        seed: each technique derives its own from it and the recipe so far, so that
            equal beginnings of two recipes give equal weights.
        teacher: whom the model imitates, or None.
    """

    spec: TaskSpec
    train: Split
    validation: Split
    settings: FitSettings
    policy: Policy | None
    seed: int
    teacher: Teacher | None = None

    def after(self, recipe_so_far: str, parts: int = 1) -> Fit:
        """A function that fits a model in place, with callbacks.

        Args:
            parts: fits among which one technique divides its epochs.
        """
        seed = derive_seed(self.seed, recipe_so_far)
        epochs = max(1, round(self.settings.epochs / parts))
        settings = self.settings.model_copy(update={"epochs": epochs})

        def tune(model: tf_keras.Model, callbacks: Sequence[Any]) -> None:
            tf_keras.utils.set_random_seed(seed)  # for dropout without its own seed
            if self.teacher and self.teacher.weight:
                imitate(model, self.teacher)
            data = FitData(self.spec, self.train, self.validation, self.policy)
            callbacks = [BuildFirst(task_of(self.spec)), *callbacks]
            context = FitContext(seed, callbacks=callbacks)
            keras_fit(model, data, settings, context, tf_keras)

        return tune


@dataclass(frozen=True)
class Built:
    """A file's bytes, and what its recipe did on the way.

    Args:
        left_out: `technique: layer (Class)` for what a technique cannot handle.
        sparsity: part of the kernels' values that pruning has set to zero.
        few: how many different weights the steps left in how many kernels.
        states: each technique but the last, and the model after it as a float file.
        outputs: what the model says of the first calibration examples.
    """

    content: bytes
    left_out: list[str]
    sparsity: float
    few: tuple[Few, ...] = ()
    states: tuple[tuple[str, bytes], ...] = ()
    outputs: np.ndarray | None = None


def build(
    source: keras.Model, recipe: Recipe, tuning: FineTuning, calibration: np.ndarray
) -> Built:
    """Carry the model over, run the techniques, write the file.

    Args:
        calibration: float32 model inputs that set the ranges of int8.

    Raises:
        UserError: when the bridge, a technique or the export refuses.
    """
    source, missed = _prepared(source, recipe)
    model = to_tf_keras(source, derive_seed(tuning.seed, "bridge"))
    made = Built(b"", missed, 0.0)
    for count, step in enumerate(recipe.techniques, 1):
        so_far = steps_text(recipe.techniques[:count])
        made = _noted(made, model, step, recipe.export)
        model = apply(step, model, tuning.after(so_far, _parts(step)))
        made = _measured(made, model, step, last=count == len(recipe.techniques))
    outputs = np.asarray(model(calibration[:CHECKED], training=False))
    one_scale = any(step.name in TIES for step in recipe.techniques)
    content = export(model, recipe.export, calibration, one_scale)
    return replace(made, content=content, outputs=outputs)


def _prepared(source: keras.Model, recipe: Recipe) -> tuple[keras.Model, list[str]]:
    """What is done to the Keras 3 model: channels removed, layers folded."""
    missed: list[str] = []
    names = [step.name for step in recipe.techniques]
    if names or recipe.export != "float":  # a float file alone is the model as it is
        source, missed = _normalized(source, recipe.export)
    if "filters" in names:
        source, kept = slim(source, recipe.techniques[0].args["fraction"])
        missed += [f"filters: {layer}" for layer in kept]
    if set(names) & set(TIES):
        folded = fold(source)
        check_same_answers(source, folded)
        source = folded
    if set(names) & set(AWARE):
        joined = join_activations(source)
        check_same_answers(source, joined)
        source = joined
    return source, missed


def _normalized(source: keras.Model, end: str) -> tuple[keras.Model, list[str]]:
    """Normalizations of the input in a way that the file has room for."""
    if all(type(each).__name__ != "Normalization" for each in source._flatten_layers()):
        return source, []
    silenced, mute = silence(source)
    if mute and not _same(source, silenced):
        silenced, mute = source, [f"{each}, kept, as answers change" for each in mute]
    folded = fold_inputs(silenced) if end in ENDS else silenced
    # Not exact where a mean is many deviations: the bias would drown in rounding.
    kept = folded if _same(source, folded) else silenced
    return kept, [f"{end}: {each}" for each in mute]


def _same(source: keras.Model, other: keras.Model) -> bool:
    try:
        check_same_answers(source, other)
    except UserError:
        return False
    return True


def _noted(made: Built, model: tf_keras.Model, step: Step, end: str) -> Built:
    """What is known of a technique before it runs."""
    layers = left_out(model, step.name, step.args.get("kernels", "inner"))
    missed = [f"{step.name}: {layer}" for layer in layers]
    if step.args.get("structure") == "two_of_four":
        missed += [
            f"{step.name}: {layer.name} ({type(layer).__name__}), pruned free"
            for layer in model.layers
            if prunable(layer) and not paired_in_rows(layer)
        ]
    few = made.few
    if step.name == "binary" and end in ENDS:  # elsewhere the size differs by channel
        few = (*few, Few(2, len(able(model))))
    return replace(made, left_out=[*made.left_out, *missed], few=few)


def _measured(made: Built, model: tf_keras.Model, step: Step, last: bool) -> Built:
    """What is known of a technique after it has run."""
    if step.name == "prune":
        made = replace(made, sparsity=kernel_sparsity(model))
    if step.name == "cluster":
        made = replace(made, few=(Few(step.args["n"], len(kernels(model))),))
    if step.name == "bits":
        count = len(able(model, step.args["kernels"]))
        made = replace(made, few=(Few(2 * highest(step.args["n"]) + 1, count),))
    if last and step.name in AWARE:
        return made
    return replace(made, states=(*made.states, (str(step), export(model, "float"))))


def _parts(step: Step) -> int:
    return 3 if step.args.get("schedule") == "gradual" else 1
