"""Embedding: a vector per example; near vectors are examples of one identity.

Classes of validation and test are not in training, so a model learns to compare.
"""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS
from pipeline.tasks.task import Task, parts_in

BY_DISTANCE = "is for outputs per class, and an embedding is compared by distance"
NO_HEADS = "does not support auxiliary heads: its batches compare examples"
IN_TRAINING = "trains a head of its own, which fine-tuning does not have"


def _points(key: str, name: str, higher_is_better: bool = True) -> Metric:
    return Metric(
        key,
        name,
        change_unit="points",
        scale=100.0,
        higher_is_better=higher_is_better,
        lowest=0.0,
        highest=1.0,
    )


TASK = Task(
    name="embedding",
    title="embedding",
    metric=_points("recall_at_1", "one-shot recall@1"),
    labels="classes",
    target="identity",
    output="vector",
    units=32,
    losses=("triplet", "arcface"),
    default_loss="triplet",
    builder="cnn",
    builders={"table": "mlp", "text": "bag_of_embeddings"},
    parts=parts_in("pipeline.tasks.embedding", "floor"),
    not_applicable={
        **dict.fromkeys(CLASS_KEYS, BY_DISTANCE),
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
    },
    auxiliary_heads=False,
    attacks="they change classes",
    other_metrics=(
        _points("recall_all", "recall@1 among all other examples"),
        _points("eer", "equal error rate", higher_is_better=False),
    ),
    training_only={"arcface": IN_TRAINING},
)
