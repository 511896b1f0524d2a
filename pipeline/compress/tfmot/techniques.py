"""The techniques of a recipe: zeros, clusters, one bit, and training for int8.

In: a fresh tf_keras model (tfmot's wrappers change the layers that they wrap) and
a way to fit it. Out: the fine-tuned model, ready for the next technique or for
the export. Layers that a technique cannot handle stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from pipeline.compress.tfmot.binary import binarize
from pipeline.compress.tfmot.weight_quantization import round_to_bits
from pipeline.compress.tfmot.blocks import zero_blocks
from pipeline.compress.tfmot.callbacks import KeepZeros, is_kernel
from pipeline.compress.tfmot.supported_layers import (
    paired_in_rows,
    prunable,
    quantizable,
)
from pipeline.compress.tfmot.weight_sharing import hold, tie
from pipeline.compress.tfmot.fake_quant_layers import able
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step

Model = tf_keras.Model
Layer = tf_keras.layers.Layer
Fit = Callable[[Model, Sequence[Any]], Any]  # fits a model in place, with callbacks

MASK_EVERY = 50  # steps between two choices of which weights are zero
GRADUAL = (0.7, 0.96, 1.0)  # 1 - (1 - t)^3 after each third, of the sparsity
annotate = tfmot.quantization.keras.quantize_annotate_layer
quantize = tfmot.quantization.keras.quantize_apply
Default8BitScheme = tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme
KeepZerosScheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme


def apply(step: Step, model: Model, fit: Fit) -> Model:
    """Run one technique.

    Args:
        step: a technique of the recipe grammar.
        model: functional, as the bridge or an earlier technique made it.
        fit: fine-tunes a model in place.

    Raises:
        UserError: when tfmot can handle no layer that has weights.
    """
    return TECHNIQUES[step.name](model, fit, **step.args)


def filters(model: Model, fit: Fit, fraction: float) -> Model:
    """Fine-tune what is left: the channels went before the bridge (`slim`)."""
    fit(model, [])
    return model


def prune(
    model: Model,
    fit: Fit,
    sparsity: float,
    structure: str = "free",
    schedule: str = "constant",
) -> Model:
    """Set the smallest weights of each kernel to zero and fine-tune the others.

    The zeros are there from the first step on, because the weights of the best
    epoch are kept, whichever that is: a sparsity that rises in the course of one
    fit would leave an early best epoch too dense. `gradual` is a fit for each of
    three sparsities on the cubic curve of Zhu & Gupta (To prune or not to prune,
    2017), with a third of the epochs each.

    Args:
        sparsity: part of each kernel that becomes zero.
        structure: `two_of_four` makes two zeros in each four weights of a row,
            `block` zeros of four neighbours at a time.
    """
    _picked(model, prunable, "prune")
    for share in GRADUAL if schedule == "gradual" else (1.0,):
        model = _pruned(model, fit, share * sparsity, structure)
    return model


def _pruned(model: Model, fit: Fit, sparsity: float, structure: str) -> Model:
    picked = _picked(model, prunable, "prune")
    if structure == "block":
        zero_blocks(model, picked, sparsity)
        fit(model, [])
        return _unshared(model)
    schedule = tfmot.sparsity.keras.ConstantSparsity(
        sparsity,
        begin_step=1,
        frequency=MASK_EVERY,  # step 0 is never reached
    )

    def wrap(layer: Layer) -> Layer:
        paired = structure == "two_of_four" and paired_in_rows(layer)
        kept = {"sparsity_m_by_n": (2, 4)} if paired else {}
        return tfmot.sparsity.keras.prune_low_magnitude(layer, schedule, **kept)

    wrapped = _wrap_each(model, picked, wrap)
    fit(wrapped, [tfmot.sparsity.keras.UpdatePruningStep()])
    return _unshared(tfmot.sparsity.keras.strip_pruning(wrapped))


def cluster(model: Model, fit: Fit, n: int) -> Model:
    """Leave `n` different weights in each kernel, zero among them if there are any."""
    tie(model, n)
    fit(model, [])
    return _unshared(model)


def binary(model: Model, fit: Fit) -> Model:
    """Fine-tune with one bit a weight."""
    _inner(able(model), model, "binary")
    return binarize(model, lambda twin: fit(twin, []))


def bits(model: Model, fit: Fit, n: int, kernels: str = "inner") -> Model:
    """Fine-tune with `n` bits a weight; their levels are tied from then on."""
    chosen = able(model, kernels)
    _inner(chosen, model, "quantize_weights")
    plain = round_to_bits(model, n, chosen, lambda twin: fit(twin, []))
    hold(plain)
    return plain


def quantize_aware(model: Model, fit: Fit) -> Model:
    """Fine-tune with int8 rounding in the loop (Jacob et al., 2017)."""
    aware = _quantized(model, quantizable, Default8BitScheme(), "qat")
    fit(aware, [])
    return aware


def quantize_aware_sparse(model: Model, fit: Fit) -> Model:
    """Quantization-aware training in which every zero weight stays zero."""

    def chosen(layer: Layer) -> bool:
        return quantizable(layer, keep_zeros=True)

    aware = _quantized(model, chosen, KeepZerosScheme(), "pqat")
    fit(aware, [KeepZeros(aware)])
    return aware


def quantize_aware_tied(model: Model, fit: Fit) -> Model:
    """Quantization-aware training in which equal weights stay equal, zeros zero.

    One scale for each kernel: with one a channel, equal weights would become
    different integers.
    """
    scheme = Default8BitScheme(disable_per_axis=True)
    aware = _quantized(model, quantizable, scheme, "cqat")
    hold(aware)
    fit(aware, [])
    return aware


TECHNIQUES: dict[str, Callable[..., Model]] = {
    "prune_channels": filters,
    "prune": prune,
    "cluster": cluster,
    "quantize_weights": bits,
    "binary": binary,
    "qat": quantize_aware,
    "pqat": quantize_aware_sparse,
    "cqat": quantize_aware_tied,
    "pcqat": quantize_aware_tied,
}


def kernel_sparsity(model: Model) -> float:
    """Part of all kernels' values that is exactly zero, biases left aside."""
    kernels = [np.asarray(weight) for weight in model.weights if is_kernel(weight)]
    total = sum(kernel.size for kernel in kernels)
    return sum(np.count_nonzero(k == 0) for k in kernels) / total if total else 0.0


