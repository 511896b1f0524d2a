"""Kernels with few distinct values, as lookup tables in TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.targets import registry
from pipeline.compress.targets.lookup_tables import Table, encode, tables_of
from pipeline.compress.targets.micro_runtime import MicroRun, run, with_random
from pipeline.compress.tflite.inspect import parse
from pipeline.compress.tflite.strip import pack
from tests.helpers.device_files import FOLDER, read

MICRO = registry.get("micro")
needs_runtime = pytest.mark.skipif(
    not MICRO.installed, reason=f"{MICRO.runtime} is not installed: {MICRO.install}"
)


SPREAD = 20  # largest value; more saturates the outputs


def with_values(count: int, one_scale: bool) -> bytes:
    """ResNet-8 of MLPerf Tiny with `count` distinct values in every kernel."""
    model = parse(read(FOLDER / "mlperf-resnet8.tflite.gz"))
    generator = np.random.default_rng(0)
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer]
        if tensor.type == 9 and buffer.data is not None and len(buffer.data) > 256:
            values = generator.integers(0, count, len(buffer.data)) - count // 2
            values *= max(1, SPREAD // max(1, count // 2))
            buffer.data = values.astype(np.int8).view(np.uint8)
            if one_scale:
                tensor.quantization.scale = tensor.quantization.scale[:1]
                tensor.quantization.zeroPoint = tensor.quantization.zeroPoint[:1]
    return pack(model, 100_000)


@pytest.mark.parametrize(("count", "bits"), [(3, 2), (8, 3), (16, 4), (100, 7)])
def test_the_bits_follow_from_the_distinct_values(count, bits):
    tables = tables_of(with_values(count, one_scale=True))
    assert {table.bits for table in tables[2:]} == {bits}
    assert {table.axis for table in tables} == {-1}


def test_a_kernel_with_too_many_values_or_too_few_weights_stays():
    assert tables_of(with_values(200, one_scale=True)) == []
    assert len(tables_of(with_values(100, one_scale=True))) < len(
        tables_of(with_values(3, one_scale=True))
    )


def test_scales_per_channel_need_a_table_per_channel():
    tables = tables_of(with_values(3, one_scale=False))
    dense = [table for table in tables if table.axis < 0]
    assert len(dense) == 1 and {table.axis for table in tables} == {0, -1}


@needs_runtime
@pytest.mark.parametrize("one_scale", [True, False])
def test_outputs_stay_equal_bit_for_bit_in_fewer_bytes(one_scale):
    content = with_values(3, one_scale)
    result = MICRO.measure(content, None)
    assert result.file is not None and result.flash == len(result.file)
    assert result.flash < 0.45 * len(content)
    inputs, _ = with_random(content, None)
    before, after = run(content, inputs), run(result.file, inputs)
    assert isinstance(before, MicroRun) and isinstance(after, MicroRun)
    assert np.array_equal(before.outputs, after.outputs)
    assert len(np.unique(before.outputs, axis=0)) > 1  # the input matters
    assert result.facts["without_tables"] == {
        "flash": len(content),
        "arena": before.arena,
    }
    assert after.arena == result.arena > before.arena


@needs_runtime
def test_a_file_without_such_kernels_is_stored_unchanged():
    content = with_values(200, one_scale=True)
    result = MICRO.measure(content, None)
    assert (result.file, result.flash) == (None, len(content))
    assert "tables" not in result.facts


@needs_runtime
def test_an_encoder_that_fails_is_a_reason():
    impossible = Table(graph=0, tensor=0, bits=9, axis=-1, saved=0)
    reason = encode(with_values(3, one_scale=True), [impossible])
    assert str(reason).startswith("the encoder ended with code 1: ")
