"""`wav:FOLDER`: one folder of WAV files per class; clips become log-mel or MFCC frames.

Several channels are averaged. All files must have one sample rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.data.audio import front_end
from pipeline.data.decoded_files import read_files
from pipeline.data.examples import Examples
from pipeline.data.features import FixedLength
from pipeline.data.folders import BadFileError, list_files
from pipeline.data.paths import source_path
from pipeline.data.sources.reader import ReadContext
from pipeline.data.wav_files import rate_of, samples


def read(context: ReadContext) -> Examples:
    """Read all clips of a folder, float32 `(n, samples)` in -1 .. 1.

    See `SourceReader`.
    """
    root = source_path(context.source, context.key)
    files = list_files(root, {".wav"}, context)
    clips = ClipReader(context, files.paths)
    fields = read_files(files, clips.read, context, np.dtype(np.float32))
    del fields["positions"]
    return Examples(
        **fields,
        modality="audio",
        steps=front_end(context.params.audio, clips.rate),
        learns="standardise",
    )


class ClipReader:
    """Reads files of one sample rate.

    Args:
        context: `data.audio` says the rate and the length.
        files: their most frequent rate is required where `data.audio.rate` is null.
    """

    def __init__(self, context: ReadContext, files: Sequence[Path]):
        self.audio = context.params.audio
        self.rate = self.audio.rate or _usual_rate(files)
        self.rate_from = "data.audio.rate" if self.audio.rate else "most files"

    def read(self, file: Path) -> np.ndarray:
        """Read one clip at the required length, float32 `(samples,)`.

        Raises:
            BadFileError: when it is not a WAV file of the required rate.
        """
        rate, clip = samples(file)
        if rate != self.rate:
            raise BadFileError(
                f"has {rate} samples per second ({self.rate_from}: {self.rate})"
            )
        length = FixedLength(round(self.audio.seconds * rate), rate)
        return length.apply(clip[None])[0]


def _usual_rate(files: Sequence[Path]) -> int:
    """Return the most frequent rate, from file headers; 0 if none is readable."""
    rates = (rate_of(file) for file in files)
    counts = Counter(rate for rate in rates if rate)
    return counts.most_common(1)[0][0] if counts else 0
