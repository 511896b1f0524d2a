"""Preprocessing steps of the audio front end of an experiment."""

from __future__ import annotations

from pipeline.data.features import FixedLength, LogMel, Mfcc, Step
from pipeline.data.params import AudioParams


def front_end(audio: AudioParams, rate: int) -> tuple[Step, ...]:
    """Return the steps from a clip, float32 in -1 .. 1, to `(frames, bins, 1)`.

    Args:
        audio: the `data.audio` section.
        rate: samples per second of the clips.
    """
    length = FixedLength(round(audio.seconds * rate), rate)
    framing = (rate, audio.frame_ms, audio.hop_ms, audio.bins)
    if audio.front_end == "mfcc":
        return (length, Mfcc(*framing, audio.coefficients))
    return (length, LogMel(*framing))
