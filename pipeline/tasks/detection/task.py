"""Detection: a class and a box for each object of an image."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS
from pipeline.tasks.task import Task, parts_in

PER_OBJECT = "is for one label per image, and a detection has one per object"
NO_HEADS = "does not support auxiliary heads: its model ends in a map"


def _points(key: str, name: str) -> Metric:
    return Metric(key, name, change_unit="points", scale=100.0, lowest=0.0, highest=1.0)


TASK = Task(
    name="detection",
    title="detection",
    metric=_points("map50", "mAP50"),
    labels="boxes",
    target="boxes",
    output="cells",
    losses=("focal_giou", "focal_l1"),
    default_loss="focal_giou",
    builder="centroid_grid",
    parts=parts_in("pipeline.tasks.detection", "floor", "overlay"),
    not_applicable={
        **dict.fromkeys(CLASS_KEYS, PER_OBJECT),
        "data.class_order": "is for class names of folders and tables",
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
    },
    auxiliary_heads=False,
    attacks="they change the class of a whole image",
    other_metrics=(
        _points("map", "mAP50-95"),
        _points("center_f1", "F1 of centers"),
    ),
)
