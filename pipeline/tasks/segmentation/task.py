"""Segmentation: one of several classes per pixel."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.task import Task, parts_in

PER_PIXEL = "is for one label per image, and a segmentation has one per pixel"
NO_HEADS = "does not support auxiliary heads: its model ends in a map"
LOSSES = ("cross_entropy", "focal", "dice", "cross_entropy_dice", "focal_dice")


def _points(key: str, name: str) -> Metric:
    return Metric(key, name, change_unit="points", scale=100.0, lowest=0.0, highest=1.0)


TASK = Task(
    name="segmentation",
    title="segmentation",
    metric=_points("miou", "mean IoU"),
    labels="maps",
    target="class",
    output="class_map",
    losses=LOSSES,
    default_loss="cross_entropy_dice",
    builder="unet",
    parts=parts_in("pipeline.tasks.segmentation", "floor", "overlay"),
    not_applicable={
        "data.labels.noise": PER_PIXEL,
        "data.labels.label_errors": PER_PIXEL,
        "data.balance: resample": PER_PIXEL,
        "data.merge_classes": PER_PIXEL,
        "data.audio.background": PER_PIXEL,
        "data.class_order": "is for class names, and masks hold numbers",
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
        "train.label_smoothing": PER_PIXEL,
        "train.pretrain": "does not support pretraining: its model ends in a map",
        "train.pseudo_labels": PER_PIXEL,
        "distill.label_smoothing": PER_PIXEL,
        "compress.label_smoothing": PER_PIXEL,
    },
    auxiliary_heads=False,
    attacks="they change the class of a whole image",
    other_metrics=(
        _points("dice", "mean Dice coefficient"),
        _points("iou_min", "IoU of the worst class"),
    ),
)
