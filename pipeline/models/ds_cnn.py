"""A depthwise separable net for spoken keywords.

Zhang, Suda, Lai, Chandra, Hello Edge: Keyword Spotting on Microcontrollers, 2017.
`mlperf_tiny` is the one of MLPerf Tiny (Banbury et al., 2021): 24,908 parameters
and 2.66 M MACs at 49x10x1 and twelve words.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_image, require
from pipeline.models.registry import builder

STEMS = {"3x3": (3, 3), "10x4": (10, 4)}
MLPERF_TINY = {"filters": 64, "blocks": 4, "stem": "10x4", "bias": True}


@builder("ds_cnn", presets={"mlperf_tiny": MLPERF_TINY})
def ds_cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Spectrograms `(frames, bins, 1)`, or images, to logits."""
    needs = "spectrograms or images of at least 4x4"
    require("ds_cnn", spec, needs, is_image(spec))
    own = choose(hp)
    filters = own.wide(hp.Int("filters", 32, 96, step=32, default=64))
    blocks = own.deep(hp.Int("blocks", 2, 6, default=4))
    stem = hp.Choice("stem", list(STEMS), default="10x4")
    x = sound = entrance(spec)
    x = own.conv(x, filters, STEMS[stem], "stem", strides=2)
    for number in range(1, blocks + 1):
        x = own.depthwise(x, 3, f"block{number}_depthwise")
        x = own.conv(x, filters, 1, f"block{number}_pointwise")
    x = own.drop(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(sound, answer(x, spec, own), name="ds_cnn")