def _quantized(
    model: Model, chosen: Callable[[Layer], bool], scheme: Any, name: str
) -> Model:
    picked = _picked(model, chosen, name)
    annotated = _wrap_each(model, picked, annotate)
    tf_keras.backend.reset_uids()  # tfmot numbers a layer of its own, from 0 again
    return quantize(annotated, _limited(scheme, picked))


def _limited(scheme: Any, picked: set[str]) -> Any:
    """The scheme for the picked layers alone.

    Of a layer that is left out, tfmot would still quantize the output where a
    picked one follows, and fail when it does not know how.
    """
    registry = scheme.get_quantize_registry()
    known = registry.supports
    registry.supports = lambda layer: layer.name in picked and known(layer)
    scheme.get_quantize_registry = lambda: registry
    return scheme


def _picked(model: Model, chosen: Callable[[Layer], bool], name: str) -> set[str]:
    """Names of the chosen layers, one of which at least must have weights."""
    picked = {layer.name for layer in model.layers if chosen(layer)}
    if not any(layer.weights for layer in model.layers if layer.name in picked):
        kinds = sorted(
            {type(layer).__name__ for layer in model.layers if layer.weights}
        )
        raise UserError(
            f'{name} can handle no layer of "{model.name}", whose weights are in '
            f"{', '.join(kinds) or 'no layer'}; leave {name} out of the recipe"
        )
    return picked


def _inner(chosen: list[str], model: Model, name: str) -> None:
    if not chosen:
        raise UserError(
            f'{name} can handle no layer of "{model.name}": the first and the last '
            f"kernel stay as they are; leave {name} out of the recipe"
        )


def _wrap_each(model: Model, picked: set[str], wrap: Callable[[Layer], Layer]) -> Model:
    """The same graph with the picked layers wrapped and the others as they are."""

    def clone(layer: Layer) -> Layer:
        return wrap(layer) if layer.name in picked else layer

    return tf_keras.models.clone_model(model, clone_function=clone)


def _unshared(model: Model) -> Model:
    """Equal layers that belong to no other graph, so that support reads this one."""
    clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone
