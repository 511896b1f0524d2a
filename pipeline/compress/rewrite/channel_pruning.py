"""Structured pruning: remove the channels with the smallest filters from a model.

    smaller, kept_whole = prune_channels(model, 0.5)

In: a functional or Sequential Keras 3 model. Out: a model with fewer channels, thus
fewer weights and operations.

Channels that are added to each other (residual nets) can only be removed together. So
every channel of every tensor has a number; numbers of channels that depend on each
other are merged (union-find), and each group of layers loses the same fraction of its
channels: those whose filters have the smallest norms (Li et al., Pruning Filters for
Efficient ConvNets, 2017). Layers that read them lose the matching inputs. Inputs,
outputs, and layers of unsupported classes keep all channels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import clone_with, rebuild_with_weights
from pipeline.core.errors import UserError
from pipeline.models.graph import Call, calls

# Layers that produce new channels: class -> the argument with their number.
WIDTH_ARGUMENT = {
    "Conv1D": "filters",
    "Conv2D": "filters",
    "SeparableConv2D": "filters",
    "Dense": "units",
    "Embedding": "output_dim",
}
CHANNELWISE = frozenset(  # output channel i depends on input channel i
    [
        "Activation",
        "AveragePooling1D",
        "AveragePooling2D",
        "BatchNormalization",
        "Cropping2D",
        "DepthwiseConv2D",
        "Dropout",
        "ELU",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling1D",
        "MaxPooling2D",
        "ReLU",
        "Rescaling",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "UpSampling1D",
        "UpSampling2D",
        "ZeroPadding1D",
        "ZeroPadding2D",
    ]
)
ELEMENTWISE = frozenset(
    ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"]
)
Select = Callable[[np.ndarray], np.ndarray]  # channel numbers -> positions that stay


@dataclass
class _UnionFind:
    """Channel numbers, merged where channels can only be removed together."""

    parents: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)

    def new(self, count: int, fixed: bool = False) -> np.ndarray:
        start = len(self.parents)
        self.parents += range(start, start + count)
        self.fixed |= set(range(start, start + count)) if fixed else set()
        return np.arange(start, start + count)

    def root(self, number: int) -> int:
        while self.parents[number] != number:
            number = self.parents[number]
        return number

    def roots(self, numbers: np.ndarray) -> list[int]:
        return [self.root(number) for number in numbers.tolist()]

    def merge(self, first: np.ndarray, second: np.ndarray) -> None:
        for number, other in zip(first.tolist(), second.tolist(), strict=True):
            self.parents[self.root(number)] = self.root(other)

    def fix(self, numbers: np.ndarray) -> None:
        """Keep these channels, and all that are merged with them."""
        self.fixed |= set(numbers.tolist())


@dataclass
class _Plan:
    """Channel numbers of tensors and layers.

    Args:
        groups: which channels can only be removed together.
        channels: tensor id -> numbers of its channels.
        inputs: layer id -> numbers of the channels that it reads.
        outputs: layer id -> numbers of the channels that it produces.
        producers: layers that produce new channels.
        kept_whole: `layer (Class)` of unsupported layers with weights.
    """

    groups: _UnionFind = field(default_factory=_UnionFind)
    channels: dict[int, np.ndarray] = field(default_factory=dict)
    inputs: dict[int, np.ndarray] = field(default_factory=dict)
    outputs: dict[int, np.ndarray] = field(default_factory=dict)
    producers: list[Any] = field(default_factory=list)
    kept_whole: list[str] = field(default_factory=list)


def prune_channels(
    model: keras.Model, fraction: float
) -> tuple[keras.Model, list[str]]:
    """Remove a fraction of the channels of every group of layers.

    Args:
        model: functional or Sequential; it is not changed.
        fraction: fraction of each group's channels, 0 .. 1; at least one channel stays.

    Returns:
        The smaller model, and `layer (Class)` of each layer with weights that keeps all
        channels because its class is not supported.

    Raises:
        UserError: if no channel of the model can be removed.
    """
    plan = _trace(model)
    removed = _weakest(plan, fraction)
    if not removed:
        raise UserError(
            f'prune_channels supports no layer of "{model.name}": no channel can be '
            "removed; leave prune_channels out of the recipe"
        )
    return _without(model, plan, removed), plan.kept_whole


def _trace(model: keras.Model) -> _Plan:
    """Number the channels of all tensors."""
    plan, steps = _Plan(), calls(model)
    uses = [id(step.operation) for step in steps]
    for step in steps:
        _trace_call(step, plan, shared=uses.count(id(step.operation)) > 1)
    read = {tensor for step in steps for tensor in step.inputs}
    for step in steps:
        for tensor in set(step.outputs) - read:
            plan.groups.fix(plan.channels[tensor])
    return plan


def _trace_call(step: Call, plan: _Plan, shared: bool) -> None:
    """Number the channels of one call's outputs."""
    inputs = [plan.channels[tensor] for tensor in step.inputs]
    outputs = None if shared else _output_channels(step, inputs, plan)
    if outputs is None:  # unsupported: all channels it reads and produces stay
        for numbers in inputs:
            plan.groups.fix(numbers)
        if getattr(step.operation, "weights", None):
            plan.kept_whole.append(f"{step.name} ({step.kind})")
        outputs = plan.groups.new(step.channels, fixed=True)
    plan.channels |= dict.fromkeys(step.outputs, outputs)


