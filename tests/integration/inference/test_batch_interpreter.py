"""Many examples at a time say what one at a time says."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from pipeline.data.spec import TaskSpec
from pipeline.inference.batch_interpreter import BATCH, BatchModel
from pipeline.inference.interpreter import LiteModel

SPEC = TaskSpec("toy", "sklearn:toy", (2, 2, 1), "uint8", ("a", "b", "c"), scale=1 / 16)
TEXT = TaskSpec("t", "text:t", (3,), "int32", ("a", "b"), modality="text", vocabulary=4)


@pytest.mark.parametrize("count", [1, 2, BATCH, BATCH + 1, 3 * BATCH - 1])
def test_a_batch_says_what_its_examples_say_alone(published, make_examples, count):
    path = published.variants / "baseline-careless.tflite"
    raw = make_examples(count, hard=1).x
    model = BatchModel(path, SPEC)
    assert np.array_equal(model.logits(raw), LiteModel(path, SPEC).logits(raw))
    assert model.batched is not None


def test_a_file_that_takes_no_batch_is_run_one_by_one(published, monkeypatch):
    path = published.variants / "baseline-exact.tflite"
    raw = np.arange(4 * 70, dtype=np.uint8).reshape(70, 2, 2, 1)
    model = BatchModel(path, SPEC)
    expected = model.logits(raw)
    monkeypatch.setattr(BatchModel, "_matches_single", lambda *_: False)
    assert np.array_equal(model.logits(raw), expected)
    assert model.batched is None


def test_an_operator_that_fails_on_a_batch_is_run_one_by_one(published, monkeypatch):
    """TRANSPOSE_CONV of 16 bits does, which has the batch size in its output shape."""

    def fail() -> None:
        raise RuntimeError("Node number 5 (TRANSPOSE_CONV) failed to invoke.")

    path = published.variants / "baseline-exact.tflite"
    raw = np.arange(4 * 70, dtype=np.uint8).reshape(70, 2, 2, 1)
    model = BatchModel(path, SPEC)
    monkeypatch.setattr(model.batched, "invoke", fail)
    assert np.array_equal(model.logits(raw), LiteModel(path, SPEC).logits(raw))
    assert model.batched is None


def test_word_numbers_are_fed_as_they_are(tmp_path):
    """An integer tensor without a scale holds no scaled numbers."""
    path = tmp_path / "text.tflite"
    table = np.float32([[0, 0], [5, 1], [2, 8], [0, 3]])
    path.write_bytes(_lookup(table, length=3))
    words = np.int32([[1, 1, 1], [2, 0, 3], [3, 3, 0]])
    for answers in (BatchModel(path, TEXT).logits, LiteModel(path, TEXT).logits):
        assert answers(words).tolist() == table[words[:, 0]].tolist()


def _lookup(table: np.ndarray, length: int) -> bytes:
    """A file whose logits are the table's row for the first word number."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    numbers = {"first": np.int32([0]), "table": table, "axis": np.int32(1)}
    buffers = [schema.BufferT() for _ in range(1 + len(numbers))]
    for buffer, values in zip(buffers[1:], numbers.values()):
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    codes = [schema.BuiltinOperator.GATHER] * 2
    graph.tensors = [
        _tensor(b"words", (1, length), schema.TensorType.INT32, 0),
        _tensor(b"first", (), schema.TensorType.INT32, 1),
        _tensor(b"table", table.shape, schema.TensorType.FLOAT32, 2),
        _tensor(b"word", (1,), schema.TensorType.INT32, 0),
        _tensor(b"logits", (1, table.shape[1]), schema.TensorType.FLOAT32, 0),
    ]
    graph.inputs, graph.outputs = [0], [4]
    graph.operators = [_gather([0, 1], 3, 1), _gather([2, 3], 4, 0)]
    model.version, model.buffers, model.subgraphs = 3, buffers, [graph]
    model.operatorCodes = [schema.OperatorCodeT()]
    model.operatorCodes[0].builtinCode = codes[0]
    model.operatorCodes[0].deprecatedBuiltinCode = codes[0]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _gather(inputs: list[int], output: int, axis: int):
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = inputs, [output]
    operator.builtinOptionsType = schema.BuiltinOptions.GatherOptions
    operator.builtinOptions = schema.GatherOptionsT()
    operator.builtinOptions.axis = axis
    return operator


def _tensor(name: bytes, shape: tuple[int, ...], kind: int, buffer: int):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), kind
    tensor.buffer = buffer
    return tensor
