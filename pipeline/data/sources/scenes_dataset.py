"""`scenes:digits`: digits on textured canvases, with a class per pixel, or boxes.

The digits are scikit-learn's scans of handwriting (see `sklearn_dataset`), enlarged,
turned and painted in one color; canvases are sums of smooth noise. Scenes of train,
validation and test show different scans, so that test handwriting is unseen. Nothing is
downloaded, and a scene is a function of its number and `data.scenes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from sklearn import datasets

from pipeline.core.determinism import derive_seed
from pipeline.data.examples import Examples
from pipeline.data.sources.params import SceneParams
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import check_known
from pipeline.tasks.boxes import FIELDS, stacked
from pipeline.tasks.registry import get

CLASSES = ("background", *map(str, range(10)))
SIDES = (0.3, 0.44)  # of a digit, as fractions of the side of the canvas
MAX_DEGREES = 10.0
OCTAVES = (3, 6, 12, 24)  # cells per side of the noise that a canvas is made of
OPAQUE = 0.4  # coverage of a pixel from which it is of the digit
CONTRAST = 0.4  # minimum distance of the brightness of digit and canvas
MAX_OVERLAP = 0.08  # of a digit's box
TRIES = 30  # positions that are tried for a digit before it is left out
POOLS = (0.6, 0.8)  # where the scans of validation and of test begin
SEED = 96
Box = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class Scene:
    """One scene.

    Args:
        image: `(size, size, 3)` uint8.
        mask: 0 or digit + 1 per pixel, `(size, size)` uint8.
        boxes: of the digits, in pixels.
        digits: one per box.
    """

    image: np.ndarray
    mask: np.ndarray
    boxes: tuple[Box, ...]
    digits: tuple[int, ...]

    @property
    def box_rows(self) -> np.ndarray:
        """Boxes as `pipeline.tasks.boxes` notes them, `(boxes, 5)` float32."""
        rows = np.zeros((len(self.boxes), FIELDS), np.float32)
        for row, box, digit in zip(rows, self.boxes, self.digits):
            top, left, bottom, right = np.array(box) / len(self.image)
            row[:] = (digit, left, top, right, bottom)
        return rows


def read(context: ReadContext) -> Examples:
    """Compose all scenes; see `SourceReader`."""
    check_known(context.source, context.key)
    params = context.params.scenes
    size, count = params.size, params.count
    images = context.writer((size, size, 3), np.uint8)
    masks = context.writer((size, size), np.uint8)
    boxes = []
    for number in range(count):
        scene = compose(number, params)
        images.append(scene.image[None])
        masks.append(scene.mask[None])
        boxes.append(scene.box_rows)
    for writer in (images, masks):
        writer.close()
    pool = np.array([_pool(number, count) for number in range(count)])
    boxed = get(context.params.task).has_boxes
    return Examples(
        x=images.rows(),
        y=np.zeros(count, np.int64),
        classes=CLASSES[1:] if boxed else CLASSES,
        scale=1 / 255,
        own_validation=pool == 1,
        own_test=pool == 2,
        maps=stacked(boxes) if boxed else masks.rows(),
    )


def compose(number: int, params: SceneParams) -> Scene:
    """Compose one scene.

    Args:
        number: of the scene, from 0; the last two fifths are validation and test.
        params: size, count and objects.
    """
    rng = np.random.default_rng(derive_seed(SEED, number))
    canvas = _canvas(params.size, rng)
    mask = np.zeros((params.size, params.size), np.uint8)
    boxes: list[Box] = []
    digits: list[int] = []
    low, high = params.objects
    for _ in range(rng.integers(low, high + 1)):
        scan, digit = _scan(_pool(number, params.count), rng)
        coverage = _enlarged(scan, params.size, rng)
        box = _free_place(coverage.shape, boxes, params.size, rng)
        if box is not None:
            _paint(canvas, mask, coverage, box, digit, rng)
            boxes.append(box)
            digits.append(digit)
    image = np.round(canvas.clip(0, 1) * 255).astype(np.uint8)
    return Scene(image, mask, tuple(boxes), tuple(digits))


@cache
def _scans() -> tuple[np.ndarray, np.ndarray]:
    bunch: Any = datasets.load_digits()
    return bunch.images / 16, bunch.target


def _pool(number: int, count: int) -> int:
    """Return 0 for a scene of train, 1 for validation, 2 for test."""
    return int(np.searchsorted(np.array(POOLS) * count, number, side="right"))


def _scan(pool: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Draw a scan of the pool, float64 `(8, 8)` in 0 .. 1, and its digit."""
    scans, targets = _scans()
    edges = [0, *(round(end * len(scans)) for end in POOLS), len(scans)]
    position = int(rng.integers(edges[pool], edges[pool + 1]))
    return scans[position], int(targets[position])


def _canvas(size: int, rng: np.random.Generator) -> np.ndarray:
    """Sum smooth noise of several scales, in color, `(size, size, 3)`."""
    canvas = np.full((size, size, 3), 0.0) + rng.uniform(0.2, 0.8, 3)
    for octave in OCTAVES:
        noise = rng.uniform(-1, 1, (octave, octave, 3)) * (0.35 / np.sqrt(octave))
        for channel in range(3):
            canvas[..., channel] += _resized(noise[..., channel], (size, size))
    return canvas


def _enlarged(scan: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the coverage of a digit, `(height, width)` in 0 .. 1, cut to its ink."""
    side = max(3, round(size * rng.uniform(*SIDES)))
    framed = Image.fromarray(np.float32(np.pad(scan, 2)))
    turned = framed.resize((side * 3 // 2,) * 2, Image.Resampling.BICUBIC).rotate(
        rng.uniform(-MAX_DEGREES, MAX_DEGREES), Image.Resampling.BILINEAR
    )
    coverage = np.asarray(turned).clip(0, 1)
    rows, columns = (np.flatnonzero(coverage.max(axis=a) > OPAQUE / 2) for a in (1, 0))
    return coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:size, :size]


def _free_place(
    shape: tuple[int, ...], boxes: list[Box], size: int, rng: np.random.Generator
) -> Box | None:
    """Draw a box that hides little of the others; None where there is no room."""
    height, width = shape
    for _ in range(TRIES):
        top, left = rng.integers(size - height + 1), rng.integers(size - width + 1)
        box = (int(top), int(left), int(top) + height, int(left) + width)
        if all(_shared(box, other) <= MAX_OVERLAP for other in boxes):
            return box
    return None


def _shared(first: Box, second: Box) -> float:
    """Return the common area as a fraction of the smaller box."""
    height = min(first[2], second[2]) - max(first[0], second[0])
    width = min(first[3], second[3]) - max(first[1], second[1])
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return max(0, height) * max(0, width) / min(areas)


def _paint(
    canvas: np.ndarray,
    mask: np.ndarray,
    coverage: np.ndarray,
    box: Box,
    digit: int,
    rng: np.random.Generator,
) -> None:
    """Paint a digit over canvas and mask, in a color that stands out."""
    place = (slice(box[0], box[2]), slice(box[1], box[3]))
    behind = canvas[place].mean()
    dark = behind > CONTRAST and (behind > 1 - CONTRAST or rng.random() < 0.5)
    low, high = (0.0, behind - CONTRAST) if dark else (behind + CONTRAST, 1.0)
    color = rng.uniform(min(low, 1.0), high, 3)
    canvas[place] += coverage[..., None] * (color - canvas[place])
    mask[place][coverage > OPAQUE] = digit + 1


def _resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    image = Image.fromarray(np.float32(values))
    return np.asarray(image.resize(shape, Image.Resampling.BICUBIC))
