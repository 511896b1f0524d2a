"""Ranking: scores of all items, of which the true one is to be the highest."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS, ONLY_CLASSES
from pipeline.tasks.task import Task, parts_in

BY_TIME = (
    "would mix past and future: the last interactions of each user validate and test"
)
ONE_SOURCE = "is not supported: put all rows into one file"
NO_HEADS = "does not support auxiliary heads: its model ends in scores of items"


def _metric(key: str, name: str) -> Metric:
    return Metric(key, name, lowest=0.0, highest=1.0)


TASK = Task(
    name="ranking",
    title="ranking",
    metric=_metric("ndcg_at_10", "NDCG@10"),
    labels="interactions",
    target="item",
    output="scores",
    losses=("sampled_softmax", "bpr", "cross_entropy"),
    default_loss="sampled_softmax",
    builder="two_tower",
    parts=parts_in("pipeline.tasks.ranking", "floor"),
    not_applicable={
        **CLASS_KEYS,
        "data.classes": ONLY_CLASSES,
        "data.class_order": ONLY_CLASSES,
        "data.tokens": "is for token numbers",
        "data.split.group": BY_TIME,
        "data.split.use_source_splits": BY_TIME,
        "data.split_sources": ONE_SOURCE,
        "data.extend": ONE_SOURCE,
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
    },
    auxiliary_heads=False,
    attacks="they change classes",
    other_metrics=(
        _metric("recall_at_10", "recall@10"),
        _metric("mrr", "MRR"),
    ),
)
