"""Recipes that the target cannot run, found before any fine-tuning.

In: the variants and the target. Out: a reason for each variant whose network needs an
operator that the target lacks.

Techniques change weights, not operators. So each model is exported once per export of
the recipes that fine-tune it, without fine-tuning, and the target's runtime loads the
file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.targets import registry
from pipeline.compress.tfmot.build import build
from pipeline.compress.variant import BuildContext, Variant
from pipeline.core.errors import UserError
from pipeline.engine.workers.pool import TaskPool
from pipeline.models.files import load_model


def refusals(
    variants: Sequence[Variant],
    context: BuildContext,
    target_name: str,
    pool: TaskPool,
    progress: Callable[[str], None],
) -> dict[str, str]:
    """Find the fine-tuned variants that the target cannot run.

    Args:
        variants: all variants; those without fine-tuning are ignored, because building
            them is the check.
        context: models and data.
        target_name: value of `compress.target`.
        pool: runs the exports, since the calling process must not use TensorFlow.
        progress: called before the first model is exported.

    Returns:
        Id of a variant -> the operator that the target lacks, and its layer.
    """
    target = registry.get(target_name)
    trained = [variant for variant in variants if variant.trains]
    if not trained or not target.checks_operators or not target.installed:
        return {}
    progress(f"asking {target.runtime} for its operators")
    kinds = {(variant.source, variant.recipe.export) for variant in trained}
    for source, export in sorted(kinds):
        pool.submit(f"{source}|{export}", lacking, source, export, context, target.name)
    found = {str(outcome.key): outcome.value for outcome in pool.drain()}
    reasons = {v.id: found.get(f"{v.source}|{v.recipe.export}") for v in trained}
    return {
        name: f"not trained, because it would be broken for {target.name}: {reason}"
        for name, reason in reasons.items()
        if reason
    }


def lacking(
    source: str, export: str, context: BuildContext, target_name: str
) -> str | None:
    """Export a model without fine-tuning, and ask the target for its operators.

    Args:
        source: `baseline` or `student`.
        export: an export step of the recipe grammar.
        context: models and data.
        target_name: value of `compress.target`.

    Returns:
        What the target lacks; None if nothing, or if the model cannot be exported.
    """
    model = load_model(context.models[source])
    examples = context.data.spec.to_input(context.data.calibration().x)
    try:
        built = build(model, parse_recipe(export), None, examples)
        return registry.get(target_name).lacks(built.content)
    except (UserError, OSError):  # the variants themselves will say it
        return None
