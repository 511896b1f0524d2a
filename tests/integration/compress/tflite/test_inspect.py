"""What a file says of itself, and the promises that it breaks."""

from __future__ import annotations

import dataclasses
import gzip
import io
import re

import numpy as np
import pytest

from pipeline.compress.tflite.arena import estimate
from pipeline.compress.tflite.inspect import gzip_size, read_facts
from pipeline.compress.tflite.verify import DistinctWeights, violations
from pipeline.core.errors import UserError

KINDS = ("float", "dynamic", "float16", "int8")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """One model, exported in every way; a quarter of its large kernel is zero."""
    import keras
    from keras import layers

    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(image)
    x = layers.Dense(200, name="dense")(layers.Flatten(name="flatten")(x))
    model = keras.Model(image, layers.Dense(3, name="logits")(x), name="model")
    kernel = model.get_layer("dense").kernel
    kernel.assign(kernel * (np.arange(200) % 4 > 0))
    examples = np.random.default_rng(0).uniform(0, 1, (20, 8, 8, 1)).astype("float32")
    return {kind: export(to_tf_keras(model), kind, examples) for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "kernels", "ends", "floats"),
    [
        ("float", {"float32"}, "float32", 4),
        ("dynamic", {"float32", "int8"}, "float32", 4),
        ("float16", {"float16"}, "float32", 4),
        ("int8", {"int8"}, "int8", 0),
    ],
)
def test_facts_are_read_from_the_file(files, kind, kernels, ends, floats):
    facts = read_facts(files[kind])
    assert facts.kernel_dtypes == kernels
    assert facts.io_dtypes == (ends, ends)
    assert len(set(facts.float_operators) - {"DEQUANTIZE"}) == (3 if floats else 0)
    assert facts.operators["FULLY_CONNECTED"] == 2
    assert facts.bytes_raw == len(files[kind])
    weights = 4 * 9 + 4 + 36 * 200 + 200 + 200 * 3 + 3
    assert weights - 210 <= facts.weights <= weights  # zero biases may be left out
    assert facts.sparsity == pytest.approx(0.25 * 7200 / 7836, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_costs_to_run_is_counted(files, kind):
    facts = read_facts(files[kind])
    assert facts.macs == 9 * 4 * 9 + 36 * 200 + 200 * 3
    size = 1 if kind == "int8" else 4
    head = estimate(files[kind]).head
    assert head >= size * (36 + 200)
    # A float16 file also has its weights as float32 tensors.
    assert head <= size * (64 + 2 * 200) + 64 or kind == "float16"
    assert facts.per_channel == (kind in ("int8", "dynamic"))


def test_distinct_weights_are_counted_for_each_kernel(files):
    assert max(read_facts(files["int8"]).distinct) <= 255
    assert max(read_facts(files["float"]).distinct) > 5000


def test_clusters_that_are_lost_are_found_out(files):
    facts = dataclasses.replace(read_facts(files["int8"]), distinct=(4, 16, 51))
    assert (
        violations(
            facts, "int8", distinct=[DistinctWeights(16, 2), DistinctWeights(51, 3)]
        )
        == []
    )
    (told,) = violations(facts, "int8", distinct=[DistinctWeights(16, 3)])
    assert told == (
        "16 distinct weights promised in each of 3 kernels, but 2 of the file's 3 "
        "have so few; the fewest in another is 51"
    )


def test_a_kernel_that_never_had_to_keep_the_promise_is_not_blamed(files):
    facts = dataclasses.replace(read_facts(files["int8"]), distinct=(5, 220, 23))
    (told,) = violations(facts, "int8", distinct=[DistinctWeights(7, 2)])
    assert told.endswith("1 of the file's 3 have so few; the fewest in another is 23")
    joined = dataclasses.replace(facts, distinct=(5,))
    assert violations(joined, "int8", distinct=[DistinctWeights(7, 2)]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_keeps_the_promise_that_it_was_made_with(files, kind):
    assert violations(read_facts(files[kind]), kind, sparsity=0.22) == []


@pytest.mark.parametrize(
    ("kind", "promised", "words"),
    [
        ("int8", "float", "float promised, but there are weights in int8"),
        ("float16", "float", "weights in float16"),
        ("float", "float16", "weights in float32"),
        ("float", "dynamic", "no weight is int8"),
        ("float", "int8", "weights in float32"),
        ("dynamic", "int8", "input and output promised, but they are float32"),
        ("dynamic", "int8", "computed in float: .*FULLY_CONNECTED"),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_found_out(
    files, kind, promised, words
):
    told = "; ".join(violations(read_facts(files[kind]), promised))
    assert re.search(words, told), told


def test_tokens_stay_whole_numbers(files):
    facts = dataclasses.replace(read_facts(files["int8"]), io_dtypes=("int32", "int8"))
    assert violations(facts, "int8") == []


def test_lost_zeros_are_found_out(files):
    (told,) = violations(read_facts(files["int8"]), "int8", sparsity=0.6)
    assert told.startswith("60% of the weights were zero before the export, 2")


def test_an_operator_from_outside_the_runtime_is_found_out(files):
    facts = read_facts(files["float"])
    foreign = dataclasses.replace(facts, operators={"FlexErf": 1, "CONV_2D": 2})
    (told,) = violations(foreign, "float")
    assert told.endswith("standard runtime: FlexErf")


def test_a_tensor_of_floats_amid_integers_is_found_out(files):
    facts = read_facts(files["int8"])
    mixed = dataclasses.replace(
        facts, float_operators=("DEQUANTIZE", "CONV_2D", "QUANTIZE")
    )
    (told,) = violations(mixed, "int8")
    assert told == "full integer promised, but computed in float: CONV_2D"


def test_an_operator_without_an_integer_kernel_breaks_no_promise(files):
    """LiteRT computes ELU in float whatever a recipe asks for."""
    facts = read_facts(files["int8"])
    names = ("DEQUANTIZE", "ELU", "QUANTIZE")
    assert not violations(dataclasses.replace(facts, float_operators=names), "int8")
    names = ("DEQUANTIZE", "ELU", "CONV_2D", "QUANTIZE")
    (told,) = violations(dataclasses.replace(facts, float_operators=names), "int8")
    assert told.endswith("computed in float: CONV_2D")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"PK\3\4" + b"x" * 50])
def test_bytes_that_are_no_file_are_refused(content):
    with pytest.raises(UserError, match=f"{len(content)} bytes are not a .tflite file"):
        read_facts(content)


def test_a_file_cut_in_half_is_refused(files):
    with pytest.raises(UserError, match="build it again"):
        read_facts(files["int8"][: len(files["int8"]) // 2])


def test_the_packed_size_is_that_of_gzip_9_without_a_time(files):
    memory = io.BytesIO()
    with gzip.GzipFile(fileobj=memory, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(files["int8"])
    assert gzip_size(files["int8"]) == len(memory.getvalue())
