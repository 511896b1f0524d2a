"""The techniques of a recipe on Keras 3: a transform per kernel, trained and written.

In: a functional Keras 3 model, which is changed in place, and a function that fits a
model. Out: the model whose kernels have what the technique promises. Every layer with
a kernel is supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import keras

from pipeline.compress.native.fine_tuning import Fit
from pipeline.compress.native.kernels import Kernel, inner, kernels_of
from pipeline.compress.native.masks import mask_of
from pipeline.compress.native.transformed_model import TransformedModel
from pipeline.compress.native.transforms import (
    Binary,
    Chain,
    Clustered,
    Int8,
    KernelTransform,
    LowBit,
    Masked,
    preserving,
)
from pipeline.compress.tfmot.techniques import GRADUAL
from pipeline.compress.tfmot.weight_sharing import find_clusters
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step

# Training for int8 -> whether it preserves zeros, and clusters.
PRESERVED = {
    "qat": (False, False),
    "pqat": (True, False),
    "cqat": (True, True),
    "pcqat": (True, True),
}


def apply(step: Step, model: keras.Model, fit: Fit) -> None:
    """Run one technique.

    Args:
        step: a technique of the recipe grammar.
        model: functional; changed in place. For training for int8 it has fake
            quantization of its activations.
        fit: fine-tunes a model in place.

    Raises:
        UserError: if the technique supports no kernel of the model, or is written for
            tfmot alone.
    """
    if step.name in PRESERVED:
        _quantization_aware(model, fit, *PRESERVED[step.name])
    elif step.name in TECHNIQUES:
        TECHNIQUES[step.name](model, fit, **step.args)
    else:
        raise UserError(
            f"{step.name} is not available with `trainer: native` (available: "
            f"{', '.join([*TECHNIQUES, *PRESERVED])}); use `trainer: tfmot`"
        )


def _fine_tune(model: keras.Model, fit: Fit, fraction: float) -> None:
    """Fine-tune a model whose channels have been removed."""
    train(model, fit, kernels_of(model), lambda kernel: [])


def _prune(
    model: keras.Model,
    fit: Fit,
    sparsity: float,
    structure: str = "free",
    schedule: str = "constant",
) -> None:
    """Zero the smallest weights; `gradual` is three fits with rising sparsity."""
    kernels = _required(kernels_of(model), model, "prune")
    for factor in GRADUAL if schedule == "gradual" else (1.0,):
        level = factor * sparsity
        train(model, fit, kernels, partial(_masked, level=level, structure=structure))


def _masked(kernel: Kernel, level: float, structure: str) -> list[KernelTransform]:
    return [Masked(mask_of(kernel, level, structure))]


def _cluster(model: keras.Model, fit: Fit, n: int) -> None:
    """Leave at most `n` distinct weights in each kernel; zeros stay zero."""
    kernels = _required(kernels_of(model), model, "cluster")
    for kernel in kernels:
        members, centers = find_clusters(kernel.values.ravel(), n)
        kernel.variable.assign(centers[members].reshape(kernel.values.shape))
    train(model, fit, kernels, lambda kernel: [Clustered(kernel.values)])


def _quantize_weights(
    model: keras.Model, fit: Fit, n: int, kernels: str = "inner"
) -> None:
    """Train `n` bits per weight, with one learned step per kernel."""
    selected = _required(selected_kernels(model, kernels), model, "quantize_weights")
    names = {kernel.variable.path for kernel in selected}

    def steps(kernel: Kernel) -> list[KernelTransform]:
        if kernel.variable.path in names:
            return [LowBit(kernel.values, n)]
        return [Masked(kernel.values != 0)]

    train(model, fit, kernels_of(model), steps)


def _binary(model: keras.Model, fit: Fit) -> None:
    """Train one bit per weight, in all but the first and the last layer."""
    selected = _required(selected_kernels(model, "inner"), model, "binary")
    train(model, fit, selected, lambda kernel: [Binary(kernel.channel_axes)])


def _quantization_aware(
    model: keras.Model, fit: Fit, zeros: bool, clusters: bool
) -> None:
    """Train for int8; equal weights get one scale per kernel, or they would differ."""
    kernels = _required(kernels_of(model), model, "qat")

    def steps(kernel: Kernel) -> list[KernelTransform]:
        kept = preserving(kernel.values, zeros, clusters)
        return [*kept, Int8(() if clusters else kernel.channel_axes)]

    train(model, fit, kernels, steps)


def train(
    model: keras.Model,
    fit: Fit,
    kernels: Sequence[Kernel],
    steps: Callable[[Kernel], list[KernelTransform]],
) -> None:
    """Fit a model with transformed kernels, and write these into it.

    Args:
        model: changed in place.
        fit: fits a model in place.
        kernels: the kernels that are transformed.
        steps: kernel -> its transforms, in their order.
    """
    pairs = [(kernel.variable, Chain(steps(kernel))) for kernel in kernels]
    transformed = TransformedModel(model, pairs)
    fit(transformed)
    transformed.bake()


def selected_kernels(model: keras.Model, which: str) -> list[Kernel]:
    """List `all` kernels, or the `inner`: without those of the first and last layer."""
    kernels = kernels_of(model)
    return kernels if which == "all" else inner(kernels)


TECHNIQUES: dict[str, Callable[..., None]] = {
    "prune_channels": _fine_tune,
    "prune": _prune,
    "cluster": _cluster,
    "quantize_weights": _quantize_weights,
    "binary": _binary,
}


def _required(
    kernels: list[Kernel], model: keras.Model, technique: str
) -> list[Kernel]:
    if not kernels:
        raise UserError(
            f'{technique} supports no layer of "{model.name}": it has no kernel to '
            f"change; leave {technique} out of the recipe"
        )
    return kernels
