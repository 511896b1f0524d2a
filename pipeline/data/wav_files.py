"""WAV files: the only reader of the format, for `wav:` and `predict`.

libsndfile reads every kind of them: 8 to 64 bits, whole or floating-point numbers,
extensible headers, and a wrong length in the header.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.folders import BadFileError

FORMATS = ("WAV", "WAVEX", "RF64", "W64")
MAX_SECONDS = 3600.0  # a longer recording is not an example


def samples(file: Path) -> tuple[int, np.ndarray]:
    """Read one WAV file.

    Args:
        file: its path.

    Returns:
        Samples per second, and the mean of the channels, float32 `(n,)` in -1 .. 1.

    Raises:
        BadFileError: when it is not a WAV file, an empty or a very long one.
    """
    import soundfile

    if not is_regular(file):
        raise BadFileError("is not a regular file")
    try:
        with soundfile.SoundFile(file) as sound:
            _check(sound)
            rate = int(sound.samplerate)
            values = sound.read(dtype="float32", always_2d=True)
    except BadFileError:
        raise
    except Exception as error:  # a decoder raises whatever its parsing meets
        reason = shown(str(error).rpartition(": ")[2], 120)
        raise BadFileError(f"not a readable WAV file ({reason})") from None
    if not values.size:
        raise BadFileError("holds no samples")
    if not np.isfinite(values).all():
        raise BadFileError("holds samples that are not numbers")
    return rate, values.mean(axis=1) if values.shape[1] > 1 else values[:, 0]


def rate_of(file: Path) -> int:
    """Return the samples per second of a file, from its header; 0 if unreadable."""
    rate, _ = length_of(file) or (0, 0.0)
    return rate


def length_of(file: Path) -> tuple[int, float] | None:
    """Return samples per second and seconds of a file; None if it is unreadable."""
    import soundfile

    if not is_regular(file):
        return None
    try:
        sound = soundfile.info(file)
        return int(sound.samplerate), sound.frames / sound.samplerate
    except Exception:  # `samples` says what is wrong with it
        return None


def _check(sound: Any) -> None:
    if sound.format not in FORMATS:
        raise BadFileError(f"not a readable WAV file (it holds {sound.format})")
    if sound.frames > MAX_SECONDS * sound.samplerate:
        raise BadFileError(
            f"lasts longer than {MAX_SECONDS:,.0f} seconds; cut it into examples"
        )
