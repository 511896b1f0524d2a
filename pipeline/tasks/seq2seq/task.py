"""Text pairs: a model writes a text from a text, such as a date in ISO 8601."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.task import Task, parts_in

UNLABELLED = "is for classes, and a target is a text"
NO_HEADS = "does not support auxiliary heads: its model ends in logits per step"
NO_SMOOTHING = "is for classes of examples; the loss is the likelihood of the target"

TASK = Task(
    name="seq2seq",
    title="text pairs",
    metric=Metric(
        "exact_match",
        "exact match",
        change_unit="points of exact match",
        scale=100.0,
        lowest=0.0,
        highest=1.0,
    ),
    labels="pairs",
    target="pair",
    output="logits_per_target",
    losses=("cross_entropy",),
    default_loss="cross_entropy",
    builder="conv_seq2seq",
    parts=parts_in("pipeline.tasks.seq2seq", "floor"),
    not_applicable={
        "data.labels.noise": UNLABELLED,
        "data.labels.label_errors": UNLABELLED,
        "data.balance": UNLABELLED,
        "data.classes": UNLABELLED,
        "data.merge_classes": UNLABELLED,
        "data.audio.background": UNLABELLED,
        "data.class_order": UNLABELLED,
        "data.split.group": "is for other sources: pairs of equal inputs are together",
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
        "train.label_smoothing": NO_SMOOTHING,
        "train.pseudo_labels": UNLABELLED,
        "distill.label_smoothing": NO_SMOOTHING,
        "compress.label_smoothing": NO_SMOOTHING,
    },
    auxiliary_heads=False,
    attacks="they change the class of an example",
)
