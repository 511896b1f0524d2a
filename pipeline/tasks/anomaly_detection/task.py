"""Anomaly detection by the reconstruction error of a model of normal examples.

Chandola, Banerjee, Kumar, Anomaly Detection: A Survey, 2009, semi-supervised detection.
"""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS
from pipeline.tasks.task import Task, parts_in

NO_HEADS = "does not support auxiliary heads: its model ends in the reconstructed input"

TASK = Task(
    name="anomaly_detection",
    title="anomaly detection",
    metric=Metric("auc", "AUC", lowest=0.0, highest=1.0),
    labels="classes",
    target="input",
    output="input",
    losses=("mse", "mae", "huber"),
    default_loss="mse",
    builder="autoencoder",
    parts=parts_in("pipeline.tasks.anomaly_detection", "floor"),
    not_applicable={
        **CLASS_KEYS,
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
    },
    normal_classes=True,
    auxiliary_heads=False,
    attacks="they change classes",
)
