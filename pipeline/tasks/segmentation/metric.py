"""mIoU: intersection over union, averaged over the classes that are present."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.segmentation.counts import (
    Ratio,
    dice,
    iou,
    over_images,
    pixel_counts,
)
from pipeline.tasks.segmentation.task import TASK


def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Count the pixels of each class, `(n, 3, classes)`; see `counts`.

    Args:
        outputs: logits, `(n, height, width, classes)`.
        inputs: not used.
        y: masks, `(n, height, width)`.
    """
    return pixel_counts(y, outputs.argmax(axis=-1), outputs.shape[-1])


def _metric(metric: Metric, ratio: Ratio, reduce: Callable[..., Any]) -> TaskMetric:
    def value(counts: np.ndarray, y: np.ndarray) -> float:
        ratios = ratio(counts.sum(axis=0))
        return float(reduce(ratios)) if np.isfinite(ratios).any() else 0.0

    return TaskMetric(
        metric,
        evidence=evidence,
        value=value,
        resampled=lambda counts, y: over_images(counts, ratio, reduce),
    )


OTHERS = {
    "dice": _metric(TASK.other("dice"), dice, np.nanmean),
    "iou_min": _metric(TASK.other("iou_min"), iou, np.nanmin),
}
METRIC = replace(_metric(TASK.metric, iou, np.nanmean), others=OTHERS)
