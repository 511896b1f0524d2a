"""A class of sounds that are no keyword: noise, and the beginnings and ends of clips.

A model that has only heard whole keywords calls everything one of them. Warden, Speech
Commands: A Dataset for Limited-Vocabulary Speech Recognition, 2018, adds a class of
background noise; the fragments are what a model hears between the words of a stream.

In: clips of a source, float32 `(n, samples)`. Out: the same and the made ones after
them, in the class `background`. Groups get as many as they have clips, in proportion.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.rows import AnyRows, ConcatenatedRows

NAME = "background"
LONGEST = 0.3  # of a clip: too little to recognize a keyword
EXPONENTS = (0.0, 1.0, 2.0)  # of 1/f in the power of white, pink and brown noise
# Root mean square of the noise, relative to full scale: from that of 16-bit rounding.
DECIBELS = (-100.0, -10.0)


def with_background(examples: Examples, fraction: float, seed: int) -> Examples:
    """Add made clips to those of a source.

    Args:
        examples: clips, not yet split.
        fraction: made clips per clip.
        seed: of all draws.

    Raises:
        UserError: when the source has a class of that name.
    """
    if NAME in examples.classes:
        raise UserError(
            f"data.audio.background: the source has a class {NAME} of its own; "
            "leave the key out"
        )
    rng = np.random.default_rng(seed)
    count = max(1, round(fraction * len(examples)))
    # Each is made of, and belongs to the group of, one clip.
    origins = np.sort(rng.permutation(np.arange(count) % len(examples)))
    made = [_sound(examples.x, origin, rng) for origin in origins]
    number = len(examples.classes)
    names = [*map(examples.name, range(len(examples)))]
    names += [f"{NAME} {k} (made)" for k in range(count)]
    positions = np.concatenate([np.arange(len(examples)), origins])
    return replace(
        examples,
        x=ConcatenatedRows([examples.x, np.stack(made)]),
        y=np.concatenate([examples.y, np.full(count, number)]),
        classes=(*examples.classes, NAME),
        groups=_taken(examples.groups, positions),
        names=np.array(names),
        extra_targets={
            key: values[positions] for key, values in examples.extra_targets.items()
        },
        own_test=_taken(examples.own_test, positions),
        own_validation=_taken(examples.own_validation, positions),
    )


def _taken(values: np.ndarray | None, positions: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[positions]


def _sound(clips: AnyRows, origin: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise, or noise with a fragment of a clip, float32 `(samples,)`."""
    clip = np.asarray(clips[origin : origin + 1])[0]
    sound = noise(len(clip), rng)
    if rng.random() < 0.5:
        sound += _fragment(clip, rng)
    return np.clip(sound, -1, 1).astype(np.float32)


def noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw colored noise of a random level, `(samples,)`.

    Args:
        samples: length.
        rng: of the spectrum's color, its phases and the level.
    """
    frequency = np.arange(1, samples // 2 + 2)
    spectrum = rng.normal(size=(2, len(frequency)))
    spectrum *= frequency ** (-rng.choice(EXPONENTS) / 2)
    sound = np.fft.irfft(spectrum[0] + 1j * spectrum[1], samples)
    level = 10 ** (rng.uniform(*DECIBELS) / 20)
    return sound * level / np.sqrt(np.mean(sound**2))


def _fragment(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the first or the last part of a clip's sound, at a random place."""
    loud = np.flatnonzero(clip)
    begin, end = (loud[0], loud[-1] + 1) if len(loud) else (0, len(clip))
    length = max(1, round((end - begin) * rng.uniform(0, LONGEST)))
    part = (
        clip[begin : begin + length] if rng.random() < 0.5 else clip[end - length : end]
    )
    sound, place = np.zeros(len(clip)), rng.integers(len(clip) - length + 1)
    sound[place : place + length] = part
    return sound
