"""Structured pruning: a Keras 3 model without its weakest channels, really smaller.

    smaller, left_out = slim(model, 0.5)

Channels that are added to each other must go together (residual nets). So every
channel of every tensor has a number, the numbers of channels that must share a fate
are joined, and each group of layers loses the same part of its channels: those whose
filters have the smallest norms (Li et al., Pruning Filters for Efficient ConvNets,
2017). What reads them loses the matching inputs. Inputs, outputs and what is not
known keep all.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import copy_of, give_weights, regraph
from pipeline.core.errors import UserError
from pipeline.models.graph import Call, calls

# Layers with channels of their own: class -> the argument that counts them.
WIDTH = {
    "Conv1D": "filters",
    "Conv2D": "filters",
    "SeparableConv2D": "filters",
    "Dense": "units",
    "Embedding": "output_dim",
}
ALONE = frozenset(  # each channel by itself
    "Activation AveragePooling1D AveragePooling2D BatchNormalization Cropping2D "
    "DepthwiseConv2D Dropout ELU GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalMaxPooling1D GlobalMaxPooling2D LayerNormalization LeakyReLU MaxPooling1D "
    "MaxPooling2D ReLU Rescaling SpatialDropout1D SpatialDropout2D UpSampling1D "
    "UpSampling2D ZeroPadding1D ZeroPadding2D".split()
)
TOGETHER = frozenset("Add Average Maximum Minimum Multiply Subtract".split())


@dataclass
class _Fates:
    """Numbers of channels, joined where they must share a fate (union-find)."""

    above: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)

    def new(self, count: int, fixed: bool = False) -> np.ndarray:
        first = len(self.above)
        self.above += range(first, first + count)
        self.fixed |= set(range(first, first + count)) if fixed else set()
        return np.arange(first, first + count)

    def root(self, one: int) -> int:
        while self.above[one] != one:
            one = self.above[one]
        return one

    def roots(self, numbers: np.ndarray) -> list[int]:
        return [self.root(one) for one in numbers.tolist()]

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        for one, other in zip(first.tolist(), second.tolist(), strict=True):
            self.above[self.root(one)] = self.root(other)

    def kept_whole(self, numbers: np.ndarray) -> None:
        self.fixed |= set(numbers.tolist())


@dataclass
class _Plan:
    """Channels of each tensor, and what each layer reads and makes."""

    fates: _Fates = field(default_factory=_Fates)
    channels: dict[int, np.ndarray] = field(default_factory=dict)
    reads: dict[int, np.ndarray] = field(default_factory=dict)
    makes: dict[int, np.ndarray] = field(default_factory=dict)
    makers: list[Any] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def slim(model: keras.Model, fraction: float) -> tuple[keras.Model, list[str]]:
    """Remove `fraction` of the channels of every group of layers.

    Args:
        model: functional or Sequential; it is not changed.
        fraction: of the channels of each group; at least one stays.

    Returns:
        The smaller model, and `layer (Class)` of what keeps all its channels though
        it has weights.

    Raises:
        UserError: when no layer can lose a channel.
    """
    plan = _planned(model)
    dead = _weakest(plan, fraction)
    if not dead:
        raise UserError(
            f'prune_channels can handle no layer of "{model.name}": no channel is free to '
            "go; leave prune_channels out of the recipe"
        )
    return _rebuilt(model, plan, dead), plan.left_out


def _planned(model: keras.Model) -> _Plan:
    plan, steps = _Plan(), calls(model)
    uses = [id(step.operation) for step in steps]
    for step in steps:
        _trace(step, plan, shared=uses.count(id(step.operation)) > 1)
    read = {tensor for step in steps for tensor in step.inputs}
    for step in steps:
        for tensor in set(step.outputs) - read:
            plan.fates.kept_whole(plan.channels[tensor])
    return plan


def _trace(step: Call, plan: _Plan, shared: bool) -> None:
    """Number the channels that one call makes."""
    given = [plan.channels[tensor] for tensor in step.inputs]
    made = None if shared else _made(step, given, plan)
    if made is None:  # not known: all that it reads and makes stays
        for numbers in given:
            plan.fates.kept_whole(numbers)
        if getattr(step.operation, "weights", None):
            plan.left_out.append(f"{step.name} ({step.kind})")
        made = plan.fates.new(step.channels, fixed=True)
    plan.channels |= dict.fromkeys(step.outputs, made)


def _made(step: Call, given: list[np.ndarray], plan: _Plan) -> np.ndarray | None:
    layer, count = step.operation, step.channels
    if step.kind in WIDTH and getattr(layer, "groups", 1) == 1:
        return _maker(step, given, plan)
    if step.kind in ALONE and len(given) == 1 and len(given[0]) == count:
        plan.reads[id(layer)] = given[0]
        return given[0]
    if step.kind in TOGETHER and all(len(each) == count for each in given):
        for other in given[1:]:
            plan.fates.join(other, given[0])
        return given[0]
    if step.kind == "Concatenate" and layer.axis in (-1, len(step.output_shapes[0])):
        return np.concatenate(given)
    if step.kind in ("Flatten", "Reshape"):
        return _spread(step, given[0], plan)
    return None


def _maker(step: Call, given: list[np.ndarray], plan: _Plan) -> np.ndarray | None:
    layer = step.operation
    if getattr(layer, "depth_multiplier", 1) != 1 or layer in plan.makers:
        return None
    made = plan.fates.new(getattr(layer, WIDTH[step.kind]))
    plan.makers.append(layer)
    plan.reads[id(layer)] = given[0]
    plan.makes[id(layer)] = made
    if getattr(layer, "activation", None) is keras.activations.softmax:
        plan.fates.kept_whole(made)
    return made


def _spread(step: Call, given: np.ndarray, plan: _Plan) -> np.ndarray | None:
    """Places by channels, the channel last, so a flat vector repeats the channels."""
    before, after = step.input_shapes[0], step.output_shapes[0]
    if len(after) == 1 and after[0] == math.prod(before):
        plan.reads[id(step.operation)] = np.tile(given, math.prod(before[:-1]))
        return plan.reads[id(step.operation)]
    if after[-1] == before[-1] and step.kind == "Reshape":
        plan.reads[id(step.operation)] = given
        return given
    return None


def _weakest(plan: _Plan, fraction: float) -> set[int]:
    """Roots of the channels that go."""
    fixed = {plan.fates.root(one) for one in plan.fates.fixed}
    worth: dict[int, float] = defaultdict(float)
    groups = _Fates(list(range(len(plan.fates.above))))
    for layer in plan.makers:
        roots = plan.fates.roots(plan.makes[id(layer)])
        for root, norm in zip(roots, _norms(layer), strict=True):
            worth[root] += norm
        groups.join(np.array(roots[1:], int), np.array(roots[:-1], int))
    members: dict[int, list[int]] = defaultdict(list)
    for root in worth:
        members[groups.root(root)].append(root)
    dead: set[int] = set()
    for roots in members.values():
        if not fixed & set(roots):
            order = sorted(roots, key=lambda root: (worth[root], root))
            dead |= set(order[: min(round(fraction * len(roots)), len(roots) - 1)])
    return dead


def _norms(layer: Any) -> np.ndarray:
    """Of the filter of each channel, in units of the layer's mean."""
    kernel = np.asarray(layer.get_weights()[_main(layer)])
    norms = np.sqrt((kernel.reshape(-1, kernel.shape[-1]) ** 2).sum(0))
    return norms / max(float(norms.mean()), 1e-12)


