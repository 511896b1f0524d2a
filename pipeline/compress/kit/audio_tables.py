"""Tables of the audio front end in C: window, turns of the transform, bands, cosines.

In: a `log_mel` or `mfcc` step. Out: values of the template `audio.c.j2`, float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.fft import dct

from pipeline.compress.kit import c_text
from pipeline.data.features import FLOOR, LogMel, Mfcc


def tables(mel: LogMel, samples: int) -> dict[str, Any]:
    """Compute the tables of a front end.

    Args:
        mel: the step.
        samples: length of a clip.
    """
    facts = mel.facts
    frame, hop = facts["frame_samples"], facts["hop_samples"]
    points, mfcc = facts["points"], isinstance(mel, Mfcc)
    angles = 2 * np.pi * np.arange(points // 2) / points
    features = mel.coefficients if isinstance(mel, Mfcc) else mel.bins
    return {
        "frame": frame,
        "hop": hop,
        "points": points,
        "bins": mel.bins,
        "frames": 1 + max(0, samples - frame) // hop,
        "features": features,
        "coefficients": mfcc,
        "floor": FLOOR,
        "window": _floats(np.hanning(frame)),
        "turn_real": _floats(np.cos(angles)),
        "turn_imaginary": _floats(-np.sin(angles)),
        "cosines": _floats(_cosines(mel.bins)[:features]) if mfcc else "",
        **_bands(mel.bands),
    }


def _cosines(bins: int) -> np.ndarray:
    """Matrix of the cosine transform, `(coefficients, bins)`."""
    return np.asarray(dct(np.eye(bins), type=2, norm="ortho", axis=0))


def _bands(bands: np.ndarray) -> dict[str, str]:
    """First frequency, number of frequencies and weights of each band.

    Args:
        bands: `(frequencies, bins)`.
    """
    used = [np.flatnonzero(column) for column in bands.T]
    first = [int(places[0]) if len(places) else 0 for places in used]
    counts = [int(places[-1]) - places[0] + 1 if len(places) else 0 for places in used]
    weights = [
        column[start : start + count]
        for column, start, count in zip(bands.T, first, counts)
    ]
    return {
        "band_first": c_text.numbers(np.array(first, np.int64)),
        "band_count": c_text.numbers(np.array(counts, np.int64)),
        "band_weights": _floats(np.concatenate([*weights, np.zeros(1)])),
    }


def _floats(values: np.ndarray) -> str:
    return c_text.numbers(values.astype(np.float32))
