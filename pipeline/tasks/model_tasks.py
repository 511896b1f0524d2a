"""Tasks of builders that no data source reaches yet: nothing evaluates them."""

from dataclasses import replace

from pipeline.tasks.classification.task import TASK as CLASSIFICATION

SEGMENTATION = replace(
    CLASSIFICATION,
    name="segmentation",
    title="segmentation",
    output="class_map",
    chain=False,
)
NEXT_TOKEN = replace(
    CLASSIFICATION,
    name="next_token",
    title="next token prediction",
    output="logits_per_step",
    chain=False,
)