def _main(layer: Any) -> int:
    """Which weight has the output channels last."""
    return 1 if type(layer).__name__ == "SeparableConv2D" else 0


def _rebuilt(model: keras.Model, plan: _Plan, dead: set[int]) -> keras.Model:
    def kept(numbers: np.ndarray) -> np.ndarray:
        roots = plan.fates.roots(numbers)
        return np.flatnonzero([root not in dead for root in roots])

    pairs: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        copy = _resized(layer, plan, kept)
        pairs.append((layer, copy))
        return copy

    smaller = regraph(model, make)
    for layer, copy in pairs:
        if copy is not layer and layer.weights:
            give_weights(copy, _cut(layer, plan, kept))
    return smaller


def _resized(layer: Any, plan: _Plan, kept: Callable) -> Any:
    kind = type(layer).__name__
    if id(layer) in plan.makes:
        count = len(kept(plan.makes[id(layer)]))
        return type(layer).from_config({**layer.get_config(), WIDTH[kind]: count})
    if kind == "Reshape" and id(layer) in plan.reads:
        count = len(kept(plan.reads[id(layer)]))
        shape = (*layer.target_shape[:-1], count)
        return type(layer).from_config({**layer.get_config(), "target_shape": shape})
    return copy_of(layer)


def _cut(layer: Any, plan: _Plan, kept: Callable) -> list[np.ndarray]:
    """The layer's weights without the channels that went."""
    weights = [np.asarray(weight) for weight in layer.get_weights()]
    if id(layer) not in plan.reads:
        return weights
    reads, kind = kept(plan.reads[id(layer)]), type(layer).__name__
    if id(layer) not in plan.makes:  # one channel by itself; of depthwise, axis 2
        return [np.take(w, reads, 2 if w.ndim == 4 else -1) for w in weights]
    makes = kept(plan.makes[id(layer)])
    if kind == "Embedding":
        return [weights[0][:, makes]]
    if kind == "SeparableConv2D":
        weights[0] = np.take(weights[0], reads, 2)
    main = _main(layer)
    weights[main] = np.take(np.take(weights[main], reads, -2), makes, -1)
    return [*weights[: main + 1], *(bias[makes] for bias in weights[main + 1 :])]
