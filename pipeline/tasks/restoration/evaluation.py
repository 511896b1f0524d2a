"""Evaluation of restoration: PSNR and SSIM, and the gain above the enlarged input.

In: restored and clean images. Out: a row of evaluation.json; restoration.json with the
worst and the most changed images; restored.png, which draws both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.tasks.evaluation import (
    Change,
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
    change_of,
    outputs_in_batches,
)
from pipeline.tasks.restoration import pictures
from pipeline.tasks.restoration.floor import FLOOR
from pipeline.tasks.restoration.metric import METRIC, PSNR, SSIM, quality
from pipeline.tasks.restoration.pictures import Restored
from pipeline.tasks.restoration.quality import pixels


@dataclass(frozen=True)
class RestorationComparison(Comparison):
    """One file compared with the reference, and with the enlarged input.

    Args:
        psnr: mean PSNR in dB.
        psnr_interval: bootstrap interval over images.
        drop: PSNR lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        ssim: mean structural similarity.
        ssim_interval: its bootstrap interval.
        floor_psnr: mean PSNR of the input, enlarged bicubically.
        floor_ssim: mean structural similarity of the input.
        gain: PSNR above that of the input.
        gain_interval: its paired bootstrap interval.
        change: `ssim` -> file minus reference.
    """

    psnr: float
    psnr_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    ssim: float
    ssim_interval: list[float] | None
    floor_psnr: float
    floor_ssim: float
    gain: float
    gain_interval: list[float] | None
    change: Mapping[str, Change]


def compare(
    before: Restored, after: Restored, resamples: int, seed: int
) -> RestorationComparison:
    """Compare a file with the reference.

    Args:
        before: images restored by the reference.
        after: images restored by the file, of the same inputs.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal images.
    """
    old, new, floor = before.quality, after.quality, after.floor
    columns = (new[:, PSNR], new[:, SSIM], (new - floor)[:, PSNR])
    psnr, ssim, gain = (_interval(values, resamples, seed) for values in columns)
    statistics = (bootstrap.mean(rows[:, SSIM]) for rows in (old, new))
    change = bootstrap.difference(*statistics)
    means, floors = new.mean(axis=0).tolist(), floor.mean(axis=0).tolist()
    y = np.zeros(len(new))  # the evidence holds all that the metric needs
    return RestorationComparison(
        psnr=means[PSNR],
        psnr_interval=psnr,
        drop=METRIC.value(old, y) - METRIC.value(new, y),
        drop_interval=METRIC.drop_interval(old, new, y, seed, resamples),
        ssim=means[SSIM],
        ssim_interval=ssim,
        floor_psnr=floors[PSNR],
        floor_ssim=floors[SSIM],
        gain=means[PSNR] - floors[PSNR],
        gain_interval=gain,
        change={"ssim": change_of(change, len(new), resamples, seed)},
    )


def _interval(values: np.ndarray, resamples: int, seed: int) -> list[float] | None:
    weights = bootstrap.bootstrap_weights(len(values), resamples, seed)
    (ends,) = bootstrap.percentile_intervals(bootstrap.mean(values), weights)
    return list(ends) if ends else None


def _predict(context: Context, model: Model, point: Point) -> Restored:
    x, clean = context.test.x, np.asarray(context.test.y)
    outputs = outputs_in_batches(model, x)
    images = np.concatenate([pixels(output) for output in outputs])
    return Restored(images, quality(images, clean), FLOOR.evidence(x, clean))


def _write(
    out: Path, context: Context, predictions: Mapping[str, Restored], pareto: Point
) -> None:
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    pictures.write(out, context, baseline, chosen)


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, lambda restored: restored.quality
)
