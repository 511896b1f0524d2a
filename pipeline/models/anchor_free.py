"""Detection without anchors: a small feature pyramid with one grid of cells.

Lin et al., Feature Pyramid Networks for Object Detection, 2017, as far as one size of
cells: the deepest features are enlarged step by step, added to larger ones, and
filtered by depthwise separable convolutions; a 3x3 convolution is the head. Each cell
predicts scores and distances (Zhou, Wang, Kraehenbuehl, Objects as Points, 2019; Tian
et al., FCOS, 2019).
"""

from __future__ import annotations

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.cells import NEEDS, cells, fits
from pipeline.models.decoder import backbone_of, features_of, merged
from pipeline.models.input_output import require_input
from pipeline.models.registry import builder

STRIDES = (4, 8, 16)
DEEPEST = (8, 16, 32)


@builder("anchor_free")
def anchor_free(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Feature pyramid on a backbone, with scores and distances in each cell.

    Args:
        hp: declares `family`, the backbone's builder as for `decoder`, and its
            hyperparameters; `stride`, pixels per side of a cell (4, 8 or 16);
            `deepest`, stride of the deepest features used (8, 16 or 32); `channels` of
            the pyramid (16 .. 96); `head`, number of its 3x3 convolutions (1 .. 3).
        spec: images of even height and width, at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to cells, `(batch, rows, columns,
        classes + 4)`.

    Raises:
        ModelError: for a backbone that does not exist, or that never halves an image.
    """
    require_input("anchor_free", spec, NEEDS, fits(spec), ["cells"])
    build = building_blocks(hp, dropout=0.0)
    stride = hp.Choice("stride", list(STRIDES), default=4)
    deepest = hp.Choice("deepest", list(DEEPEST), default=16)
    channels = build.scale_width(hp.Int("channels", 16, 96, step=16, default=32))
    head = build.scale_depth(hp.Int("head", 1, 3, default=1))
    backbone = backbone_of(hp, spec)
    features = features_of(backbone, spec, max(stride, deepest))
    used = [f for f in features if spec.shape[0] // f.shape[1] >= stride]
    used = used or features[-1:]
    x = build.conv(used[-1], channels, 1, "deepest")
    for number, larger in reversed(list(enumerate(used[:-1]))):
        x = merged(build, x, larger, channels, f"merge{number + 1}")
    for number in range(1, head + 1):
        x = build.conv(x, channels, 3, f"head{number}")
    x = build.dropout(x)
    return keras.Model(backbone.inputs, cells(x, spec), name="anchor_free")
