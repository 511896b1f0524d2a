"""detection.json, overlays.png and precision.png: what was found, missed and lost.

One row of overlays.png per image: the image with its true boxes, what the baseline
finds, and what the chosen file finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from pipeline.core.json_io import write_json
from pipeline.tasks.detection.comparison import Boxes
from pipeline.tasks.detection.matching import counted
from pipeline.tasks.detection.precision import LEVELS, RECALLS, rankings
from pipeline.tasks.evaluation import Context
from pipeline.tasks.tiles import worst_and_changed

WORST, CHANGED = 6, 4  # rows of the picture
TILE = 192  # minimum side of an image in the picture, in pixels
GAP = 6  # pixels between tiles
PAPER = (255, 255, 255)
TRUE, RIGHT = (255, 255, 255), (70, 170, 255)
FALSE, MISSED = (255, 90, 70), (255, 190, 40)
Outline = tuple[np.ndarray, tuple[int, int, int], str]  # ends, color, text


def write(out: Path, context: Context, before: Boxes, after: Boxes) -> None:
    """Write the files.

    Args:
        out: folder of the files.
        context: the test split.
        before: boxes of the float baseline.
        after: boxes of the chosen file.
    """
    lost = (before.hit & ~after.hit).sum(axis=1)
    errors = (counted(after.y) & ~after.hit).sum(axis=1) + after.false.sum(axis=1)
    worst, losing = worst_and_changed(-errors, lost, WORST, CHANGED)
    rows = [("worst", n) for n in worst] + [("lost", n) for n in losing]
    document = {
        "lost": int(lost.sum()),
        "gained": int((after.hit & ~before.hit).sum()),
        "images_with_losses": int((lost > 0).sum()),
        "examples": [_example(n, reason, before, after) for reason, n in rows],
        "curves": {"before": _curves(before), "after": _curves(after)},
    }
    write_json(out / "detection.json", document)
    _draw(out / "overlays.png", context, before, after, [n for _, n in rows])
    _plot(out / "precision.png", {"float baseline": before, "chosen file": after})


def _example(n: int, reason: str, before: Boxes, after: Boxes) -> dict[str, object]:
    return {
        "position": n,
        "reason": reason,
        "objects": int(counted(after.y[n]).sum()),
        "found": int(after.hit[n].sum()),
        "false": int(after.false[n].sum()),
        "lost": int((before.hit[n] & ~after.hit[n]).sum()),
    }


def _curves(boxes: Boxes) -> dict[str, list[float]]:
    """Precision at each recall, averaged over classes, at IoU 0.5 and 0.75."""
    levels, once = LEVELS[[0, 5]], np.ones((1, len(boxes.y)))
    ranked = rankings(boxes.found, boxes.y, levels).values()
    curves = {}
    for number, level in enumerate(levels):
        sampled = [ranking.sampled(once, number)[0] for ranking in ranked]
        mean = np.mean(sampled, axis=0) if sampled else np.zeros(len(RECALLS))
        curves[f"{level:g}"] = [round(float(value), 6) for value in mean]
    return curves


def _plot(path: Path, files: Mapping[str, Boxes]) -> None:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, boxes), color in zip(files.items(), ("#4477aa", "#ee6677")):
        for (level, curve), style in zip(_curves(boxes).items(), ("-", "--")):
            label = f"{name}, IoU {level}"
            axes.plot(RECALLS, curve, style, color=color, label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left", fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw(
    path: Path, context: Context, before: Boxes, after: Boxes, positions: list[int]
) -> None:
    inputs = context.data.spec.to_input(np.asarray(context.test.x[positions]))
    low, high = min(inputs.min(), 0.0), max(inputs.max(), 1.0)
    images = np.round((inputs - low) / (high - low) * 255).astype(np.uint8)
    colors = np.broadcast_to(
        images if images.shape[-1] == 3 else images[..., :1], (*images.shape[:3], 3)
    )
    names = context.data.spec.classes
    rows = [
        [
            _tile(image, _true(before.y[n], names)),
            *(_tile(image, _found(boxes, n, names)) for boxes in (before, after)),
        ]
        for image, n in zip(colors, positions)
    ]
    _grid(rows).save(path, optimize=True)


def _true(y: np.ndarray, names: tuple[str, ...]) -> list[Outline]:
    return [(row[1:], TRUE, names[int(row[0])]) for row in y[counted(y)]]


def _found(boxes: Boxes, n: int, names: tuple[str, ...]) -> list[Outline]:
    """Missed objects, then what was found; a right box in blue, a false one in red."""
    y, wrong = boxes.y[n], boxes.false[n]
    missed = y[counted(y) & ~boxes.hit[n]]
    outlines: list[Outline] = [(row[1:], MISSED, "") for row in missed]
    for row, false in zip(boxes.confident[n], wrong):
        if row[0] >= 0:
            text = f"{names[int(row[0])]} {row[1]:.2f}"
            outlines.append((row[2:], FALSE if false else RIGHT, text))
    return outlines


def _tile(image: np.ndarray, outlines: list[Outline]) -> Image.Image:
    factor = max(1, -(-TILE // min(image.shape[:2])))
    tile = Image.fromarray(image.repeat(factor, axis=0).repeat(factor, axis=1))
    draw = ImageDraw.Draw(tile)
    size = np.array(tile.size * 2)
    for ends, color, text in outlines:
        left, top, right, bottom = (ends * (size - 1)).tolist()
        draw.rectangle((left, top, max(right, left), max(bottom, top)), None, color, 2)
        place = (left + 3, top - 12 if top > 12 else top + 2)
        draw.text(place, text, color, stroke_width=1, stroke_fill=(0, 0, 0))
    return tile


def _grid(rows: list[list[Image.Image]]) -> Image.Image:
    width, height = rows[0][0].size
    size = (len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP)
    picture = Image.new("RGB", size, PAPER)
    for down, tiles in enumerate(rows):
        for across, tile in enumerate(tiles):
            picture.paste(tile, (across * (width + GAP), down * (height + GAP)))
    return picture
