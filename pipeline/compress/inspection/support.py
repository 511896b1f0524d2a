"""Which techniques support which layer, by the class and the place of the layer.

In: layers of a configuration. Out: per layer `yes`, `no`, or `-` where it has no
weights. The tables are those that `pipeline.compress.tfmot` applies to a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.compress.inspection.keras_config import ConfigLayer
from pipeline.compress.layer_rules import (
    FOLDS_NORMALIZATION,
    LOW_BIT,
    NOTHING_TO_QUANTIZE,
    PRUNABLE,
    is_quantizable,
)

YES, NO, NOT_APPLICABLE = "yes", "no", "-"
TECHNIQUES = ("prune", "cluster", "quantize_weights", "qat")
# Layers of one weight per channel.
WITHOUT_KERNEL = frozenset(
    {
        *("BatchNormalization", "GroupNormalization", "LayerNormalization"),
        *("Normalization", "PReLU", "RMSNormalization"),
    }
)
Layers = Mapping[str, ConfigLayer]


def support(layers: Sequence[ConfigLayer], weighted: set[str]) -> list[dict[str, str]]:
    """Determine which techniques support each layer.

    A separable convolution is compressed as the two that it is made of.

    Args:
        layers: of a model.
        weighted: names of those with weights.

    Returns:
        Technique -> `yes`, `no` or `-`, per layer.
    """
    layers = [replace(x, kind=x.kind.removeprefix("Separable")) for x in layers]
    by_name = {layer.name: layer for layer in layers}
    consumers = [name for layer in layers for name in layer.before]
    kernels = [
        layer.name
        for layer in layers
        if layer.name in weighted and layer.kind not in WITHOUT_KERNEL
    ]
    inner = set(kernels[1:-1])
    return [
        {
            "prune": _of_kernel(layer, kernels, layer.kind in PRUNABLE),
            "cluster": _of_kernel(layer, kernels, True),
            "quantize_weights": _of_kernel(
                layer, kernels, layer.kind in LOW_BIT and layer.name in inner
            ),
            "qat": _qat(layer, by_name, consumers),
        }
        for layer in layers
    ]


def _of_kernel(layer: ConfigLayer, kernels: Sequence[str], supported: bool) -> str:
    if layer.name not in kernels:
        return NOT_APPLICABLE
    return YES if supported else NO


def _qat(layer: ConfigLayer, layers: Layers, consumers: Sequence[str]) -> str:
    if layer.kind in NOTHING_TO_QUANTIZE:
        return NOT_APPLICABLE
    return YES if _quantizable(layer, layers, consumers) else NO


def _quantizable(layer: ConfigLayer, layers: Layers, consumers: Sequence[str]) -> bool:
    if layer.kind == "BatchNormalization":
        return _is_folded(layer, layers, consumers)
    return is_quantizable(layer.kind, layer.activation or "linear")


def _is_folded(layer: ConfigLayer, layers: Layers, consumers: Sequence[str]) -> bool:
    """Whether the normalization directly follows a layer that absorbs it."""
    producers = [layers[name] for name in layer.before if name in layers]
    if len(producers) != 1 or producers[0].kind not in FOLDS_NORMALIZATION:
        return False
    alone = consumers.count(producers[0].name) == 1
    return alone and not producers[0].activation
