"""PSNR in dB and SSIM, means over images.

Evidence is both of each image, `(n, 2)`, so that a budget can limit either.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.restoration.quality import pixels, psnr, ssim
from pipeline.tasks.restoration.task import TASK

PSNR, SSIM = 0, 1  # columns of the evidence


def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute PSNR and SSIM of each image, `(n, 2)`.

    Args:
        outputs: restored images of 0 .. 1, `(n, height, width, channels)`.
        inputs: not used.
        y: clean images as stored, uint8, of the shape of the outputs.
    """
    return quality(pixels(outputs), y)


def quality(images: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute PSNR and SSIM of each image, `(n, 2)`.

    Args:
        images: `(n, height, width, channels)` uint8.
        y: clean images of the same shape.
    """
    return np.stack([psnr(images, y), ssim(images, y)], axis=1)


def _metric(metric: Metric, column: int) -> TaskMetric:
    return TaskMetric(
        metric,
        evidence=evidence,
        value=lambda values, y: float(np.mean(values[:, column])),
        resampled=lambda values, y: bootstrap.mean(values[:, column]),
    )


METRIC = replace(
    _metric(TASK.metric, PSNR), others={"ssim": _metric(TASK.other("ssim"), SSIM)}
)
