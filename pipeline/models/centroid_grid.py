"""Detection for tiny boards: a backbone cut at a stride, and a 1x1 convolution.

Each cell of the grid tells whether the center of an object is in it, as in Edge
Impulse's FOMO (Faster Objects, More Objects, 2022), and here also how far the sides of
the object are, for four more channels.
"""

from __future__ import annotations

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import building_blocks
from pipeline.models.cells import NEEDS, cells, fits
from pipeline.models.decoder import backbone_of, features_of
from pipeline.models.input_output import require_input
from pipeline.models.registry import builder

STRIDES = (4, 8, 16)


@builder("centroid_grid")
def centroid_grid(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Backbone cut at a stride, with scores and distances in each cell.

    Args:
        hp: declares `family`, the backbone's builder as for `decoder`, and its
            hyperparameters; `stride`, pixels per side of a cell (4, 8 or 16).
        spec: images of even height and width, at least 8x8.

    Returns:
        Images `(batch, height, width, channels)` to cells, `(batch, rows, columns,
        classes + 4)`.

    Raises:
        ModelError: for a backbone that does not exist, or that never halves an image.
    """
    require_input("centroid_grid", spec, NEEDS, fits(spec), ["cells"])
    build = building_blocks(hp, dropout=0.0)
    stride = hp.Choice("stride", list(STRIDES), default=8)
    backbone = backbone_of(hp, spec)
    x = build.dropout(features_of(backbone, spec, stride)[-1])
    return keras.Model(backbone.inputs, cells(x, spec), name="centroid_grid")
