"""Keys of the experiment file that have a new name.

An old key is an error that names the new one; the value is never converted.
"""

from __future__ import annotations

# Keys of every section that trains: old -> new.
TRAINING = {
    "steps_per_call": "steps_per_execution",
    "accumulate": "gradient_accumulation_steps",
    "clip_norm": "global_clipnorm",
    "clip_value": "clipvalue",
    "ema": "ema_momentum",
    "warm_up": "warmup_fraction",
    "jit": "jit_compile",
}
RENAMED = {
    "data.also": "data.extra_targets",
    "data.as_is": "data.preprocessing (as_is: true is preprocessing: none)",
    "data.on_bad": "data.on_bad_example",
    "data.labels.errors": "data.label_errors",
    "data.split.own": "data.split.use_source_splits",
    "tune.ahead": "tune.lookahead",
    "tune.stop": "tune.early_termination",
    "tune.top": "tune.finalists",
    "tune.keep": "tune.keep_models",
    "distill.imitation": "distill.loss (kd, standardized_kd or dkd)",
    "distill.weight": "distill.distillation_weight",
    "compress.taught": "compress.distilled_sources",
    "compress.measure": "compress.size_metric",
    "compress.budget.measure": "compress.budget.size_metric",
    "compress.shrink": "compress.strip_metadata",
}
SECTIONS = ("train", "distill", "compress")


def new_name(key: str) -> str | None:
    """The new name of a key, or None.

    Args:
        key: dotted, such as `train.accumulate`; not a key of the schema.
    """
    section, _, name = key.rpartition(".")
    if section.partition(".")[0] in SECTIONS and name in TRAINING:
        return f"{section}.{TRAINING[name]}"
    return RENAMED.get(key)
