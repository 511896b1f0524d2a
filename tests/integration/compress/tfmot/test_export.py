"""Exported files: outputs, names, data types, and equal bytes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot import export as module
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import LiteModel


@pytest.fixture(scope="module")
def calibration() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (40, 8, 8, 1)).astype(np.float32)


def two_inputs() -> keras.Model:
    ends = [keras.Input((4,), name=name) for name in ("a", "b")]
    return keras.Model(ends, layers.Add(name="add")(ends), name="two")


def recurrent(kind: str, steps: int = 8) -> keras.Model:
    """`Both GRU` reads in both directions."""
    keras.utils.set_random_seed(1)
    sequence = keras.Input((steps, 4), name="sequence")
    both, _, kind = kind.rpartition(" ")
    memory = getattr(layers, kind)(5, name="memory")
    x = (layers.Bidirectional(memory) if both else memory)(sequence)
    return keras.Model(sequence, layers.Dense(3, name="logits")(x), name="recurrent")


@pytest.mark.parametrize("kind", ["float", "float16", "int8"])
def test_a_file_has_the_outputs_of_its_model(
    small_net, calibration, written, spec, validation, kind
):
    content = export(to_tf_keras(small_net), kind, calibration)
    received = LiteModel(written(content), spec).logits(validation.x)
    expected = np.asarray(small_net(spec.to_input(validation.x), training=False))
    allowed = {"float": 1e-4, "float16": 0.05, "int8": 0.1 * np.ptp(expected)}[kind]
    assert np.abs(received - expected).max() < allowed
    assert np.mean(received.argmax(1) == expected.argmax(1)) > 0.95


def test_input_and_output_have_names_and_a_batch_of_one(small_net, written, spec):
    model = LiteModel(written(export(to_tf_keras(small_net), "float")), spec)
    signature = model.interpreter.get_signature_list()["serving_default"]
    assert signature == {"inputs": ["input"], "outputs": ["logits"]}
    assert tuple(model.input["shape"]) == (1, 8, 8, 1)


@pytest.mark.parametrize("kind", ["float", "dynamic", "int8"])
def test_exporting_again_gives_the_same_bytes(small_net, calibration, kind):
    first, second = (
        export(to_tf_keras(small_net), kind, calibration) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Both GRU"])
def test_a_recurrent_net_can_be_full_integer(kind, written):
    model = recurrent(kind)
    examples = np.random.default_rng(2).normal(size=(40, 8, 4)).astype(np.float32)
    content = export(to_tf_keras(model), "int8", examples)
    assert violations(read_facts(content), "int8") == []
    spec = TaskSpec("s", "toy:s", (8, 4), "float32", ("a", "b", "c"))
    received = LiteModel(written(content), spec).logits(examples)
    expected = np.asarray(model(examples))
    assert np.abs(received - expected).max() < 0.1 * np.ptp(expected)


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("use_bias", [True, False])
def test_no_gate_of_a_gru_stays_in_float(seed, use_bias):
    # With the gates in one product this held for two sets of weights in three.
    keras.utils.set_random_seed(seed)
    sequence = keras.Input((8, 4), name="sequence")
    x = layers.GRU(6, use_bias=use_bias, name="memory")(sequence)
    model = keras.Model(sequence, layers.Dense(3, name="logits")(x), name="gru")
    examples = np.random.default_rng(2).normal(size=(40, 8, 4)).astype(np.float32)
    content = export(to_tf_keras(model), "int8", examples)
    assert violations(read_facts(content), "int8") == []


def test_a_float_operator_in_a_full_integer_file_is_a_broken_promise(small_net):
    facts = read_facts(export(to_tf_keras(small_net), "float"))
    broken = violations(facts, "int8")
    assert any("computed in float" in reason for reason in broken)


@pytest.mark.parametrize(
    ("make", "examples", "words"),
    [
        (lambda kind: recurrent("Both GRU", 300), np.zeros(1), "300 steps"),
        (recurrent, None, "needs calibration examples"),
        (recurrent, np.empty((0, 8, 4)), "there are none"),
        (recurrent, np.ones((5, 8, 4)), "constant"),
        (recurrent, np.full((5, 8, 4), np.nan), "not finite"),
        (lambda kind: two_inputs(), np.zeros(1), "2 inputs and 1 outputs"),
        (lambda kind: recurrent(kind, 300), np.zeros(1), "300 steps.*at most 256"),
    ],
)
def test_models_and_examples_that_cannot_be_exported_are_rejected(
    make, examples, words
):
    with pytest.raises(UserError, match=words):
        export(to_tf_keras(make("GRU")), "int8", examples)


GRU = tf_keras.layers.GRU


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: GRU(2), (6, 3)),
        (lambda: tf_keras.layers.Bidirectional(GRU(2)), (6, 3)),
        (lambda: tf_keras.layers.TimeDistributed(GRU(2)), (4, 6, 3)),
    ],
)
def test_a_loop_with_too_many_steps_is_rejected_with_its_number(
    make, shape, monkeypatch
):
    monkeypatch.setattr(module, "MAX_STEPS", 5)
    given = tf_keras.Input(shape)
    model = tf_keras.Model(given, make()(given))
    with pytest.raises(UserError, match="has 6 steps; int8 supports at most 5"):
        module.export(model, "int8", np.zeros((4, *shape), np.float32), False)
