"""The degraded input as the floor, and outputs of another range.

In: stored inputs and clean images. Out: PSNR and SSIM of the inputs, enlarged
bicubically where they are smaller; outputs of 0 .. 255 or -1 .. 1 as images of 0 .. 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.floor import Array, Floor, Reading
from pipeline.tasks.restoration.metric import quality
from pipeline.tasks.restoration.quality import WHITE, enlarged
from pipeline.tasks.spec import TaskSpec

BATCH = 64  # images in memory


def _evidence(stored: Array, y: Array) -> Array:
    begins = range(0, len(y), BATCH)
    return np.concatenate(
        [_of_batch(stored[n : n + BATCH], np.asarray(y[n : n + BATCH])) for n in begins]
    )


def _of_batch(stored: Array, y: Array) -> Array:
    return quality(enlarged(np.asarray(stored), y.shape[1:]), y)


def _readings(spec: TaskSpec, outputs: Array, y: Array) -> Iterator[Reading]:
    yield Reading(
        "its output divided by 255",
        "model = keras.Sequential([model, keras.layers.Rescaling(1 / 255)])",
        lambda z: z / WHITE,
    )
    yield Reading(
        "its output of -1 .. 1 as 0 .. 1",
        "model = keras.Sequential([model, keras.layers.Rescaling(0.5, 0.5)])",
        lambda z: z / 2 + 0.5,
    )


FLOOR = Floor(
    "the degraded input, enlarged bicubically", _evidence, _readings, reads_inputs=True
)
