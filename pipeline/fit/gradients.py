"""Do gradients reach the first layers? A word about it when they do not.

Glorot, Bengio, Understanding the Difficulty of Training Deep Feedforward Neural
Networks, 2010: with saturating activations each layer passes a part of the
gradient on, so that deep ones get none; with large weights it grows instead.
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
from pipeline.fit.batches import to_input
from pipeline.fit.losses import make_loss
from pipeline.fit.params import FitSettings
from pipeline.tasks.training import target_of

EXAMPLES = 256
VANISHING = 1e-4  # of a kernel's gradient to the last one's, per weight
EXPLODING = 1e4
LARGEST = 1e3  # of any kernel's gradient of a mean loss, per weight

Norms = Mapping[str, float]


def gradient_norms(
    model: keras.Model, spec: TaskSpec, train: Split, settings: FitSettings
) -> dict[str, float]:
    """Root mean square of the loss's gradient by each kernel, in model order.

    Args:
        train: its first 256 examples are used.

    Returns:
        Weight path, such as `dense1/kernel`, -> gradient per weight.
    """
    loss = make_loss(settings, spec, keras)
    before = [variable.numpy() for variable in model.non_trainable_variables]
    x = to_input(tf.constant(train.x[:EXAMPLES]), spec)
    y = target_of(tf.constant(train.y[:EXAMPLES]), x, spec)
    kernels = [weight for weight in model.trainable_weights if len(weight.shape) > 1]
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(y, model(x, training=True)))
    found = tape.gradient(value, [kernel.value for kernel in kernels])
    for variable, was in zip(model.non_trainable_variables, before):
        variable.assign(was)  # the statistics of batch norms have moved
    return {kernel.path: _rms(grad) for kernel, grad in zip(kernels, found)}


def verdict(norms: Norms) -> str:
    """One line when gradients vanish or explode, else nothing."""
    if len(norms) < 2:
        return ""
    *_, (last, reference) = norms.items()
    if not np.isfinite(list(norms.values())).all() or max(norms.values()) > LARGEST:
        return _exploding(max(norms, key=lambda name: _size(norms[name])), norms)
    if reference == 0:
        return f"gradients vanish: the last kernel, {last}, gets none; {_VANISHING}"
    smallest = min(norms, key=lambda name: norms[name])
    if norms[smallest] < VANISHING * reference:
        return (
            f"gradients vanish: {smallest} gets {norms[smallest]:.1e} per weight, "
            f"{last} {reference:.1e}; {_VANISHING}"
        )
    largest = max(norms, key=lambda name: norms[name])
    return _exploding(largest, norms) if norms[largest] > EXPLODING * reference else ""


def write_norms(path: Path, before: Norms, after: Norms) -> None:
    """A table: kernel, gradient before the first step, gradient after the fit."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kernel", "before", "after"])
        writer.writerows([name, before[name], after[name]] for name in before)


_VANISHING = (
    "try relu with he_normal, batch normalization, or fewer layers (tune.values)"
)


def _exploding(name: str, norms: Norms) -> str:
    return (
        f"gradients explode: {name} gets {norms[name]:.1e} per weight; "
        "try train.clip_norm, a lower learning rate, or he_normal (tune.values)"
    )


def _size(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _rms(gradient: Any) -> float:
    if gradient is None:
        return 0.0
    return float(np.sqrt(np.mean(np.square(tf.convert_to_tensor(gradient)))))