def _output_channels(
    step: Call, inputs: list[np.ndarray], plan: _Plan
) -> np.ndarray | None:
    """Return the channel numbers of a call's output; None if it is unsupported."""
    layer, count = step.operation, step.channels
    if step.kind in WIDTH_ARGUMENT and getattr(layer, "groups", 1) == 1:
        return _produced(step, inputs, plan)
    if step.kind in CHANNELWISE and len(inputs) == 1 and len(inputs[0]) == count:
        plan.inputs[id(layer)] = inputs[0]
        return inputs[0]
    if step.kind in ELEMENTWISE and all(len(numbers) == count for numbers in inputs):
        for other in inputs[1:]:
            plan.groups.merge(other, inputs[0])
        return inputs[0]
    if step.kind == "Concatenate" and layer.axis in (-1, len(step.output_shapes[0])):
        return np.concatenate(inputs)
    if step.kind in ("Flatten", "Reshape"):
        return _reshaped(step, inputs[0], plan)
    return None


def _produced(step: Call, inputs: list[np.ndarray], plan: _Plan) -> np.ndarray | None:
    """Return new channel numbers for a layer that produces channels."""
    layer = step.operation
    if getattr(layer, "depth_multiplier", 1) != 1 or layer in plan.producers:
        return None
    outputs = plan.groups.new(getattr(layer, WIDTH_ARGUMENT[step.kind]))
    plan.producers.append(layer)
    plan.inputs[id(layer)] = inputs[0]
    plan.outputs[id(layer)] = outputs
    if getattr(layer, "activation", None) is keras.activations.softmax:
        plan.groups.fix(outputs)
    return outputs


def _reshaped(step: Call, numbers: np.ndarray, plan: _Plan) -> np.ndarray | None:
    """Follow channels through Flatten and Reshape, where that is possible.

    The channel is the last axis, so a flat vector repeats all channels per position.
    """
    before, after = step.input_shapes[0], step.output_shapes[0]
    if len(after) == 1 and after[0] == math.prod(before):
        plan.inputs[id(step.operation)] = np.tile(numbers, math.prod(before[:-1]))
        return plan.inputs[id(step.operation)]
    if after[-1] == before[-1] and step.kind == "Reshape":
        plan.inputs[id(step.operation)] = numbers
        return numbers
    return None


