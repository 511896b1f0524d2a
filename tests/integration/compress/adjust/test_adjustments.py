"""Adjustments of post-training quantization, on a network that int8 ruins."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.adjust import graph
from pipeline.compress.adjust.graph import Runner
from pipeline.compress.debug.diagnosis import _norms
from pipeline.compress.debug.layer_errors import layer_errors
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tflite.inspect import parse, read_facts
from pipeline.compress.tflite.strip import strip
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.build import Built, build
from pipeline.compress.tfmot.export import export
from pipeline.core.errors import UserError
from tests.helpers.damaged_net import TRAIN, damage, depthwise_net, digits

X, Y = digits()
CALIBRATION, TEST, ANSWERS = X[:40], X[TRAIN:], Y[TRAIN:]


@pytest.fixture(scope="module")
def damaged():
    model = depthwise_net()
    expected = np.asarray(model(TEST))
    damage(model)
    assert np.asarray(model(TEST)) == pytest.approx(expected, abs=1e-3)
    return model


@pytest.fixture(scope="module")
def ruined(damaged) -> Built:
    return built(damaged, "int8")


def built(model, recipe: str) -> Built:
    return build(model, parse_recipe(recipe), None, CALIBRATION, keep_reference=True)


def outputs(content: bytes) -> np.ndarray:
    runner = Runner(content)
    return np.concatenate([runner.run([image[None]])[0] for image in TEST])


def accuracy(values: np.ndarray) -> float:
    return float(np.mean(values.argmax(1) == ANSWERS))


def test_equalize_recovers_a_loss_without_a_byte_more(damaged, ruined):
    before = accuracy(np.asarray(damaged(TEST)))
    lost = before - accuracy(outputs(ruined.content))
    assert lost > 0.3
    equalized = built(damaged, "equalize | int8")
    assert before - accuracy(outputs(equalized.content)) < 0.1 * lost
    assert len(strip(equalized.content)) <= len(strip(ruined.content))
    assert equalized.outputs == pytest.approx(ruined.outputs, abs=1e-3)


def test_ranges_of_activations_recover_it_under_relu6():
    model = depthwise_net(corner=6.0)
    damage(model)
    before = accuracy(np.asarray(model(TEST)))
    assert before - accuracy(outputs(built(model, "int8").content)) > 0.3
    equalized = built(model, "equalize(activations) | int8")
    assert before - accuracy(outputs(equalized.content)) < 0.03


def test_the_layers_that_lose_are_ranked_first_with_their_cause(damaged, ruined):
    rows = layer_errors(
        ruined.content, ruined.reference, CALIBRATION[:8], TEST[:8], _norms(damaged)
    )
    worst = {row.layer for row in rows[:4]}
    assert {"depthwise0", "depthwise1"} < worst
    causes = {row.layer: row.cause for row in rows}
    assert causes["depthwise0"].startswith("outlier channel: output has channel")
    assert rows[0].added_db < 5 and rows[-1].added_db > 20
    assert not causes["stem"]


def test_without_other_ranges_the_file_is_the_converters_own(damaged, ruined):
    assert ruined.content == export(to_tf_keras(damaged), "int8", CALIBRATION)


def test_a_corrected_bias_gives_channels_the_mean_of_the_float_model(damaged, ruined):
    expected = np.asarray(damaged(CALIBRATION)).mean(0)

    def shift(content: bytes) -> float:
        runner = Runner(content)
        values = [runner.run([image[None]])[0] for image in CALIBRATION]
        return float(np.abs(np.concatenate(values).mean(0) - expected).max())

    corrected = built(damaged, "correct_bias | int8")
    assert shift(corrected.content) < 0.3 * shift(ruined.content)


def test_one_layer_stays_in_float_and_is_no_violation(damaged):
    content = built(damaged, "keep_float(pointwise0) | int8").content
    facts = read_facts(content)
    assert facts.float_operators.count("CONV_2D") == 1
    assert violations(facts, "int8", mixed=True) == []
    assert violations(facts, "int8") != []


def test_quiet_channels_survive_in_int16_activations(damaged, ruined):
    layers = " | ".join(f"int16_activations(depthwise{n})" for n in range(2))
    content = built(damaged, f"{layers} | int8").content
    model = parse(content)
    wide = [o for o in graph.operators(model) if o.name.endswith(graph.WIDE)]
    assert [o.layer for o in wide if o.kind == "DEPTHWISE_CONV_2D"] == [
        "depthwise0",
        "depthwise1",
    ]
    values = accuracy(outputs(content))
    assert values > accuracy(outputs(ruined.content)) + 0.3


@pytest.mark.parametrize("step", ["keep_float", "int16_activations"])
def test_an_unknown_layer_is_refused_with_the_nearest_one(damaged, step):
    with pytest.raises(UserError, match=r'"pointwise".*did you mean "pointwise1"'):
        built(damaged, f"{step}(pointwise) | int8")


def test_a_model_without_a_pair_of_layers_is_refused():
    import keras

    image = keras.Input((8, 8, 1), name="image")
    flat = keras.layers.Flatten(name="flat")(image)
    model = keras.Model(image, keras.layers.Dense(3, name="logits")(flat), name="flat")
    with pytest.raises(UserError, match="equalize supports no two layers"):
        built(model, "equalize | int8")
