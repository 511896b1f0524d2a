"""Classification: one of several classes per example."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.task import Task, parts_in

TASK = Task(
    name="classification",
    title="classification",
    metric=Metric(
        "accuracy",
        "accuracy",
        change_unit="points",
        scale=100.0,
        lowest=0.0,
        highest=1.0,
    ),
    labels="classes",
    target="class",
    output="logits",
    losses=("cross_entropy", "focal", "binary", "mse", "mae", "huber"),
    default_loss="cross_entropy",
    builder="cnn",
    builders={"table": "mlp", "text": "bag_of_embeddings"},
    parts=parts_in("pipeline.tasks.classification", "floor"),
    other_metrics=(
        Metric(
            "recall_min",
            "recall of the worst class",
            change_unit="points of recall",
            scale=100.0,
            lowest=0.0,
            highest=1.0,
        ),
        Metric(
            "recall_mean",
            "mean recall (balanced accuracy)",
            change_unit="points of recall",
            scale=100.0,
            lowest=0.0,
            highest=1.0,
        ),
    ),
    guard="recall_min",
)
