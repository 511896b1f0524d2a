"""Strip a .tflite file of what no runtime reads; outputs stay equal bit for bit.

In: the bytes of a file. Out: fewer bytes, without names of inner tensors, observed
ranges, descriptions, signatures and metadata, and with one copy of equal buffers. Input
and output keep their names of the signature. Everything that the interpreter, the
XNNPACK delegate and TensorFlow Lite Micro read is kept. TensorFlow is not imported.

    small = strip(content)
    check_same(content, small)
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pipeline.compress.tflite.inspect import parse
from pipeline.core.errors import UserError
from pipeline.inference.model_check import IDENTIFIER

CHECKED_EXAMPLES = 4  # random examples on which both files must agree
ALIGNMENT = 16  # of stored numbers, as the schema requires; Python's writer omits it


class _Aligned(flatbuffers.Builder):
    """Aligns every vector of bytes so that the runtime can read it in place."""

    def StartVector(self, size: int, count: int, alignment: int) -> int:  # noqa: N802
        """Called by the schema's classes."""
        return super().StartVector(size, count, ALIGNMENT if size == 1 else alignment)


def strip(content: bytes) -> bytes:
    """Rewrite a file without what no runtime reads.

    Args:
        content: bytes of a .tflite file.

    Returns:
        Bytes of the stripped file; stripping them again changes nothing.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    model = parse(content)
    model.description = model.metadata = model.metadataBuffer = None
    for graph in model.subgraphs:
        graph.name = None
        names = _names(model, graph)
        for index, tensor in enumerate(graph.tensors):
            _strip_tensor(tensor, names.get(index))
    model.signatureDefs = None
    _merge_buffers(model)
    return pack(model, len(content))


def pack(model: Any, size: int) -> bytes:
    """Write a file whose stored numbers are aligned as the schema requires.

    Args:
        model: `ModelT` of the schema.
        size: bytes to begin with.
    """
    builder = _Aligned(size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def check_same(before: bytes, after: bytes) -> None:
    """Run both files on seeded random input.

    Args:
        before: bytes of the original .tflite file.
        after: bytes of the stripped one.

    Raises:
        UserError: when the outputs are not equal bit for bit.
    """
    first, second = _outputs(before), _outputs(after)
    if not all(map(np.array_equal, first, second)):
        raise UserError(
            "the stripped file has other outputs than the original; set "
            "compress.strip_metadata: false, and report this model"
        )


def _names(model: Any, graph: Any) -> dict[int, bytes]:
    """Index of each input and output -> its name in the signature, or else its own."""
    indices = (*graph.inputs, *graph.outputs)
    names = {int(index): graph.tensors[index].name for index in indices}
    for signature in model.signatureDefs or ():
        if model.subgraphs[signature.subgraphIndex] is graph:
            for tensor in (*signature.inputs, *signature.outputs):
                names[int(tensor.tensorIndex)] = tensor.name
    return names


def _strip_tensor(tensor: Any, name: bytes | None) -> None:
    """Remove the observed range of a tensor, and replace its name."""
    tensor.name = name
    tensor.hasRank = False
    ranges = tensor.quantization
    if ranges is not None:
        ranges.min = ranges.max = None
        if ranges.scale is None and ranges.details is None:
            tensor.quantization = None


def _merge_buffers(model: Any) -> None:
    """Keep one copy of equal buffers; the first stays empty, as the schema requires."""
    numbers: dict[bytes, int] = {b"": 0}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = _bytes(model.buffers[tensor.buffer])
            tensor.buffer = numbers.setdefault(data, len(numbers))
    model.buffers = [_buffer(data) for data in numbers]


def _bytes(buffer: Any) -> bytes:
    return b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _outputs(content: bytes) -> list[np.ndarray]:
    """Outputs of seeded random examples, in the file's dtype."""
    model = Interpreter(model_content=content, num_threads=1)
    model.allocate_tensors()
    source, target = model.get_input_details()[0], model.get_output_details()[0]
    generator, outputs = np.random.default_rng(1), []
    for _ in range(CHECKED_EXAMPLES):
        model.reset_all_variables()
        model.set_tensor(source["index"], _random(source, generator))
        model.invoke()
        outputs.append(model.get_tensor(target["index"]).copy())
    return outputs


def _random(detail: Any, generator: np.random.Generator) -> np.ndarray:
    """One random input; int32 are token numbers, of which 0 and 1 always exist."""
    kind, shape = np.dtype(detail["dtype"]), detail["shape"]
    if kind.kind == "f":
        return generator.normal(size=shape).astype(kind)
    limits = (0, 2) if kind.itemsize > 2 else (-128, 128)
    return generator.integers(*limits, shape).astype(kind)
