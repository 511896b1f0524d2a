"""The techniques of a recipe: pruning, clustering, few bits, and training for int8.

In: a fresh tf_keras model (tfmot's wrappers change the layers that they wrap) and a
function that fits a model in place. Out: the fine-tuned model, ready for the next
technique or for the export. Layers that a technique does not support stay unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from pipeline.compress.tfmot.binary import binarize
from pipeline.compress.tfmot.blocks import prune_blocks
from pipeline.compress.tfmot.callbacks import PreserveZeros, is_kernel
from pipeline.compress.tfmot.fake_quant_layers import supported_layers
from pipeline.compress.tfmot.keras_layer import kind_of
from pipeline.compress.tfmot.supported_layers import (
    prunable,
    quantizable,
    supports_two_of_four,
)
from pipeline.compress.tfmot.weight_quantization import fit_low_bit
from pipeline.compress.tfmot.weight_sharing import cluster_weights, preserve_clusters
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step

Model: TypeAlias = tf_keras.Model
Layer: TypeAlias = tf_keras.layers.Layer
Fit = Callable[[Model, Sequence[Any]], Any]  # fits a model in place, with callbacks

MASK_EVERY = 50  # optimizer steps between two updates of the pruning masks
GRADUAL = (0.7, 0.96, 1.0)  # 1 - (1 - t)^3 after each third, times the sparsity
annotate = tfmot.quantization.keras.quantize_annotate_layer
quantize = tfmot.quantization.keras.quantize_apply
Default8BitScheme = tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme
KeepZerosScheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme


def apply(step: Step, model: Model, fit: Fit) -> Model:
    """Run one technique.

    Args:
        step: a technique of the recipe grammar.
        model: functional model as the bridge or an earlier technique made it.
        fit: fine-tunes a model in place.

    Returns:
        The fine-tuned model.

    Raises:
        UserError: if the technique supports no layer with weights.
    """
    return TECHNIQUES[step.name](model, fit, **step.args)


def fine_tune_pruned(model: Model, fit: Fit, fraction: float) -> Model:
    """Fine-tune a model whose channels `rewrite.prune_channels` has removed.

    Args:
        model: the smaller model.
        fit: fine-tunes a model in place.
        fraction: fraction of the channels that was removed; unused here.

    Returns:
        The same model.
    """
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

    The full sparsity is reached at the first step because a fit keeps the weights of
    its best epoch: if sparsity rose within one fit, an early best epoch would be too
    dense. `gradual` is therefore three fits, with a third of the epochs each, at
    sparsities on the cubic curve of Zhu & Gupta (To prune or not to prune, 2017).

    Args:
        model: functional model as the bridge or an earlier technique made it.
        fit: fine-tunes a model in place.
        sparsity: fraction of each kernel that becomes zero, 0 .. 1.
        structure: `free`; `two_of_four` for two zeros in every four weights of a row;
            `block` for blocks of four adjacent zeros.
        schedule: `constant` or `gradual`.

    Returns:
        A new model of the same layers.

    Raises:
        UserError: if tfmot can prune no layer.
    """
    _select(model, prunable, "prune")
    for factor in GRADUAL if schedule == "gradual" else (1.0,):
        model = _pruned(model, fit, factor * sparsity, structure)
    return model


def _pruned(model: Model, fit: Fit, sparsity: float, structure: str) -> Model:
    selected = _select(model, prunable, "prune")
    if structure == "block":
        prune_blocks(model, selected, sparsity)
        fit(model, [])
        return _detached(model)
    # Step 0 is never reached, so the first mask is made at step 1.
    schedule = tfmot.sparsity.keras.ConstantSparsity(
        sparsity, begin_step=1, frequency=MASK_EVERY
    )

    def wrap(layer: Layer) -> Layer:
        paired = structure == "two_of_four" and supports_two_of_four(layer)
        options = {"sparsity_m_by_n": (2, 4)} if paired else {}
        return tfmot.sparsity.keras.prune_low_magnitude(layer, schedule, **options)

    wrapped = _wrap_layers(model, selected, wrap)
    fit(wrapped, [tfmot.sparsity.keras.UpdatePruningStep()])
    return _detached(tfmot.sparsity.keras.strip_pruning(wrapped))


def cluster(model: Model, fit: Fit, n: int) -> Model:
    """Leave at most `n` distinct weights in each kernel; zeros stay zero.

    Args:
        model: changed in place.
        fit: fine-tunes a model in place.
        n: maximum number of distinct weights per kernel.

    Returns:
        A new model of the same layers.
    """
    cluster_weights(model, n)
    fit(model, [])
    return _detached(model)


def binary(model: Model, fit: Fit) -> Model:
    """Fine-tune with one bit per weight.

    Args:
        model: functional model as the bridge made it.
        fit: fine-tunes a model in place.

    Returns:
        A new model of the same layers.

    Raises:
        UserError: if no kernel between the first and the last one can be binary.
    """
    _require_layers(supported_layers(model), model, "binary")
    return binarize(model, lambda trained: fit(trained, []))


