"""The presets are the published models, to the digit."""

from __future__ import annotations

import keras
import pytest

from pipeline.core.errors import UserError
from pipeline.models import registry
from pipeline.models.describe import describe
from tests.helpers.models_cases import spec


def numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


SOUND = spec((640,), "audio", "anomaly_detection")
# Parameters as published; MACs as published (in millions), and our exact count,
# which is the sum over the layers by hand.
PUBLISHED = [
    ("resnet", spec((32, 32, 3), classes=numbered(10)), 78_666, "12.50", 12_501_632),
    ("ds_cnn", spec((49, 10, 1), classes=numbered(12)), 24_908, "2.66", 2_656_768),
    (
        "mobilenet_v1",
        spec((96, 96, 3), classes=numbered(2)),
        221_794,
        "7.49",
        7_489_664,
    ),
    ("autoencoder", SOUND, 269_992, "0.26", 264_192),
]


@pytest.mark.parametrize(
    ("family", "data", "parameters", "millions", "macs"), PUBLISHED
)
def test_mlperf_tiny(family, data, parameters, millions, macs):
    model = registry.build(f"{family}:mlperf_tiny", {}, data, 1)
    cost = describe(model)
    assert cost.parameters == model.count_params() == parameters
    assert f"{cost.macs / 1e6:.2f}" == millions
    assert cost.macs == macs


def test_mobilenet_v2_is_the_one_of_keras_applications():
    data = spec((224, 224, 3), classes=numbered(1000))
    ours = registry.build("mobilenet_v2:imagenet", {}, data, 1)
    theirs = keras.applications.MobileNetV2(weights=None)
    shapes = [sorted(tuple(w.shape) for w in m.weights) for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert ours.count_params() == 3_538_984
    assert round(describe(ours).macs / 1e6) in range(300, 302)  # the paper: 300 M


def test_efficientnet_lite0_has_the_published_weights():
    data = spec((224, 224, 3), classes=numbered(1000))
    model = registry.build("efficientnet_lite:lite0", {}, data, 1)
    trained = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
    assert trained == 4_652_008
    assert model.count_params() == 4_694_024


def test_the_mlp_on_28x28_is_784_64_64_10():
    model = registry.build("mlp", {}, spec((28, 28, 1), classes=numbered(10)), 1)
    shapes = [w.shape for w in model.weights if len(w.shape) == 2]
    assert shapes == [(784, 64), (64, 64), (64, 10)]


def test_a_student_of_a_preset_is_slimmer():
    data = spec((32, 32, 3), classes=numbered(10))
    slim = registry.build("resnet:mlperf_tiny", {"width": 0.5}, data, 1)
    assert slim.get_layer("stem").filters == 8
    assert slim.count_params() < 78_666 / 3


def test_a_stem_that_halves_the_image_keeps_the_weights_and_quarters_the_macs():
    data, name = spec((32, 32, 3), classes=numbered(10)), "resnet:mlperf_tiny"
    whole, half = (
        registry.build(name, {"stem_strides": strides}, data, 1) for strides in (1, 2)
    )
    assert half.count_params() == whole.count_params()
    assert describe(half).macs < 0.27 * describe(whole).macs
    with pytest.raises(UserError, match="stem_strides: must be 1 or 2; received 3"):
        registry.build(name, {"stem_strides": 3}, data, 1)
