"""The bridge on architectures of keras.applications: small images, random weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.compress.tfmot.bridge import to_tf_keras
from tests.helpers.cases import chosen

# Image size: the smallest that each supports, or slightly more.
ARCHITECTURES = {
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "MobileNetV3Large": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "ResNet50V2": 32,
    "DenseNet121": 32,
    "VGG16": 32,
    "Xception": 71,
}


@pytest.mark.parametrize("name", chosen(ARCHITECTURES, ["MobileNetV3Small"]))
def test_the_copy_computes_the_same(name):
    """`to_tf_keras` itself compares both on random input and rejects a difference."""
    keras.utils.set_random_seed(1)
    size = ARCHITECTURES[name]
    build = getattr(keras.applications, name)
    model = build(input_shape=(size, size, 3), weights=None, classes=4)
    copy = to_tf_keras(model)
    # The statistics of a Normalization are constants of the copy.
    layers = [
        layer for layer in model.layers if type(layer).__name__ != "Normalization"
    ]
    weights = [weight for layer in layers for weight in layer.get_weights()]
    total = sum(np.size(weight) for weight in weights)
    assert sum(np.size(weight) for weight in copy.get_weights()) == total
    keras.backend.clear_session()
