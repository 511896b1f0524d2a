"""Degraded inputs of a restoration, made from clean images.

In: images of a source. Out: the same as targets, uint8, and as inputs the images after
the steps of `data.degrade`. Random steps are a function of the seed and the position of
an example in its source.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from PIL import Image
from scipy import ndimage

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step
from pipeline.data.degradation import scale_of
from pipeline.data.examples import Examples
from pipeline.data.image_arrays import image_rows
from pipeline.data.image_steps import WHITE, DecodeImage
from pipeline.data.rows import chunks
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored

BLACK, BRIGHTEST = 0, 255
NEGATIVE = -1e-3  # below it, a number is not a rounding error of black


def degraded(examples: Examples, context: ReadContext, seed: int) -> Examples:
    """Return clean images as targets, and degraded ones as inputs.

    Args:
        examples: of a source of clean images.
        context: the source, the settings and the folder of scratch files.
        seed: of the random steps.

    Raises:
        UserError: for data that are no images, or a size that the scale does not
            divide.
    """
    unprocessed, steps = _measured(examples, context), context.params.degradation
    examples = unprocessed or examples
    where = f'{context.key} "{context.source}"'
    shape, scale = tuple(examples.x.shape[1:]), scale_of(steps)
    _check(examples, shape, scale, where)
    small = (shape[0] // scale, shape[1] // scale, shape[2])
    inputs, clean = (context.writer(size, np.uint8) for size in (small, shape))
    position = 0
    for part in chunks(examples.x):
        images = _bytes(part, examples, where)
        clean.append(images)
        numbers = range(position, position + len(images))
        rows = [degrade(im, steps, seed, n) for im, n in zip(images, numbers)]
        inputs.append(np.stack(rows))
        position += len(images)
    for writer in (inputs, clean):
        writer.close()
    decode = tuple(
        replace(step, bits=8)
        for step in examples.steps
        if isinstance(step, DecodeImage)
    )
    resize = tuple(s for s in examples.steps if not isinstance(s, DecodeImage))
    return replace(
        examples,
        x=inputs.rows(),
        y=np.zeros(len(examples), np.int64),
        classes=(),
        # Unprocessed inputs are the numbers that the source holds.
        scale=1 / BRIGHTEST / (unprocessed.scale if unprocessed else 1.0),
        offset=0.0,
        # Inputs of predict are degraded already: only equal sizes can be resized.
        steps=(*decode, *resize) if scale == 1 else decode,
        learns="",
        maps=clean.rows(),
    )


def _measured(examples: Examples, context: ReadContext) -> Examples | None:
    """Return the examples with their white as the scale; None if they have a scale."""
    if context.params.preprocessing != "none" or not isinstance(examples.x, Stored):
        return None
    rows, scale = image_rows(examples.x, context)
    return replace(examples, x=rows, scale=scale, offset=0.0, learns="")


def _check(examples: Examples, shape: tuple[int, ...], scale: int, where: str) -> None:
    if examples.modality != "image" or len(shape) != 3:
        raise UserError(
            f"{where}: holds {examples.modality} of shape {shape}, and a restoration "
            "needs images; name a source of images, such as images:FOLDER"
        )
    if any(side % scale for side in shape[:2]):
        height, width = (max(scale, side - side % scale) for side in shape[:2])
        raise UserError(
            f"{where}: its images have {shape[1]} x {shape[0]} pixels, which "
            f"data.degrade does not divide by {scale}; set data.image.size to "
            f"[{height}, {width}], and data.image.fit to crop"
        )


def _bytes(part: np.ndarray, examples: Examples, where: str) -> np.ndarray:
    """Convert images of any range to 8 bits, `(n, height, width, channels)`."""
    if examples.learns == "pixel_range":  # 16 bits, of which all are used
        scaled = part.astype(np.float64) * (BRIGHTEST / WHITE[16])
    else:
        scaled = (part * np.float64(examples.scale) + examples.offset) * BRIGHTEST
    if scaled.min(initial=0) < NEGATIVE * BRIGHTEST:
        raise UserError(
            f"{where}: its images hold negative numbers, and a restoration needs a "
            "range from 0 (black); store them as 0 .. 1 or 0 .. 255"
        )
    return np.round(scaled).clip(BLACK, BRIGHTEST).astype(np.uint8)


def degrade(
    image: np.ndarray, steps: tuple[Step, ...], seed: int, position: int
) -> np.ndarray:
    """Apply all steps to one image.

    Args:
        image: `(height, width, channels)` uint8.
        steps: see `pipeline.data.degradation`.
        seed: of the random steps.
        position: of the example in its source, which also seeds them.

    Returns:
        `(height / scale, width / scale, channels)` uint8.
    """
    for number, step in enumerate(steps):
        rng = np.random.default_rng(derive_seed(seed, position, number, step.name))
        image = STEPS[step.name](image, rng, **step.args)
    return image


def _downscale(image: np.ndarray, rng: Generator, scale: int) -> np.ndarray:
    height, width = (side // scale for side in image.shape[:2])
    picture = _picture(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture).reshape(height, width, -1)


def _blur(image: np.ndarray, rng: Generator, sigma: float) -> np.ndarray:
    blurred = ndimage.gaussian_filter(image.astype(np.float64), (sigma, sigma, 0))
    return np.round(blurred).astype(np.uint8)


def _noise(image: np.ndarray, rng: Generator, sigma: float) -> np.ndarray:
    noisy = image + rng.normal(0, sigma * BRIGHTEST, image.shape)
    return np.round(noisy).clip(BLACK, BRIGHTEST).astype(np.uint8)


def _jpeg(image: np.ndarray, rng: Generator, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    _picture(image).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).reshape(image.shape)


def _mask(image: np.ndarray, rng: Generator, count: int, size: int) -> np.ndarray:
    masked = image.copy()
    for _ in range(count):
        top, left = (rng.integers(max(1, s - size + 1)) for s in image.shape[:2])
        masked[top : top + size, left : left + size] = BLACK
    return masked


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "downscale": _downscale,
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
    "mask": _mask,
}
