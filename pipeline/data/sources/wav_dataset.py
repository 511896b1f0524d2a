"""`wav:FOLDER`: a folder of WAV files for each class, become log-mel or MFCC frames.

Several channels are averaged. Every file must have one sample rate.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from pipeline.data.examples import Examples
from pipeline.data.features import FixedLength
from pipeline.data.folders import BadFile, chosen, further, list_files, read_all
from pipeline.data.sources.reader import Intake, source_path
from pipeline.data.rows import Rows
from pipeline.data.audio import front_end


def read(name: str, intake: Intake) -> Examples:
    """Read every clip below the folder, float32 `(n, samples)` of -1 .. 1."""
    root = source_path(intake.source, intake.key)
    found = list_files(root, {".wav"}, intake)
    clips = Clips(intake, found.files)
    path, kept = read_all(found, root, clips.read, intake, "float32")
    y, classes = intake.class_numbers(found.labels)
    return Examples(
        x=Rows(path),
        y=y[kept],
        classes=classes,
        modality="audio",
        steps=front_end(intake.params.audio, clips.rate),
        learns="standardise",
        groups=chosen(found.groups, kept) if found.groups is not None else None,
        also=further(found, kept, intake),
        names=chosen([f.relative_to(root).as_posix() for f in found.files], kept),
    )


class Clips:
    """Reads files of one sample rate: the one asked for, or that of most files."""

    def __init__(self, intake: Intake, files: Sequence[Path]):
        self.audio = intake.params.audio
        self.rate = self.audio.rate or _usual_rate(files)
        self.source = "data.audio.rate" if self.audio.rate else "most files"

    def read(self, file: Path) -> np.ndarray:
        """One clip of the length asked for, float32 `(samples,)`."""
        rate, sound = samples(file)
        if rate != self.rate:
            told = f"{self.source}: {self.rate}"
            raise BadFile(f"has {rate} samples a second ({told})")
        length = FixedLength(round(self.audio.seconds * rate), rate)
        return length.apply(sound[None])[0]


def _usual_rate(files: Sequence[Path]) -> int | None:
    """The rate of most files that can be read; only their headers are."""
    counts: Counter[int] = Counter()
    for file in files:
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            counts[wavfile.read(file, mmap=True)[0]] += 1
    return counts.most_common(1)[0][0] if counts else None


def samples(file: Path) -> tuple[int, np.ndarray]:
    """Samples a second, and one channel of -1 .. 1, float32.

    Raises:
        BadFile: when it is no WAV file, or an empty one.
    """
    try:
        with warnings.catch_warnings():  # of chunks that are no sound: harmless
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, values = wavfile.read(file)
    except Exception as error:  # scipy raises whatever its parsing meets
        raise BadFile(f"not a readable WAV file ({error})") from None
    if not values.size:
        raise BadFile("holds no samples")
    plain = _to_float(values)
    return rate, plain.mean(axis=1) if plain.ndim == 2 else plain


def _to_float(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / 128
    if np.issubdtype(values.dtype, np.integer):
        return (values / -float(np.iinfo(values.dtype).min)).astype(np.float32)
    if not np.isfinite(values).all():
        raise BadFile("holds samples that are not numbers")
    return values.astype(np.float32)
