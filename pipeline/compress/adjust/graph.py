"""Operators of a .tflite file with the layers they come from, and their tensors.

In: the bytes of a file. Out: its operators in order, and the values of inner tensors on
examples. The file is run with inner tensors as further outputs, so the runtime uses the
same kernels as without them. TensorFlow is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pipeline.compress.tflite.inspect import operator_name, parse
from pipeline.compress.tflite.strip import pack
from pipeline.inference.interpreter import dequantize, quantize

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
LINEAR = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
DTYPES = {
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
}  # of computed tensors; others are float32
WIDE = "/int16"  # ends the name of a tensor that replaces one of int8
OUTPUT_NAMES = ("StatefulPartitionedCall",)  # of the file, not of a layer


@dataclass(frozen=True)
class Operator:
    """One operator of the main graph.

    Args:
        number: its position.
        kind: such as `CONV_2D`.
        layer: the layer that it comes from; empty if no name says so.
        layers: all layers that were merged into it.
        inputs: indices of the tensors that other operators compute.
        outputs: indices of its outputs.
        name: name of its first output.
    """

    number: int
    kind: str
    layer: str
    layers: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str

    @property
    def output(self) -> int:
        """Index of the first output."""
        return self.outputs[0]


def operators(model: Any) -> list[Operator]:
    """List the operators of the main graph in order.

    Args:
        model: `ModelT` of the schema.
    """
    graph = model.subgraphs[0]
    kinds = [operator_name(code) for code in model.operatorCodes]
    return [
        _operator(number, source, kinds[source.opcodeIndex], model)
        for number, source in enumerate(graph.operators or ())
    ]


def is_stored(model: Any, index: int) -> bool:
    """Return whether the values of a tensor of the main graph are in the file."""
    data = model.buffers[model.subgraphs[0].tensors[index].buffer].data
    return data is not None and len(data) > 0


def tensor_name(model: Any, index: int) -> str:
    """Return the name of a tensor of the main graph; empty without one."""
    name = model.subgraphs[0].tensors[index].name
    return name.decode() if name else ""


def details(model: Any, index: int) -> dict[str, Any]:
    """Describe a computed tensor for `quantize` and `dequantize`.

    Args:
        model: `ModelT` of the schema.
        index: of a tensor of its main graph.

    Returns:
        `name`, `dtype`, and `quantization` (scale and zero point; a scale of 0 where
        there is none), as the interpreter does.
    """
    tensor = model.subgraphs[0].tensors[index]
    quantization, pair = tensor.quantization, (0.0, 0)
    if quantization is not None and quantization.scale is not None:
        pair = (float(quantization.scale[0]), int(quantization.zeroPoint[0]))
    dtype = DTYPES.get(tensor.type, np.float32)
    return {"name": "", "dtype": dtype, "quantization": pair}


def add_buffer(model: Any, values: np.ndarray) -> int:
    """Add a buffer to a file, and return its number.

    Args:
        model: `ModelT` of the schema; it is changed.
        values: what the buffer stores, in their own dtype.
    """
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def original_name(name: str) -> str:
    """Return the name that an int16 tensor has in the float file."""
    return name.removesuffix(WIDE)


def with_outputs(content: bytes, indices: Sequence[int]) -> bytes:
    """Rewrite a file so that it returns tensors of its main graph.

    Args:
        content: bytes of a .tflite file.
        indices: of the tensors; operators after the last one are removed.
    """
    model = parse(content)
    graph = model.subgraphs[0]
    wanted = set(indices)
    last = max(
        (
            n
            for n, op in enumerate(graph.operators)
            if wanted & set(map(int, op.outputs))
        ),
        default=-1,
    )
    graph.operators = graph.operators[: last + 1]
    graph.outputs = np.array(list(indices), np.int32)
    model.signatureDefs = None
    return pack(model, len(content))


def alone(model: Any, operator: Operator) -> bytes:
    """Write a file of one operator; its inputs are those that others compute.

    Args:
        model: `ModelT` of the schema; it is not changed.
        operator: one of its operators.
    """
    single, main = copy(model), copy(model.subgraphs[0])
    source = main.operators[operator.number]
    main.operators = [source]
    main.inputs = np.array(operator.inputs, np.int32)
    main.outputs = np.array(operator.outputs, np.int32)
    single.subgraphs, single.signatureDefs = [main, *model.subgraphs[1:]], None
    if len(single.subgraphs) == 1:
        used = {int(i) for i in (*source.inputs, *source.outputs) if i >= 0}
        main.tensors = [
            tensor if index in used else _without_values(tensor)
            for index, tensor in enumerate(main.tensors)
        ]
        kept = {0, *(tensor.buffer for tensor in main.tensors)}
        single.buffers = [
            buffer if number in kept else schema.BufferT()
            for number, buffer in enumerate(model.buffers)
        ]
    return pack(single, 1024)


def _without_values(tensor: Any) -> Any:
    empty = copy(tensor)
    empty.buffer = 0
    return empty


class Runner:
    """Runs a file and reads tensors, one example at a time.

    Args:
        content: bytes of a .tflite file, as `with_outputs` or `alone` writes it.
    """

    def __init__(self, content: bytes):
        self.interpreter = Interpreter(model_content=content, num_threads=1)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one example.

        Args:
            values: float32 per input, with a batch of one; or integer tokens.

        Returns:
            float32 per output, dequantized.
        """
        stored = [quantize(v, d) for v, d in zip(values, self.inputs, strict=True)]
        results = self.run_stored(stored)
        return [dequantize(v, d) for v, d in zip(results, self.outputs, strict=True)]

    def run_stored(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one example in the file's own dtypes.

        Args:
            values: per input, with a batch of one.

        Returns:
            A new array per output.
        """
        self.interpreter.reset_all_variables()
        for details, value in zip(self.inputs, values, strict=True):
            self.interpreter.set_tensor(details["index"], value)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(d["index"]).copy() for d in self.outputs]


def activations(
    content: bytes, indices: Sequence[int], examples: np.ndarray
) -> Iterator[list[np.ndarray]]:
    """Run examples and read tensors.

    Args:
        content: bytes of a .tflite file.
        indices: of the tensors in its main graph.
        examples: model inputs `(n, ...)`.

    Yields:
        Per example, float32 values of each tensor, with a batch of one.
    """
    runner = Runner(with_outputs(content, indices))
    for example in examples:
        yield runner.run([example[None]])


def _operator(number: int, source: Any, kind: str, model: Any) -> Operator:
    inputs = [int(index) for index in source.inputs if index >= 0]
    tensors = model.subgraphs[0].tensors
    stored = [index for index in inputs if is_stored(model, index)]
    computed = [i for i in inputs if i not in stored and not tensors[i].isVariable]
    outputs = tuple(int(index) for index in source.outputs)
    name = tensor_name(model, outputs[0])
    layers = _layers([*(tensor_name(model, index) for index in stored), name])
    layer = layers[0] if layers else ""
    return Operator(number, kind, layer, layers, tuple(computed), outputs, name)


def _layers(names: Sequence[str]) -> tuple[str, ...]:
    """Layers in tensor names such as `model/relu/Relu;model/conv/Conv2D`.

    The last one of a name is that of the layer with the kernel.
    """
    found: dict[str, None] = {}
    for name in names:
        for path in reversed(name.split(";")):
            words = path.split("/")
            if len(words) > 2 and words[0] not in OUTPUT_NAMES:
                found.setdefault(words[1])
    return tuple(found)
