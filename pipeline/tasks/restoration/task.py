"""Restoration of images: super-resolution, denoising and inpainting."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS, ONLY_CLASSES
from pipeline.tasks.task import Task, parts_in

NO_HEADS = "does not support auxiliary heads: its model ends in an image"

TASK = Task(
    name="restoration",
    title="restoration",
    metric=Metric("psnr", "PSNR", change_unit="dB", lowest=0.0),
    labels="images",
    target="image",
    output="image",
    losses=("mse", "mae", "huber"),
    default_loss="mae",
    builder="fsrcnn",
    parts=parts_in("pipeline.tasks.restoration", "floor", "overlay"),
    not_applicable={
        **CLASS_KEYS,
        "data.balance: resample": ONLY_CLASSES,
        "data.classes": ONLY_CLASSES,
        "data.class_order": ONLY_CLASSES,
        "data.extra_targets": NO_HEADS,
        "train.heads": NO_HEADS,
    },
    auxiliary_heads=False,
    attacks="they change classes",
    other_metrics=(Metric("ssim", "SSIM", lowest=-1.0, highest=1.0),),
    max_drop=0.2,
)
