"""Tasks of builders that no data source provides yet; no stage evaluates them."""

from dataclasses import replace

from pipeline.tasks.classification.task import TASK as CLASSIFICATION

NEXT_TOKEN = replace(
    CLASSIFICATION,
    name="next_token",
    title="next token prediction",
    output="logits_per_step",
    chain=False,
)
