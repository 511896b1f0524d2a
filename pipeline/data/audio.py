"""The audio front end that an experiment asks for, as preprocessing steps."""

from __future__ import annotations

from pipeline.data.features import FixedLength, LogMel, Mfcc, Step
from pipeline.data.params import AudioParams


def front_end(audio: AudioParams, rate: int) -> tuple[Step, ...]:
    """Steps from a clip, float32 of -1 .. 1, to `(frames, bins, 1)`.

    Args:
        rate: samples a second of the clips.
    """
    length = FixedLength(round(audio.seconds * rate), rate)
    framing = (rate, audio.frame_ms, audio.hop_ms, audio.bins)
    if audio.front_end == "mfcc":
        return (length, Mfcc(*framing, audio.coefficients))
    return (length, LogMel(*framing))
