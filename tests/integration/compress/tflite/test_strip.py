"""Fewer bytes, the same answers, on files of every kind."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipeline.compress.tflite.inspect import parse, read_facts
from pipeline.compress.tflite.strip import check_same, strip
from pipeline.core.errors import UserError

KINDS = ("float", "dynamic", "float16", "int8")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A recurrent and a convolutional part, with two equal kernels."""
    import keras
    from keras import layers

    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(image)
    x = layers.Reshape((9, 4), name="rows")(x)
    x = layers.LSTM(6, name="lstm")(x)
    left, right = (layers.Dense(8, name=name)(x) for name in ("left", "right"))
    both = layers.Concatenate(name="both")([left, right])
    model = keras.Model(image, layers.Dense(3, name="logits")(both), name="model")
    twin = model.get_layer("left").get_weights()
    model.get_layer("right").set_weights(twin)
    examples = np.random.default_rng(0).uniform(0, 1, (20, 8, 8, 1)).astype("float32")
    return {kind: export(to_tf_keras(model), kind, examples) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stripped_file_is_smaller_and_the_same_network(files, kind):
    before, after = files[kind], strip(files[kind])
    check_same(before, after)
    told, small = read_facts(before), read_facts(after)
    assert small.bytes_gzip < told.bytes_gzip - 400
    assert small.bytes_raw < told.bytes_raw
    sizes = {"bytes_raw": 0, "bytes_gzip": 0}
    assert dataclasses.replace(small, **sizes) == dataclasses.replace(told, **sizes)


def test_stripping_again_changes_nothing(files):
    once = strip(files["int8"])
    assert strip(once) == once


def test_equal_buffers_are_kept_once_and_aligned(files):
    content = strip(files["float"])
    model = parse(content)
    stored = [b.data.tobytes() for b in model.buffers if b.data is not None]
    assert len(set(stored)) == len(stored) < len(parse(files["float"]).buffers)
    assert all(content.find(data) % 16 == 0 for data in stored if len(data) > 64)


def test_the_ends_are_named_as_in_the_signature(files):
    content = strip(files["int8"])
    graph = parse(content).subgraphs[0]
    names = [graph.tensors[at].name for at in (*graph.inputs, *graph.outputs)]
    assert names == [b"input", b"logits"]
    assert {tensor.name for tensor in graph.tensors} == {None, *names}


def test_other_outputs_are_an_error(files):
    content = bytearray(strip(files["float"]))
    kernel = read_kernel(files["float"])
    at = content.find(kernel)
    content[at : at + 64] = bytes(64)
    with pytest.raises(UserError, match="has other outputs than the original"):
        check_same(files["float"], bytes(content))


def read_kernel(content: bytes) -> bytes:
    """The largest stored tensor."""
    stored = [b.data for b in parse(content).buffers if b.data is not None]
    return max(stored, key=len).tobytes()