def _weakest(plan: _Plan, fraction: float) -> set[int]:
    """Return the roots of the channels to remove."""
    fixed = {plan.groups.root(number) for number in plan.groups.fixed}
    norms = _summed_norms(plan)
    removed: set[int] = set()
    for roots in _layer_groups(plan, norms):
        if not fixed & set(roots):
            order = sorted(roots, key=lambda root: (norms[root], root))
            removed |= set(order[: min(round(fraction * len(roots)), len(roots) - 1)])
    return removed


def _summed_norms(plan: _Plan) -> dict[int, float]:
    """Map each root to the summed filter norms of its channels."""
    norms: dict[int, float] = defaultdict(float)
    for layer in plan.producers:
        roots = plan.groups.roots(plan.outputs[id(layer)])
        for root, norm in zip(roots, _filter_norms(layer), strict=True):
            norms[root] += norm
    return norms


def _layer_groups(plan: _Plan, norms: dict[int, float]) -> list[list[int]]:
    """Group the roots of all layers whose channels depend on each other."""
    groups = _UnionFind(list(range(len(plan.groups.parents))))
    for layer in plan.producers:
        roots = plan.groups.roots(plan.outputs[id(layer)])
        groups.merge(np.array(roots[1:], int), np.array(roots[:-1], int))
    members: dict[int, list[int]] = defaultdict(list)
    for root in norms:
        members[groups.root(root)].append(root)
    return list(members.values())


def _filter_norms(layer: Any) -> np.ndarray:
    """Return the L2 norm of each output channel's filter over the layer's mean norm."""
    kernel = np.asarray(layer.get_weights()[_kernel_index(layer)])
    norms = np.sqrt((kernel.reshape(-1, kernel.shape[-1]) ** 2).sum(0))
    return norms / max(float(norms.mean()), 1e-12)


def _kernel_index(layer: Any) -> int:
    """Return which weight has the output channels as its last axis."""
    return 1 if type(layer).__name__ == "SeparableConv2D" else 0


def _without(model: keras.Model, plan: _Plan, removed: set[int]) -> keras.Model:
    """Copy a model without the removed channels."""

    def select(numbers: np.ndarray) -> np.ndarray:
        roots = plan.groups.roots(numbers)
        return np.flatnonzero([root not in removed for root in roots])

    return rebuild_with_weights(
        model,
        lambda layer: _resized(layer, plan, select),
        lambda layer: _selected_weights(layer, plan, select),
    )


def _resized(layer: Any, plan: _Plan, select: Select) -> Any:
    """Return a copy with fewer channels; None if the layer's config has no width."""
    kind = type(layer).__name__
    if id(layer) in plan.outputs:
        count = len(select(plan.outputs[id(layer)]))
        return clone_with(layer, **{WIDTH_ARGUMENT[kind]: count})
    if kind == "Reshape" and id(layer) in plan.inputs:
        count = len(select(plan.inputs[id(layer)]))
        return clone_with(layer, target_shape=(*layer.target_shape[:-1], count))
    return None


def _selected_weights(layer: Any, plan: _Plan, select: Select) -> list[np.ndarray]:
    """Return a layer's weights without the removed channels."""
    weights = [np.asarray(weight) for weight in layer.get_weights()]
    if not weights or id(layer) not in plan.inputs:
        return weights
    inputs, kind = select(plan.inputs[id(layer)]), type(layer).__name__
    if id(layer) not in plan.outputs:  # channelwise; depthwise kernels use axis 2
        return [np.take(w, inputs, 2 if w.ndim == 4 else -1) for w in weights]
    outputs = select(plan.outputs[id(layer)])
    if kind == "Embedding":
        return [weights[0][:, outputs]]
    if kind == "SeparableConv2D":
        weights[0] = np.take(weights[0], inputs, 2)
    index = _kernel_index(layer)
    weights[index] = np.take(np.take(weights[index], inputs, -2), outputs, -1)
    return [*weights[: index + 1], *(bias[outputs] for bias in weights[index + 1 :])]
