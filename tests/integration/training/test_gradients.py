"""Vanishing and exploding gradients are diagnosed; healthy ones are not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.gradients import diagnose, gradient_norms, write_norms
from pipeline.training.loop import fit
from pipeline.training.optimizers import make_optimizer
from pipeline.training.params import FitSettings

SPEC = TaskSpec("x", "x:x", (16,), "float32", ("a", "b"), modality="table")
RNG = np.random.default_rng(1)
TRAIN = Split(RNG.normal(size=(64, 16)).astype(np.float32), RNG.integers(0, 2, 64))
DEEP = {"layers": 16, "dropout": 0.0}


def norms(**values):
    model = registry.build("mlp", {**DEEP, **values}, SPEC, 1)
    return gradient_norms(model, SPEC, TRAIN, FitSettings())


def test_a_deep_sigmoid_net_vanishes():
    message = diagnose(norms(activation="sigmoid", initializer="glorot_uniform"))
    assert re.match(
        r"gradients vanish: dense[1-4]/kernel gets \d\.\de-1\d per", message
    )
    assert "logits/kernel" in message and "he_normal" in message


def test_a_deep_he_initialised_relu_net_does_not():
    gradients = norms(activation="relu", initializer="he_normal")
    assert diagnose(gradients) == ""
    assert next(iter(gradients)) == "dense1/kernel" and len(gradients) == 17


def test_the_model_is_left_unchanged():
    data = TaskSpec("x", "x:x", (8, 8, 1), "float32", ("a", "b"))
    images = Split(RNG.normal(size=(64, 8, 8, 1)).astype(np.float32), TRAIN.y)
    model = registry.build("resnet", {"dropout": 0.2}, data, 1)
    before = [variable.numpy() for variable in model.variables]
    gradient_norms(model, data, images, FitSettings())
    after = [variable.numpy() for variable in model.variables]
    assert all(map(np.array_equal, before, after))


def test_zeros_vanish_everywhere():
    assert diagnose(norms(initializer="zeros")).startswith("gradients vanish")


def test_large_weights_explode():
    model = registry.build("mlp", DEEP, SPEC, 1)
    for layer in model.layers:
        layer.set_weights([3 * weight for weight in layer.get_weights()])
    gradients = gradient_norms(model, SPEC, TRAIN, FitSettings())
    assert diagnose(gradients).startswith("gradients explode: ")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([1.0, 1.0], ""),
        ([1e-3, 1.0], ""),
        ([1e-5, 1.0], "vanish"),
        ([1.0, 0.0], "vanish"),
        ([float("nan"), 1.0], "explode"),
        ([1.0, float("inf")], "explode"),
        ([5e3, 4e3], "explode"),
        ([100.0, 1e-3], "explode"),
        ([1.0], ""),
    ],
)
def test_the_thresholds(values, word):
    message = diagnose({f"layer{at}": value for at, value in enumerate(values)})
    assert word in message and bool(message) == bool(word)


def test_the_table_has_a_line_for_each_kernel(tmp_path):
    write_norms(tmp_path / "g.csv", {"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0})
    text = (tmp_path / "g.csv").read_text()
    assert text == "kernel,before,after\na,1.0,3.0\nb,2.0,4.0\n"


def test_clipping_shortens_the_first_step():
    """One step of plain gradient size: Adam's own scaling is not in the way."""
    optimizer = make_optimizer(FitSettings(global_clipnorm=0.5), 1e-3)
    assert optimizer.global_clipnorm == 0.5
    settings = FitSettings(epochs=2, global_clipnorm=1e-12, schedule="constant")
    free = FitSettings(epochs=2, schedule="constant")
    weights = []
    for choice in (settings, free):
        model = registry.build("mlp", {"dropout": 0.0}, SPEC, 1)
        before = model.get_weights()[0]
        fit(model, FitData(SPEC, TRAIN, TRAIN), choice, FitContext(1))
        weights.append(np.abs(model.get_weights()[0] - before).max())
    assert weights[0] < 0.01 * weights[1]  # below Adam's epsilon, nothing moves


def test_the_biases_of_attention_are_no_kernels():
    """That of the keys has no gradient in any network: a softmax ignores it."""
    data = TaskSpec("x", "x:x", (8, 4), "float32", ("a", "b"), modality="audio")
    frames = Split(RNG.normal(size=(64, 8, 4)).astype(np.float32), TRAIN.y)
    model = registry.build("attention", {"dropout": 0.0, "units": 16}, data, 1)
    gradients = gradient_norms(model, data, frames, FitSettings())
    assert not [name for name in gradients if name.endswith("bias")]
    assert diagnose(gradients) == ""
