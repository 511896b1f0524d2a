"""Every recipe on a real model: verified files and reproducible bytes."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tflite.arena import estimate
from pipeline.compress.tflite.inspect import read_facts, stored_tensors
from pipeline.compress.tflite.verify import violations
from pipeline.compress.tfmot.binary import binarize_kernel
from pipeline.compress.tfmot.blocks import block_mask
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.build import Built, affordable, build
from pipeline.compress.tfmot.distillation import DistillationTerm, add_distillation
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.compress.tfmot.weight_quantization import fake_quantize, initial_step
from pipeline.compress.tfmot.weight_sharing import (
    cluster_weights,
    find_clusters,
    preserve_clusters,
    trainable_kernels,
)
from pipeline.core.errors import UserError
from pipeline.inference.interpreter import LiteModel
from pipeline.training.params import FitSettings
from tests.helpers.cases import chosen, slow

RECIPES = {
    "dynamic": "float32",
    "float16": "float32",
    "int16x8": "int16",
    "prune(0.5, two_of_four) | int8": "int8",
    "prune(0.5, block)": "float32",
    "prune(0.6, free, gradual) | int8": "int8",
    "cluster(4) | int8": "int8",
    "cluster(8) | cqat": "int8",
    "prune_channels(0.5) | prune(0.5) | cluster(8) | pcqat": "int8",
    "quantize_weights(3) | cqat": "int8",
    "prune(0.5) | quantize_weights(4, all) | pcqat": "int8",
    "binary": "int8",
}
DAILY = ("int16x8", "prune(0.5, two_of_four) | int8", "cluster(8) | cqat", "binary")
# Number of kernels with few values: all four, or those between first and last.
TIED = {
    "cluster": 4,
    "quantize_weights(3)": 2,
    "quantize_weights(4, all)": 4,
    "binary": 2,
}


def net() -> keras.Model:
    """Batch normalizations and activations as layers, which often break clusters."""
    keras.utils.set_random_seed(4)
    image = keras.Input((8, 8, 1), name="image")
    x = image
    for name in ("one", "two"):
        x = layers.Conv2D(8, 3, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"norm_{name}")(x)
        x = layers.ReLU(name=f"relu_{name}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(72, name="dense")(x)
    x = layers.Activation("relu", name="relu_dense")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="net")


@pytest.fixture(scope="module")
def short(spec, train, validation) -> FineTuning:
    settings = FitSettings(epochs=1, batch_size=64)
    return FineTuning(spec, train, validation, settings, None, seed=7)


@pytest.fixture(scope="module")
def built(spec, train, short) -> Mapping[str, Built]:
    """The file of each recipe, built where a test first asks for it."""
    examples = spec.to_input(train.x[:30])

    class Lazy(dict[str, Built]):
        def __missing__(self, text: str) -> Built:
            self[text] = build(net(), parse_recipe(text), short, examples)
            return self[text]

    return Lazy()


@pytest.mark.parametrize("text", chosen(RECIPES, DAILY))
def test_the_file_is_what_its_recipe_says(built, text):
    made, facts = built[text], read_facts(built[text].content)
    export = parse_recipe(text).export
    assert violations(facts, export, made.sparsity, made.distinct) == []
    assert facts.io_dtypes == (RECIPES[text],) * 2
    assert made.sparsity == pytest.approx(0.5, abs=0.15) or "prune" not in text
    assert [claim.kernels for claim in made.distinct] == (
        [count for tie, count in TIED.items() if tie in text]
    )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        slow("cluster(4) | int8", 4),
        ("cluster(8) | cqat", 8),
        slow("quantize_weights(3) | cqat", 7),
        slow("prune(0.5) | quantize_weights(4, all) | pcqat", 15),
        ("binary", 2),
    ],
)
def test_the_file_has_at_most_the_given_number_of_distinct_weights(built, text, values):
    facts = read_facts(built[text].content)
    (count,) = (count for tie, count in TIED.items() if tie in text)
    assert sorted(facts.distinct)[:count][-1] <= values
    assert not facts.per_channel or text == "binary"


def test_two_of_each_four_neighbours_are_zero(built):
    stored = stored_tensors(built["prune(0.5, two_of_four) | int8"].content)
    (dense,) = [each for each in stored.values() if each.size == 16 * 8 * 72]
    zeros = (dense.reshape(-1, 4) == 0).sum(1)
    assert zeros.min() >= 2


@pytest.mark.slow
def test_zeros_come_in_blocks(built):
    stored = stored_tensors(built["prune(0.5, block)"].content)
    for kernel in stored.values():
        if kernel.ndim == 1 and kernel.size == 3 * 3 * 8 * 8:
            blocks = kernel.reshape(2, 4, 72) == 0  # four output channels
            assert set(blocks.sum(1).ravel().tolist()) == {0, 4}


def test_the_smallest_blocks_are_pruned_and_the_last_may_be_short():
    values = np.array([[1, 1, 1, 1, 9], [5, 5, 5, 5, 3]], np.float32)
    kept = [[0, 0, 0, 0, 1], [1, 1, 1, 1, 0]]
    assert block_mask(values, 0.5).tolist() == kept


@pytest.mark.slow
def test_a_model_with_half_of_its_channels_needs_a_third_of_the_macs(built):
    large = built["cluster(8) | cqat"].content
    small = built["prune_channels(0.5) | prune(0.5) | cluster(8) | pcqat"].content
    whole, half = read_facts(large), read_facts(small)
    assert half.macs < 0.35 * whole.macs
    assert estimate(small).head < estimate(large).head
    assert half.sparsity >= 0.5 - 0.01


@pytest.mark.parametrize(("epochs", "schedule"), [(2, "constant"), (3, "gradual")])
def test_a_gradual_schedule_needs_an_epoch_per_step(epochs, schedule):
    (step,) = parse_recipe("prune(0.5)").techniques
    assert affordable(step, epochs).args["schedule"] == schedule


@pytest.mark.slow
def test_the_states_after_each_step_are_files(built):
    made = built["prune_channels(0.5) | prune(0.5) | cluster(8) | pcqat"]
    assert [step for step, _ in made.states] == [
        "prune_channels(0.5)",
        "prune(0.5, free, constant)",
        "cluster(8)",
    ]
    sparsity = [read_facts(content).sparsity for _, content in made.states]
    assert sparsity[0] < 0.05 < 0.49 < sparsity[1] <= sparsity[2] + 1e-9


@pytest.mark.parametrize(
    "text",
    chosen(["cluster(4) | int8", "quantize_weights(3) | cqat", "binary"], ["binary"]),
)
def test_the_same_seed_gives_the_same_bytes(built, spec, train, short, text):
    again = build(net(), parse_recipe(text), short, spec.to_input(train.x[:30]))
    assert _hash(again) == _hash(built[text])


@pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_quantizer") is None,
    reason="the extra ai-edge-quantizer is not installed",
)
def test_int4_is_written_by_the_quantizer(spec, train, short):
    examples = spec.to_input(train.x[:30])
    first, second = (build(net(), parse_recipe("int4"), short, examples) for _ in "ab")
    facts = read_facts(first.content)
    assert "int4" in facts.kernel_dtypes and first.content == second.content
    assert violations(facts, "int4") == []
    assert facts.bytes_gzip < read_facts(to_float()).bytes_gzip / 2


def to_float() -> bytes:
    from pipeline.compress.tfmot.export import export

    return export(to_tf_keras(net()), "float")


def test_without_the_quantizer_int4_names_the_package_to_install(monkeypatch):
    from pipeline.compress.tflite.int4 import to_int4

    monkeypatch.setitem(__import__("sys").modules, "ai_edge_quantizer", None)
    with pytest.raises(UserError, match="pip install ai-edge-quantizer=="):
        to_int4(b"")


def test_clusters_are_means_and_zero_is_one_of_them():
    values = np.array([0, 0, 0, 1, 1.1, -2, -2.2, 5], np.float32)
    members, centers = find_clusters(values, 4)
    wanted = [0, 0, 0, 1.05, 1.05, -2.1, -2.1, 5]
    np.testing.assert_allclose(centers[members], wanted, rtol=1e-6)
    members, centers = find_clusters(np.ones(5, np.float32), 4)
    assert centers.tolist() == [1] and members.tolist() == [0] * 5


def test_clusters_survive_optimizer_steps():
    import tensorflow as tf
    import tf_keras

    model = to_tf_keras(net())
    cluster_weights(model, 5)
    before = [np.unique(kernel).size for kernel in trainable_kernels(model)]
    preserve_clusters(model)
    optimizer = tf_keras.optimizers.Adam(0.1)
    draw = np.random.default_rng(0)
    for _ in range(3):
        steps = [
            (tf.constant(draw.normal(size=k.shape), tf.float32), k)
            for k in trainable_kernels(model)
        ]
        optimizer.apply_gradients(steps)
    assert [np.unique(kernel).size for kernel in trainable_kernels(model)] == before
    assert max(before) <= 5


def test_a_binary_kernel_is_the_sign_times_the_mean_magnitude_of_a_channel():
    kernel = np.array([[1.0, -2.0], [-3.0, 0.0]], np.float32)
    np.testing.assert_allclose(binarize_kernel(kernel), [[2, -1], [-2, 1]])
    depthwise = np.array([1.0, -3.0, 5.0, 0.0], np.float32).reshape(2, 1, 2, 1)
    expected = [3, -1.5, 3, 1.5]
    np.testing.assert_allclose(np.ravel(binarize_kernel(depthwise, True)), expected)


def test_levels_are_multiples_of_the_step_and_gradients_reach_kernel_and_step():
    import tensorflow as tf

    kernel = tf.constant([-9.0, -1.2, 0.4, 0.6, 2.0])
    log_step = tf.constant(np.log(0.5), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([kernel, log_step])
        levels = fake_quantize(kernel, log_step, 3)
        total = tf.reduce_sum(levels)
    np.testing.assert_allclose(levels, [-1.5, -1.0, 0.5, 0.5, 1.5])
    of_kernel, of_step = tape.gradient(total, [kernel, log_step])
    assert of_kernel.numpy().tolist() == [0, 1, 1, 1, 0]  # zero beyond the last level
    # Of the step: round(w/s) - w/s inside and the last level outside, times s.
    assert float(of_step) == pytest.approx(0.5 * (-3 + 0.4 + 0.2 - 0.2 + 3))


def test_the_initial_step_ignores_zeros():
    kernel = np.array([0, 0, 3.0, -1.0])
    assert initial_step(kernel, 3) == pytest.approx(2 * 2 / 3**0.5)
    assert initial_step(np.zeros(4), 3) == 1


@pytest.mark.parametrize(("weight", "near"), [(1.0, True), (0.0, False)])
def test_a_student_learns_the_outputs_of_its_teacher(short, train, spec, weight, near):
    """A teacher that always predicts the same class, against the true ones."""
    import tensorflow as tf
    import tf_keras

    logits = tf.constant([[0.0, 0.0, 9.0]])
    term = DistillationTerm(lambda x: tf.repeat(logits, tf.shape(x)[0], 0), weight, 1.0)
    model = to_tf_keras(net())
    add_distillation(model, term)
    model.compile(
        tf_keras.optimizers.Adam(3e-3),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x = spec.to_input(train.x)
    model.fit(x, train.y, epochs=4, verbose=0)
    third = np.mean(model.predict(x, verbose=0).argmax(1) == 2)
    assert (third > 0.95) == near


def _hash(built: Built) -> str:
    return hashlib.sha256(built.content).hexdigest()


def separable() -> keras.Model:
    """The first pointwise kernel has one weight for each of twelve channels."""
    keras.utils.set_random_seed(5)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.BatchNormalization(name="norm")(image)
    x = layers.SeparableConv2D(12, 3, activation="relu", name="one")(x)
    x = layers.SeparableConv2D(12, 3, activation="relu", name="two")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x), name="separable")


@pytest.mark.parametrize(
    "text",
    chosen(
        ["quantize_weights(3, all) | cqat", "cluster(6) | cqat", "binary"], ["binary"]
    ),
)
def test_a_kernel_of_one_weight_per_channel_is_left_out_and_listed(
    spec, train, short, text
):
    recipe = parse_recipe(text)
    made = build(separable(), recipe, short, spec.to_input(train.x[:30]))
    facts = read_facts(made.content)
    assert violations(facts, recipe.export, made.sparsity, made.distinct) == []
    assert f"{recipe.techniques[0].name}: one (Conv2D)" in made.left_out
    assert made.distinct[0].kernels == (2 if text == "binary" else 4)


@pytest.mark.parametrize("text", chosen(["prune(0.5) | pqat", "cluster(8) | cqat"], 1))
def test_a_normalization_of_the_input_is_folded_into_the_file(spec, train, short, text):
    image = keras.Input((8, 8, 1), name="image")
    norm = layers.Normalization(name="adapted")
    x = layers.Conv2D(6, 3, activation="relu", name="conv")(norm(image))
    x = layers.Dense(3, name="logits")(layers.Flatten(name="flatten")(x))
    examples = spec.to_input(train.x[:30])
    norm.adapt(examples)
    recipe = parse_recipe(text)
    made = build(keras.Model(image, x, name="net"), recipe, short, examples)
    facts = read_facts(made.content)
    assert violations(facts, recipe.export, made.sparsity, made.distinct) == []
    assert made.left_out == [] and not {"SUB", "MUL", "DIV"} & set(facts.operators)


@pytest.mark.parametrize(
    "text", chosen(["int8", "cluster(12) | cqat", "float16"], ["int8"])
)
def test_a_constant_channel_does_not_spoil_the_precision_of_the_others(
    spec, train, short, written, text
):
    keras.utils.set_random_seed(6)
    examples = spec.to_input(train.x[:60])
    examples[:, :2] = 0.5
    image = keras.Input((8, 8, 1), name="image")
    norm = layers.Normalization(name="adapted")
    norm.adapt(examples.reshape(60, 64))
    x = norm(layers.Flatten(name="flatten")(image))
    x = layers.Dense(16, activation="relu", name="dense")(x)
    model = keras.Model(image, layers.Dense(3, name="logits")(x), name="net")
    recipe = parse_recipe(text)
    made = build(model, recipe, short, examples)
    line = "adapted (Normalization), 16 channels without variance"
    assert f"{recipe.export}: {line}" in made.left_out
    facts = read_facts(made.content)
    assert violations(facts, recipe.export, made.sparsity, made.distinct) == []
    raw = np.round(examples * 255).astype(np.uint8)
    got = LiteModel(written(made.content), spec).logits(raw)
    assert np.abs(got[: len(made.outputs)] - made.outputs).max() < 0.1 * np.ptp(got)
