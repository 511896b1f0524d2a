"""Why an int8 variant lost accuracy, and which adjustments recover it.

In: a published int8 variant without fine-tuning, and what it was built from. Out: a
JSON document with the metric before and after, the error that each layer adds, its
likely cause, and what each adjustment recovers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pipeline.compress.build_variant import build_variant
from pipeline.compress.debug.causes import Norm
from pipeline.compress.debug.layer_errors import LayerError, layer_errors
from pipeline.compress.debug.remedies import candidates, try_all
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.rewrite.fold import batch_norms
from pipeline.compress.selection.point import VariantRow
from pipeline.compress.tfmot.build import build
from pipeline.compress.variant import BuildContext, Variant
from pipeline.core.errors import UserError
from pipeline.models.files import load_model

EXAMPLES = 64  # of calibration, and of validation, that layers are compared on


def diagnose(
    row: VariantRow, context: BuildContext, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Measure the error of each layer, and try the adjustments.

    Args:
        row: of an int8 variant without fine-tuning.
        context: data, models, and a working folder for the variants that are tried.
        progress: called with what begins.

    Returns:
        A JSON document: `variant`, `recipe`, `metric`, `float`, `int8`, `loss`,
        `layers` (rows of LayerError) and `remedies` (rows of Remedy).

    Raises:
        UserError: when the variant or its float file cannot be built.
    """
    variant = Variant(row.source, parse_recipe(row.recipe))
    key, drop = context.metric.key, context.metric.metric.drop
    progress("float and int8")
    baseline = _usable(Variant(variant.source, parse_recipe("float")), context)
    quantized = _usable(variant, context)
    values = [float(row.metrics[key] or 0.0) for row in (baseline, quantized)]
    progress("layer by layer")
    layers = _layers(variant, context)
    tried = list(candidates(variant, layers))
    remedies = try_all(tried, context, values[0], quantized, progress)
    return {
        "variant": variant.id,
        "recipe": variant.recipe.text,
        "metric": key,
        "float": values[0],
        "int8": values[1],
        "loss": round(drop(values[1], values[0]), 6),
        "bytes_raw": quantized.bytes_raw,
        "layers": [row.to_json() for row in layers],
        "remedies": [remedy.to_json() for remedy in remedies],
    }


def _usable(variant: Variant, context: BuildContext) -> VariantRow:
    row = build_variant(variant, context).row
    if row.status != "ok":
        raise UserError(f"debug {variant.id}: {row.reason}")
    return row


def _layers(variant: Variant, context: BuildContext) -> list[LayerError]:
    model = load_model(context.models[variant.source])
    spec, data = context.data.spec, context.data
    calibration = spec.to_input(data.calibration().x)
    others = spec.to_input(data.validation().x[:EXAMPLES])
    built = build(model, variant.recipe, None, calibration, keep_reference=True)
    return layer_errors(
        built.content, built.reference, calibration[:EXAMPLES], others, _norms(model)
    )


def _norms(model: keras.Model) -> Mapping[str, Norm]:
    """Layer -> statistics of the batch normalization after it."""
    return {layer.name: _norm(norm) for layer, norm in batch_norms(model).items()}


def _norm(norm: Any) -> Norm:
    variance = np.asarray(norm.moving_variance)
    gamma = np.abs(np.asarray(norm.gamma)) if norm.scale else np.ones_like(variance)
    return Norm(norm.name, variance, gamma / np.sqrt(variance + norm.epsilon))
