"""A .tflite file without what no runtime reads; the same outputs, bit for bit.

In: the bytes of a file. Out: fewer bytes: names of inner tensors, observed ranges,
descriptions, signatures and metadata are left out, and equal buffers are kept once.
The input and the output are named as in the signature, and whatever the interpreter,
the XNNPACK delegate and TensorFlow Lite Micro read stays. TensorFlow is not imported.

    small = shrink(content)
    check_same(content, small)
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pipeline.compress.tflite.inspect import MARK, parse
from pipeline.core.errors import UserError

CHECKED = 4  # random examples on which both files must agree
ALIGNMENT = 16  # of stored numbers, as the schema asks; Python's writer forgets it


class _Aligned(flatbuffers.Builder):
    """Begins every vector of bytes where the runtime may read it in place."""

    def StartVector(self, size: int, count: int, alignment: int) -> int:  # noqa: N802
        """Called by the schema's classes."""
        return super().StartVector(size, count, ALIGNMENT if size == 1 else alignment)


def shrink(content: bytes) -> bytes:
    """Write the file again without what is not read.

    Raises:
        UserError: when the bytes are no .tflite file.
    """
    model = parse(content)
    model.description = model.metadata = model.metadataBuffer = None
    for graph in model.subgraphs:
        graph.name = None
        names = _names(model, graph)
        for at, tensor in enumerate(graph.tensors):
            _strip(tensor, names.get(at))
    model.signatureDefs = None
    _merge_buffers(model)
    builder = _Aligned(len(content))
    builder.Finish(model.Pack(builder), MARK)
    return bytes(builder.Output())


def check_same(before: bytes, after: bytes) -> None:
    """Run both files on seeded random input.

    Raises:
        UserError: when one output differs in one bit.
    """
    first, second = _outputs(before), _outputs(after)
    if not all(map(np.array_equal, first, second)):
        raise UserError(
            "the shrunk file does not answer as the file it was made from; "
            "set compress.shrink: false, and report this model"
        )


def _names(model: Any, graph: Any) -> dict[int, bytes]:
    """The ends of a graph: their names in its signature, or else their own."""
    names = {int(at): graph.tensors[at].name for at in (*graph.inputs, *graph.outputs)}
    for signature in model.signatureDefs or ():
        if model.subgraphs[signature.subgraphIndex] is graph:
            for end in (*signature.inputs, *signature.outputs):
                names[int(end.tensorIndex)] = end.name
    return names


def _strip(tensor: Any, name: bytes | None) -> None:
    """Leave out what was observed of a tensor's range, and its name or its long one."""
    tensor.name = name
    tensor.hasRank = False
    ranges = tensor.quantization
    if ranges is not None:
        ranges.min = ranges.max = None
        if ranges.scale is None and ranges.details is None:
            tensor.quantization = None


def _merge_buffers(model: Any) -> None:
    """Keep one buffer for equal contents; the first stays empty, as it must."""
    kept: dict[bytes, int] = {b"": 0}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = _bytes(model.buffers[tensor.buffer])
            tensor.buffer = kept.setdefault(data, len(kept))
    model.buffers = [_buffer(data) for data in kept]


def _bytes(buffer: Any) -> bytes:
    return b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _outputs(content: bytes) -> list[np.ndarray]:
    """What a file says of seeded random examples, as it gives it."""
    model = Interpreter(model_content=content, num_threads=1)
    model.allocate_tensors()
    given, made = model.get_input_details()[0], model.get_output_details()[0]
    draw, outputs = np.random.default_rng(1), []
    for _ in range(CHECKED):
        model.reset_all_variables()
        model.set_tensor(given["index"], _random(given, draw))
        model.invoke()
        outputs.append(model.get_tensor(made["index"]).copy())
    return outputs


def _random(given: Any, draw: np.random.Generator) -> np.ndarray:
    """int8 and int16 over their range; int32 are tokens, of which 0 and 1 exist."""
    kind, shape = np.dtype(given["dtype"]), given["shape"]
    if kind.kind == "f":
        return draw.normal(size=shape).astype(kind)
    limits = (0, 2) if kind.itemsize > 2 else (-128, 128)
    return draw.integers(*limits, shape).astype(kind)
