"""Keys of the experiment file that have been renamed, and the error that says so.

In: a key that the schema does not have. Out: one sentence that names the new key. A key
that the schema still has is never looked up.
"""

from __future__ import annotations

# Settings of a fit, which stand in several sections.
_FIT = {
    "steps_per_call": "steps_per_execution",
    "accumulate": "gradient_accumulation_steps",
    "clip_norm": "global_clipnorm",
    "clip_value": "clipvalue",
    "ema": "ema_momentum",
    "warm_up": "warmup_fraction",
    "jit": "jit_compile",
}

# Old dotted key -> new dotted key.
RENAMED_KEYS = {
    **{
        f"{section}.{old}": f"{section}.{new}"
        for section in ("train", "distill", "compress")
        for old, new in _FIT.items()
    },
    "data.also": "data.extra_targets",
    "data.as_is": "data.preprocessing",
    "data.on_bad": "data.on_bad_example",
    "data.labels.errors": "data.labels.label_errors",
    "data.split.own": "data.split.use_source_splits",
    "tune.ahead": "tune.lookahead",
    "tune.stop": "tune.early_termination",
    "tune.top": "tune.finalists",
    "tune.keep": "tune.keep_models",
    "distill.imitation": "distill.distillation_loss",
    "distill.weight": "distill.distillation_weight",
    "distill.weight_end": "distill.distillation_weight_end",
    "compress.weight": "compress.distillation_weight",
    "compress.taught": "compress.distilled_sources",
    "compress.budget.measure": "compress.budget.size_metric",
    "compress.shrink": "compress.strip_metadata",
}

# Old dotted key -> how its values have changed, if they have.
CHANGED_VALUES = {
    "data.as_is": "true is now none",
    "distill.imitation": (
        "hinton is now kd, standardized is standardized_kd, decoupled is dkd"
    ),
}


def renamed_key(key: str) -> str:
    """Return the error for a key that has been renamed.

    Args:
        key: a dotted key that the schema does not have, such as `train.ema`.

    Returns:
        One sentence, or an empty text for a key that was never valid.
    """
    if key not in RENAMED_KEYS:
        return ""
    values = f" ({CHANGED_VALUES[key]})" if key in CHANGED_VALUES else ""
    return f"`{key}` has been renamed to `{RENAMED_KEYS[key]}`{values}; use that"