def quantize_weights(model: Model, fit: Fit, n: int, kernels: str = "inner") -> Model:
    """Fine-tune with `n` bits per weight; later techniques keep equal weights equal.

    Args:
        model: functional model as the bridge or an earlier technique made it.
        fit: fine-tunes a model in place.
        n: bits per weight.
        kernels: `all`, or `inner`: without the first and the last kernel.

    Returns:
        A new model of the same layers.

    Raises:
        UserError: if no such kernel can be quantized.
    """
    names = supported_layers(model, kernels)
    _require_layers(names, model, "quantize_weights")
    plain = fit_low_bit(model, n, names, lambda trained: fit(trained, []))
    preserve_clusters(plain)
    return plain


def quantization_aware(model: Model, fit: Fit) -> Model:
    """Fine-tune with fake quantization to int8 (Jacob et al., 2017).

    Args:
        model: functional model as the bridge or an earlier technique made it.
        fit: fine-tunes a model in place.

    Returns:
        The model in tfmot's quantization wrappers.

    Raises:
        UserError: if tfmot can quantize no layer with weights.
    """
    aware = _quantized(model, quantizable, Default8BitScheme(), "qat")
    fit(aware, [])
    return aware


def sparsity_preserving(model: Model, fit: Fit) -> Model:
    """Fine-tune with fake quantization to int8 and keep every zero weight zero.

    Arguments, result and error are those of `quantization_aware`.
    """

    def supported(layer: Layer) -> bool:
        return quantizable(layer, keep_zeros=True)

    aware = _quantized(model, supported, KeepZerosScheme(), "pqat")
    fit(aware, [PreserveZeros(aware)])
    return aware


def cluster_preserving(model: Model, fit: Fit) -> Model:
    """Fine-tune with fake quantization to int8; equal weights stay equal, zeros zero.

    Each kernel has one scale: with one per channel, equal weights would become
    different integers. Arguments, result and error are those of `quantization_aware`.
    """
    scheme = Default8BitScheme(disable_per_axis=True)
    aware = _quantized(model, quantizable, scheme, "cqat")
    preserve_clusters(aware)
    fit(aware, [])
    return aware


TECHNIQUES: dict[str, Callable[..., Model]] = {
    "prune_channels": fine_tune_pruned,
    "prune": prune,
    "cluster": cluster,
    "quantize_weights": quantize_weights,
    "binary": binary,
    "qat": quantization_aware,
    "pqat": sparsity_preserving,
    "cqat": cluster_preserving,
    "pcqat": cluster_preserving,
}


def kernel_sparsity(model: Model) -> float:
    """Compute the fraction of all kernels' values that is exactly zero, without biases.

    Args:
        model: a tf_keras model.

    Returns:
        0 .. 1; 0 for a model without kernels.
    """
    kernels = [np.asarray(weight) for weight in model.weights if is_kernel(weight)]
    total = sum(kernel.size for kernel in kernels)
    return sum(np.count_nonzero(k == 0) for k in kernels) / total if total else 0.0


def _quantized(
    model: Model, supported: Callable[[Layer], bool], scheme: Any, name: str
) -> Model:
    selected = _select(model, supported, name)
    annotated = _wrap_layers(model, selected, annotate)
    tf_keras.backend.reset_uids()  # or the number of tfmot's own layer would go up
    return quantize(annotated, _limited(scheme, selected))


def _limited(scheme: Any, selected: set[str]) -> Any:
    """Limit a scheme to the selected layers.

    tfmot would also quantize the output of another layer that a selected one follows,
    and fail if it does not support its class.
    """
    registry = scheme.get_quantize_registry()
    supports = registry.supports
    registry.supports = lambda layer: layer.name in selected and supports(layer)
    scheme.get_quantize_registry = lambda: registry
    return scheme


def _select(model: Model, supported: Callable[[Layer], bool], name: str) -> set[str]:
    """Return the names of the supported layers, of which one must have weights."""
    selected = {layer.name for layer in model.layers if supported(layer)}
    if not any(layer.weights for layer in model.layers if layer.name in selected):
        weighted = {kind_of(layer) for layer in model.layers if layer.weights}
        raise UserError(
            f'{name} supports no layer of "{model.name}", whose weights are in '
            f"{', '.join(sorted(weighted)) or 'no layer'}; leave {name} out of the "
            "recipe"
        )
    return selected


def _require_layers(names: list[str], model: Model, technique: str) -> None:
    if not names:
        raise UserError(
            f'{technique} supports no layer of "{model.name}": the first and the last '
            f"kernel stay unchanged; leave {technique} out of the recipe"
        )


def _wrap_layers(
    model: Model, selected: set[str], wrap: Callable[[Layer], Layer]
) -> Model:
    """Return the same graph with the selected layers wrapped."""

    def clone(layer: Layer) -> Layer:
        return wrap(layer) if layer.name in selected else layer

    return tf_keras.models.clone_model(model, clone_function=clone)


def _detached(model: Model) -> Model:
    """Return a copy whose layers are in no other graph, as `quantizable` requires."""
    clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone
