"""Gradient norms per kernel, and a diagnosis of vanishing or exploding gradients.

In: a model and training examples. Out: gradients.csv and a warning. Glorot, Bengio,
Understanding the Difficulty of Training Deep Feedforward Neural Networks, 2010:
saturating activations attenuate the gradient in every layer, so that the first layers
of deep nets receive none; large weights amplify it instead.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.training import target_of, training_of
from pipeline.training.batches import to_input
from pipeline.training.losses import make_loss
from pipeline.training.params import FitSettings

EXAMPLES = 256
VANISHING = 1e-4  # ratio of a kernel's gradient to that of the last one
EXPLODING = 1e4  # the same ratio
MAXIMUM = 1e3  # of any kernel's gradient of a mean loss

Norms = Mapping[str, float]


def gradient_norms(
    model: keras.Model, spec: TaskSpec, train: Split, settings: FitSettings
) -> dict[str, float]:
    """Compute the root mean square of the loss gradient of each kernel.

    Args:
        model: left unchanged.
        spec: signature of the data.
        train: the first 256 examples are used, or 256 of the whole split.
        settings: name the loss.

    Returns:
        Weight path, such as `dense1/kernel` -> gradient per weight, in model order.
    """
    loss = make_loss(settings, spec, keras)
    before = [variable.numpy() for variable in model.non_trainable_variables]
    # Losses that compare examples need several classes, which may follow one another.
    step = max(1, len(train) // EXAMPLES) if training_of(spec).per_class else 1
    rows = slice(0, step * EXAMPLES, step)
    x = to_input(tf.constant(train.x[rows]), spec)
    y = target_of(tf.constant(train.y[rows]), x, spec)
    kernels = [weight for weight in model.trainable_weights if _is_kernel(weight)]
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(y, model(x, training=True)))
    gradients = tape.gradient(value, [kernel.value for kernel in kernels])
    for variable, initial in zip(model.non_trainable_variables, before):
        variable.assign(initial)  # batch norms have moved their statistics
    return {kernel.path: _rms(grad) for kernel, grad in zip(kernels, gradients)}


def diagnose(norms: Norms) -> str:
    """Describe vanishing or exploding gradients in one line.

    Args:
        norms: of `gradient_norms`.

    Returns:
        The diagnosis with advice, or an empty text if gradients are healthy.
    """
    if len(norms) < 2:
        return ""
    last, reference = list(norms.items())[-1]
    if not np.isfinite(list(norms.values())).all() or max(norms.values()) > MAXIMUM:
        return _exploding(max(norms, key=lambda name: _size(norms[name])), norms)
    if reference == 0:
        return f"gradients vanish: the last kernel, {last}, gets none; {_ADVICE}"
    smallest = min(norms, key=lambda name: norms[name])
    if norms[smallest] < VANISHING * reference:
        return (
            f"gradients vanish: {smallest} gets {norms[smallest]:.1e} per weight, "
            f"{last} {reference:.1e}; {_ADVICE}"
        )
    largest = max(norms, key=lambda name: norms[name])
    return _exploding(largest, norms) if norms[largest] > EXPLODING * reference else ""


def write_norms(path: Path, before: Norms, after: Norms) -> None:
    """Write a CSV table: kernel, gradient before the fit, gradient after it.

    Args:
        path: CSV file.
        before: result of `gradient_norms` before the fit.
        after: result of `gradient_norms` after the fit, for the same model.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kernel", "before", "after"])
        writer.writerows([name, before[name], after[name]] for name in before)


_ADVICE = "try relu with he_normal, batch normalization, or fewer layers (tune.values)"


def _exploding(name: str, norms: Norms) -> str:
    return (
        f"gradients explode: {name} gets {norms[name]:.1e} per weight; "
        "try train.global_clipnorm, a lower learning rate, or he_normal (tune.values)"
    )


def _size(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _is_kernel(weight: Any) -> bool:
    """Leave biases out: those of keys of attention change no output, by its softmax."""
    return len(weight.shape) > 1 and weight.name != "bias"


def _rms(gradient: Any) -> float:
    if gradient is None:
        return 0.0
    return float(np.sqrt(np.mean(np.square(tf.convert_to_tensor(gradient)))))
