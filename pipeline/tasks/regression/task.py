"""Regression: one number per example."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS, ONLY_CLASSES
from pipeline.tasks.task import Task, parts_in

TASK = Task(
    name="regression",
    title="regression",
    metric=Metric("r2", "R2", highest=1.0),
    labels="numbers",
    target="number",
    output="numbers",
    losses=("mse", "mae", "huber"),
    default_loss="mse",
    builder="mlp",
    builders={"text": "bag_of_embeddings"},
    parts=parts_in("pipeline.tasks.regression", "floor"),
    not_applicable={
        **CLASS_KEYS,
        "data.classes": ONLY_CLASSES,
        "data.class_order": ONLY_CLASSES,
    },
    attacks="they change classes",
    other_metrics=(
        Metric("mae", "mean absolute error", higher_is_better=False, lowest=0.0),
        Metric("rmse", "root mean squared error", higher_is_better=False, lowest=0.0),
    ),
)
