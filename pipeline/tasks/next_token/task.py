"""Text generation: a model predicts each token of a text from those before it."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.task import Task, parts_in

UNLABELLED = "is for labels, and a text is its own label"
NO_HEADS = "does not support auxiliary heads: its model ends in logits per step"
NO_SMOOTHING = "is for classes of examples; the loss is the likelihood of the text"

TASK = Task(
    name="next_token",
    title="text generation",
    metric=Metric(
        "bits_per_character",
        "bits per character",
        change_unit="bits per character",
        higher_is_better=False,
        lowest=0.0,
    ),
    labels="texts",
    target="next",
    output="logits_per_step",
    losses=("cross_entropy",),
    default_loss="cross_entropy",
    builder="char_lm",
    parts=parts_in("pipeline.tasks.next_token", "floor"),
    not_applicable={
        "data.labels.noise": UNLABELLED,
        "data.labels.label_errors": UNLABELLED,
        "data.balance": UNLABELLED,
        "data.classes": UNLABELLED,
        "data.merge_classes": UNLABELLED,
        "data.audio.background": UNLABELLED,
        "data.class_order": UNLABELLED,
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
