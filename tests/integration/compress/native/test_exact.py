"""The int8 file predicts the integers of its Keras model, for families of builders."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.compress.native.biases import round_biases
from pipeline.compress.native.export import export
from pipeline.compress.native.kernels import kernels_of
from pipeline.compress.native.ranges import settle_embeddings, with_ranges
from pipeline.compress.native.transforms import int8
from pipeline.compress.rewrite.fold import fold_batch_norms
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.inference.interpreter import LiteModel
from tests.helpers.cases import chosen
from tests.helpers.models_cases import build, spec_for

# Every operator of these families is simulated to the integer. A value that lies in the
# middle of two integers may be rounded to either: the runtime multiplies by a scale in
# another order. One such value changes those after it by one.
EXACT = [
    "mlp",
    "cnn",
    "cnn1d",
    "ds_cnn",
    "resnet",
    "autoencoder",
    "bag_of_embeddings",
    "text_cnn",
    "two_tower",
    "mobilenet_v1",
    "mobilenet_v2",
    "efficientnet_lite",
]


def quantized(name: str) -> tuple[keras.Model, np.ndarray]:
    """A family's model as after training for int8, and inputs in its ranges."""
    source = build(name, spec_for(name))
    inputs = np.concatenate([random_batch(source, seed) for seed in range(4)])
    model = with_ranges(source, inputs)
    for kernel in kernels_of(model):
        kernel.variable.assign(int8(kernel.values, kernel.channel_axes))
    settle_embeddings(model)
    model = fold_batch_norms(model)
    round_biases(model, one_scale=False)
    return model, inputs


@pytest.mark.parametrize("name", chosen(EXACT, ["mlp"]))
def test_the_file_has_the_integers_of_the_model(name, written):
    model, inputs = quantized(name)
    expected = np.asarray(model(inputs))
    content = export(model, "int8", inputs)
    assert violations(read_facts(content), "int8") == []
    file = LiteModel(written(content), spec_for(name))
    steps = integers(file, inputs, expected)
    assert np.abs(steps).max() <= 1
    assert np.mean(steps == 0) > 0.97


def integers(file: LiteModel, inputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """File minus model, in steps of the output's scale."""
    interpreter, source, target = file.interpreter, file.input, file.output
    scale, zero = source["quantization"]
    if scale:
        inputs = np.clip(np.round(inputs / scale + zero), -128, 127)
    results = []
    for example in inputs.astype(source["dtype"]):
        interpreter.set_tensor(source["index"], example[None])
        interpreter.invoke()
        results.append(interpreter.get_tensor(target["index"])[0].astype(int))
    scale, zero = target["quantization"]
    return np.array(results) - np.round(expected / scale + zero).astype(int)
