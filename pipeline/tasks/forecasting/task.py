"""Forecasting: numbers of the next steps, from a window of past ones."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS, ONLY_CLASSES
from pipeline.tasks.task import Task, parts_in

BY_TIME = (
    "would mix past and future: series are split by time (data.split.train, "
    "validation, test, folds)"
)
ONE_SOURCE = "is not supported: put all series into one file, named by data.series.id"

TASK = Task(
    name="forecasting",
    title="forecasting",
    metric=Metric("mase", "MASE", lowest=0.0, higher_is_better=False),
    labels="series",
    target="numbers",
    output="forecast",
    losses=("quantile", "huber", "mse", "mae"),
    default_loss="quantile",
    builder="linear_window",
    parts=parts_in("pipeline.tasks.forecasting", "floor"),
    not_applicable={
        **CLASS_KEYS,
        "data.classes": ONLY_CLASSES,
        "data.class_order": ONLY_CLASSES,
        "data.tokens": "is for token numbers",
        "data.split.group": BY_TIME,
        "data.split.use_source_splits": BY_TIME,
        "data.split_sources": ONE_SOURCE,
        "data.extend": ONE_SOURCE,
        "data.extra_targets": "is not supported: name them in data.series.targets",
        "train.heads": "is not supported: name its target in data.series.targets",
    },
    auxiliary_heads=False,
    attacks="they change classes",
    other_metrics=(
        Metric(
            "smape",
            "sMAPE",
            change_unit="points",
            scale=100.0,
            lowest=0.0,
            highest=2.0,
            higher_is_better=False,
        ),
        Metric("pinball", "scaled pinball loss", lowest=0.0, higher_is_better=False),
    ),
)
