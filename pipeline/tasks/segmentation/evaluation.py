"""Evaluation of segmentation: overlap, outlines, and pixels that compression changed.

In: true and predicted masks, `(n, height, width)`. Out: a row of evaluation.json;
segmentation.json with the worst and the most changed images; overlays.png, which draws
both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    changes_of,
    outputs_in_batches,
)
from pipeline.tasks.segmentation import pictures
from pipeline.tasks.segmentation.boundary import boundary_counts, f1
from pipeline.tasks.segmentation.counts import iou
from pipeline.tasks.segmentation.metric import METRIC, OTHERS
from pipeline.tasks.segmentation.pictures import Masks
from pipeline.tasks.targets import IGNORED


@dataclass(frozen=True)
class SegmentationComparison(Comparison):
    """One file compared with the reference.

    Args:
        miou: mean IoU over the classes that the test split has.
        miou_interval: bootstrap interval over images; None where it is undefined.
        drop: mIoU lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        iou: IoU per class; None for a class without a true pixel.
        absent: numbers of the classes without a true pixel, which no mean counts.
        worst_class: number of the class with the lowest IoU.
        dice: mean Dice coefficient.
        boundary_f1: F1 of the outlines.
        pixel_accuracy: fraction of pixels with the true class.
        changed_pixels: fraction of pixels whose class differs from the reference's.
        change: `dice` and `boundary_f1` -> file minus reference.
    """

    miou: float
    miou_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    iou: list[float | None]
    absent: list[int]
    worst_class: int
    dice: float
    boundary_f1: float
    pixel_accuracy: float
    changed_pixels: float
    change: Mapping[str, Change]


def compare(
    before: Masks, after: Masks, resamples: int, seed: int
) -> SegmentationComparison:
    """Compare a file with the reference.

    Args:
        before: masks predicted by the reference.
        after: masks predicted by the file, for the same images.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal images.
    """
    y, old, new = after.y, before.counts, after.counts
    per_class = iou(new.sum(axis=0))
    miou, labeled = METRIC.value(new, y), y != IGNORED
    edges = [boundary_counts(y, masks.predicted) for masks in (before, after)]
    return SegmentationComparison(
        miou=miou,
        miou_interval=METRIC.interval(new, y, resamples, seed),
        drop=METRIC.value(old, y) - miou,
        drop_interval=METRIC.drop_interval(old, new, y, seed, resamples),
        iou=[None if np.isnan(value) else float(value) for value in per_class],
        absent=np.flatnonzero(np.isnan(per_class)).tolist(),
        worst_class=int(np.nanargmin(per_class)) if labeled.any() else 0,
        dice=OTHERS["dice"].value(new, y),
        boundary_f1=float(bootstrap.once(f1(edges[1]), len(y))[0]),
        pixel_accuracy=_fraction((after.predicted == y)[labeled]),
        changed_pixels=_fraction((after.predicted != before.predicted)[labeled]),
        change=_changes((old, new), edges, y, resamples, seed),
    )


def _changes(
    counts: Sequence[np.ndarray],
    edges: Sequence[np.ndarray],
    y: np.ndarray,
    resamples: int,
    seed: int,
) -> dict[str, Change]:
    resampled = OTHERS["dice"].resampled
    assert resampled is not None
    differences = {
        "dice": bootstrap.difference(resampled(counts[0], y), resampled(counts[1], y)),
        "boundary_f1": bootstrap.difference(f1(edges[0]), f1(edges[1])),
    }
    return changes_of(differences, len(y), resamples, seed)


def _fraction(mask: np.ndarray) -> float:
    return float(mask.mean()) if mask.size else 0.0


def _predict(context: Context, model: Model, point: Point) -> Masks:
    logits = outputs_in_batches(model, context.test.x)
    predicted = np.concatenate([z.argmax(axis=-1).astype(np.uint8) for z in logits])
    return Masks(context.test.y, predicted, len(context.data.spec.classes))


def _write(
    out: Path, context: Context, predictions: Mapping[str, Masks], pareto: Point
) -> None:
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    pictures.write(out, context, baseline, chosen)


EVALUATION = Evaluator(_predict, as_row(compare), _write, lambda masks: masks.counts)
