"""The golden outputs of the kit are those that the micro runtime computes."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from pipeline.compress.kit.reference import reference_outputs
from pipeline.compress.targets import registry
from pipeline.compress.tflite.inspect import parse
from pipeline.compress.tflite.strip import pack
from tests.helpers.kit_fixtures import FILES

LARGE = 256  # bytes of a buffer whose numbers are zero in a packed file


@pytest.mark.skipif(
    not registry.get("micro").installed, reason="tflite-micro is not installed"
)
def test_the_reference_kernels_are_those_of_the_micro_runtime(tmp_path):
    from pipeline.compress.targets import micro_runtime

    generator = np.random.default_rng(1)
    content = _with_weights("cnn-int8", generator)
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    shape = _shape(path)
    inputs = generator.integers(-128, 128, (3, *shape)).astype(np.int8)
    run = micro_runtime.run(content, inputs)
    expected = reference_outputs(path, inputs)
    assert isinstance(run, micro_runtime.MicroRun) and expected is not None
    difference = np.abs(run.outputs.astype(int) - expected.astype(int))
    assert difference.max() <= 1 and len(np.unique(expected)) > 3


def test_a_file_that_cannot_run_has_none(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"no file")
    assert reference_outputs(path, np.zeros((1, 2), np.int8)) is None


def _with_weights(name: str, generator: np.random.Generator) -> bytes:
    """A packed file, whose weights are zero, with random ones."""
    content = gzip.decompress((FILES / f"{name}.tflite.gz").read_bytes())
    model = parse(content)
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > LARGE:
            buffer.data = generator.integers(0, 256, len(buffer.data)).astype(np.uint8)
    return pack(model, len(content))


def _shape(path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    shape = Interpreter(str(path)).get_input_details()[0]["shape"]
    return tuple(int(size) for size in shape[1:])
