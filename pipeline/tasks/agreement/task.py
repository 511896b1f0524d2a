"""Agreement: examples without labels; a file is compared with the float model."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS
from pipeline.tasks.task import Task, parts_in

NEEDS_LABELS = "needs labels"
USED = ("targets", "metric", "export", "prediction")

TASK = Task(
    name="agreement",
    title="agreement with the float model",
    metric=Metric(
        "agreement",
        "agreement with the float model",
        change_unit="points",
        scale=100.0,
        lowest=0.0,
        highest=1.0,
        by_estimate=True,
    ),
    labels="none",
    target="number",
    output="any",
    losses=("mse",),
    default_loss="mse",
    builder="mlp",
    parts={
        part: path
        for part, path in parts_in("pipeline.tasks.agreement").items()
        if part in USED
    },
    not_applicable={
        **dict.fromkeys(CLASS_KEYS, NEEDS_LABELS),
        "data.classes": NEEDS_LABELS,
        "data.class_order": NEEDS_LABELS,
        "data.extra_targets": NEEDS_LABELS,
    },
    auxiliary_heads=False,
    attacks="they change labels",
)
