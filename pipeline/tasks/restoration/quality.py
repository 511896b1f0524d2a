"""PSNR and SSIM of restored images, and the enlarged input that they must be above.

In: images of 0 .. 1, `(n, height, width, channels)`, and clean ones, uint8. Out: one
number per image, `(n,)`. Images are compared as pictures of 8 bits: clipped and
rounded. SSIM is that of Wang, Bovik, Sheikh, Simoncelli, Image Quality Assessment: From
Error Visibility to Structural Similarity, 2004, with its Gaussian window, averaged over
pixels and channels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

WHITE = 255  # of a stored image
SMALLEST = 1e-10  # mean squared error of an exact copy: 100 dB
SIGMA, RADIUS = 1.5, 5  # of the window, in pixels: 11 x 11
C1, C2 = 0.01**2, 0.03**2


def pixels(images: np.ndarray) -> np.ndarray:
    """Convert images of 0 .. 1 to 8 bits.

    Args:
        images: of any shape; values outside of 0 .. 1 are clipped, NaN becomes 0.

    Returns:
        uint8 of the same shape.
    """
    return np.round(np.nan_to_num(images).clip(0, 1) * WHITE).astype(np.uint8)


def psnr(images: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the peak signal-to-noise ratio of each image in dB, `(n,)`.

    Args:
        images: restored images, uint8.
        y: clean images, uint8, of the same shape.
    """
    error = (images.astype(np.float64) - y) / WHITE
    squared = np.mean(error.reshape(len(y), -1) ** 2, axis=1)
    return -10 * np.log10(np.maximum(squared, SMALLEST))


def ssim(images: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the structural similarity of each image, `(n,)`; 1 for a copy.

    Args:
        images: restored images, uint8.
        y: clean images, uint8, of the same shape.
    """
    return similarity(images, y).reshape(len(y), -1).mean(axis=1)


def similarity(images: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the structural similarity around each pixel, of the shape of the images.

    Args:
        images: restored images, uint8; they are mirrored at their edges.
        y: clean images, uint8, of the same shape.
    """
    first, second = images / np.float64(WHITE), y / np.float64(WHITE)
    mean1, mean2 = _window(first), _window(second)
    variance1 = _window(first**2) - mean1**2
    variance2 = _window(second**2) - mean2**2
    covariance = _window(first * second) - mean1 * mean2
    similar = (2 * mean1 * mean2 + C1) * (2 * covariance + C2)
    scale = (mean1**2 + mean2**2 + C1) * (variance1 + variance2 + C2)
    return similar / scale


def enlarged(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge degraded images to the size of clean ones, bicubically.

    Args:
        images: as stored, `(n, height, width, channels)` uint8.
        shape: of one clean image; images of that shape are returned unchanged.
    """
    if images.shape[1:] == tuple(shape):
        return images
    size = (shape[1], shape[0])
    planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
    large = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC))
        for plane in planes
    ]
    stacked = np.stack(large).reshape(len(images), shape[2], *shape[:2])
    return np.moveaxis(stacked, 1, -1)


def _window(values: np.ndarray) -> np.ndarray:
    sigma = (0, SIGMA, SIGMA, 0)
    return ndimage.gaussian_filter(values, sigma, truncate=RADIUS / SIGMA)
