"""Build one file from a Keras 3 model without tfmot: the entry point of this package.

In: a Keras 3 model, a recipe, and calibration examples. Out: the bytes of a .tflite
file and a record of what the recipe did, as from `pipeline.compress.tfmot.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from pipeline.compress.grammar import AWARE, TIES, Recipe, seed_text
from pipeline.compress.native.biases import round_biases
from pipeline.compress.native.export import export, tf_keras_copy
from pipeline.compress.native.fine_tuning import Fits
from pipeline.compress.native.kernels import (
    Kernel,
    describe,
    kernel_sparsity,
    kernels_of,
    without_kernel,
)
from pipeline.compress.native.masks import supports_two_of_four
from pipeline.compress.native.ranges import (
    calibrated_inside,
    settle_embeddings,
    with_ranges,
)
from pipeline.compress.native.techniques import apply, selected_kernels
from pipeline.compress.rewrite.fold import fold_batch_norms
from pipeline.compress.rewrite.rebuild import model_outputs, rebuild_with_weights
from pipeline.compress.stateful.streams import is_stream
from pipeline.compress.tflite.verify import INTEGER_IO, DistinctWeights
from pipeline.compress.tfmot.build import (
    CHECKED,
    Built,
    Files,
    exports_of,
    first_written,
    fit_count,
    with_fallback,
    with_stateful,
)
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.compress.tfmot.layers import check_precision
from pipeline.compress.tfmot.preparation import prepared
from pipeline.compress.tfmot.weight_quantization import max_level
from pipeline.core.determinism import derive_seed
from pipeline.core.pipe_language import Step

INNER = ("quantize_weights", "binary")


def build(
    source: keras.Model,
    recipe: Recipe,
    tuning: FineTuning,
    calibration: np.ndarray,
    exports: Sequence[str] = (),
) -> Built:
    """Run the techniques of a recipe on a model, and export the file.

    Args:
        source: built functional or Sequential Keras 3 model; it is not changed.
        recipe: techniques and the export.
        tuning: data and settings of the fine-tuning after each technique.
        calibration: float32 model inputs `(n, ...)` that set the ranges of int8.
        exports: tried in this order; default: that of the recipe, and what comes next
            where the converter refuses it.

    Returns:
        The file's content, and what the recipe did.

    Raises:
        UserError: if a technique or the export does not support the model.
    """
    for layer in source._flatten_layers(include_self=False):
        check_precision(layer)
    source, left_out = prepared(source, recipe)
    model, built = _trainable_copy(source), Built(b"", left_out, 0.0)
    for count, step in enumerate(recipe.techniques, 1):
        if step.name in AWARE:
            model = with_ranges(model, calibration)
        built = _with_unsupported(built, model, step, recipe.export)
        apply(step, model, _fits(tuning, recipe, count))
        built = _with_result(built, model, step, count == len(recipe.techniques))
    one_scale = any(step.name in TIES for step in recipe.techniques)
    model = _settled(model, recipe, one_scale)
    outputs = np.asarray(model_outputs(model, calibration[:CHECKED]))
    seed = derive_seed(tuning.seed, "bridge")

    def write(kind: str) -> Files:
        return export(model, kind, calibration, one_scale, seed), b""

    kinds = exports or exports_of(recipe)
    kind, (content, _) = first_written(kinds, recipe.export, write)
    built = with_fallback(built, recipe.export, kind)
    built = replace(built, content=content, outputs=outputs, export=kind)
    if not is_stream(tuning.spec):
        return built
    copy = tf_keras_copy(model, seed)
    return built if copy is None else with_stateful(built, copy, tuning, calibration)


def _fits(tuning: FineTuning, recipe: Recipe, count: int) -> Fits:
    """Return the fits of technique `count`, from 1."""
    step, so_far = recipe.techniques[count - 1], recipe.techniques[:count]
    folder = tuning.checkpoints and tuning.checkpoints / str(count)
    return Fits(tuning, seed_text(so_far), fit_count(step), folder)


def _trainable_copy(source: keras.Model) -> keras.Model:
    """Copy a model with nested models inlined; layers frozen in training learn again.

    A frozen batch normalization keeps its statistics.
    """
    copy = rebuild_with_weights(source, lambda layer: None)
    for layer in copy._flatten_layers(include_self=False):
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
    return copy


def _settled(model: keras.Model, recipe: Recipe, one_scale: bool) -> keras.Model:
    """Give a model that was trained for int8 the numbers that the file will have.

    Normalizations are folded: a factor per channel changes the scales, not the
    integers.
    """
    if {step.name for step in recipe.techniques} & set(AWARE):
        settle_embeddings(model)
        model = fold_batch_norms(model)
        round_biases(model, one_scale)
    return model


def _with_unsupported(built: Built, model: keras.Model, step: Step, kind: str) -> Built:
    """Add what a technique leaves out, and the claim of `binary`."""
    lines = [f"{step.name}: {line}" for line in _unsupported(model, step)]
    distinct = built.distinct
    if step.name == "binary" and kind in INTEGER_IO:
        count = len(selected_kernels(model, "inner"))
        distinct = (*distinct, DistinctWeights(2, count))
    return replace(built, left_out=[*built.left_out, *lines], distinct=distinct)


def _unsupported(model: keras.Model, step: Step) -> list[str]:
    """List `layer (Class)` of layers that a technique leaves out, with a reason."""
    arguments: Any = step.args
    if step.name in AWARE:
        return calibrated_inside(model)
    if step.name == "prune_channels":
        return []  # rewrite.prune_channels itself lists them
    lines = without_kernel(model)
    if step.name in INNER:
        selected = selected_kernels(model, arguments.get("kernels", "inner"))
        lines += _owners(k for k in kernels_of(model) if k not in selected)
    if arguments.get("structure") == "two_of_four":
        free = _owners(k for k in kernels_of(model) if not supports_two_of_four(k))
        lines += [f"{layer}, pruned free" for layer in free]
    return lines


def _owners(kernels: Any) -> list[str]:
    """Return `layer (Class)` of the kernels' layers, each once."""
    return list(dict.fromkeys(describe(kernel.layer) for kernel in kernels))


def _with_result(built: Built, model: keras.Model, step: Step, last: bool) -> Built:
    """Add the sparsity, the distinct weights and the state after a technique."""
    if step.name == "prune":
        built = replace(built, sparsity=kernel_sparsity(model))
    if claim := _claim(model, step):
        built = replace(built, distinct=(claim,))
    if last and step.name in AWARE:
        return built
    state = (str(step), export(model, "float"))
    return replace(built, states=(*built.states, state))


def _claim(model: keras.Model, step: Step) -> DistinctWeights | None:
    """Return the limit of distinct weights that a technique leaves in its kernels."""
    arguments: Any = step.args
    kernels: list[Kernel]
    if step.name == "cluster":
        return DistinctWeights(arguments["n"], len(kernels_of(model)))
    if step.name == "quantize_weights":
        kernels = selected_kernels(model, arguments["kernels"])
        return DistinctWeights(2 * max_level(arguments["n"]) + 1, len(kernels))
    return None
