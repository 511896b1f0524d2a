"""Cost of running a .tflite file: multiply-accumulates, and memory for tensors.

In: the file as objects of the schema. Out: numbers. Nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ai_edge_litert import schema_py_generated as schema

ALIGNMENT = 16  # of a tensor in the arena, as TensorFlow Lite Micro places it
Operator = schema.BuiltinOperator
BYTES = {"INT8": 1, "UINT8": 1, "BOOL": 1, "INT16": 2, "FLOAT16": 2, "INT64": 8}
SIZES = {getattr(schema.TensorType, name): size for name, size in BYTES.items()}
LOOPS = (Operator.WHILE, Operator.IF, Operator.CALL)


def macs(model: Any) -> int | None:
    """Count the multiply-accumulates of one example.

    Args:
        model: `ModelT` of the schema.

    Returns:
        The count of the main graph; None when it has a loop, whose length is unknown.
    """
    codes = [_code(code) for code in model.operatorCodes]
    graph, total = model.subgraphs[0], 0
    for operator in graph.operators or ():
        code = codes[operator.opcodeIndex]
        if code in LOOPS:
            return None
        total += MACS[code](operator, graph) if code in MACS else 0
    return total


def planned_bytes(buffers: Mapping[int, tuple[int, int, int]]) -> int:
    """Return the bytes up to the end of the highest buffer of `placements`.

    Args:
        buffers: number -> bytes, first and last operator that needs it.
    """
    return max((end for _, end, _, _ in placements(buffers).values()), default=0)


def placements(
    buffers: Mapping[int, tuple[int, int, int]],
) -> dict[int, tuple[int, int, int, int]]:
    """Place buffers in memory, where those with disjoint lifetimes share it.

    The largest is placed first, of equal ones the last, each at the lowest offset that
    is free for its whole lifetime: the greedy planner of TensorFlow Lite Micro
    (Pisarchyk, Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).

    Args:
        buffers: number -> bytes, first and last operator that needs it.

    Returns:
        Number -> begin and end in bytes, first and last operator that needs it.
    """
    placed: dict[int, tuple[int, int, int, int]] = {}
    for index in sorted(buffers, key=lambda i: (-buffers[i][0], -i)):
        size, first, last = buffers[index]
        busy = sorted(p for p in placed.values() if p[2] <= last and first <= p[3])
        offset = _free_offset(size, busy)
        placed[index] = (offset, offset + size, first, last)
    return placed


def _free_offset(size: int, busy: list[tuple[int, int, int, int]]) -> int:
    """The lowest offset with `size` free bytes, between sorted busy ranges."""
    offset = 0
    for begin, end, _, _ in busy:
        if offset + size <= begin:
            break
        offset = max(offset, end)
    return offset


def lifetimes(graph: Any) -> dict[int, tuple[int, int]]:
    """Find when each tensor that is not stored in the file is needed.

    Args:
        graph: `SubGraphT` of the schema.

    Returns:
        Index of a tensor -> the first and the last operator that needs it.
    """
    count = len(graph.operators or ())
    lives = {int(index): (0, 0) for index in graph.inputs}
    for number, operator in enumerate(graph.operators or ()):
        lives |= {int(i): (number, number) for i in _list(operator.outputs)}
        for index in map(int, _list(operator.inputs)):
            if index in lives:
                lives[index] = (lives[index][0], number)
    for index, tensor in enumerate(graph.tensors):
        if tensor.isVariable:
            lives[index] = (0, count)
    for index in map(int, graph.outputs):
        lives[index] = (lives.get(index, (0, 0))[0], count)
    return lives


def tensor_bytes(tensor: Any) -> int:
    """Return the bytes of a tensor in the arena, aligned.

    Args:
        tensor: `TensorT` of the schema.
    """
    return aligned(math.prod(_shape(tensor)) * SIZES.get(tensor.type, 4))


def aligned(size: int) -> int:
    """Round bytes up to a multiple of `ALIGNMENT`."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in _list(tensor.shape))


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _code(code: Any) -> int:
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _tensors(operator: Any, graph: Any, side: str) -> list[tuple[int, ...]]:
    """Shapes of an operator's `inputs` or `outputs`; () for an omitted optional one."""
    indices = map(int, _list(getattr(operator, side)))
    return [_shape(graph.tensors[index]) if index >= 0 else () for index in indices]


def _of_conv(operator: Any, graph: Any) -> int:
    """One sum over the kernel of its filter per output value."""
    _, kernel = _tensors(operator, graph, "inputs")[:2]
    (output,) = _tensors(operator, graph, "outputs")
    return math.prod(output) * math.prod(kernel[1:])


def _of_depthwise(operator: Any, graph: Any) -> int:
    _, kernel = _tensors(operator, graph, "inputs")[:2]
    (output,) = _tensors(operator, graph, "outputs")
    return math.prod(output) * math.prod(kernel[1:3])


def _of_transposed(operator: Any, graph: Any) -> int:
    """One pass over the kernels of all filters per input position."""
    _, kernel, source = _tensors(operator, graph, "inputs")[:3]
    return math.prod(source[:-1]) * math.prod(kernel)


def _of_dense(operator: Any, graph: Any) -> int:
    """One sum over a row of the kernel per output value."""
    kernel = _tensors(operator, graph, "inputs")[1]
    return math.prod(_tensors(operator, graph, "outputs")[0]) * kernel[-1]


def _of_product(operator: Any, graph: Any) -> int:
    """A batch of matrix products, summed over the last axis of the first factor."""
    first = _tensors(operator, graph, "inputs")[0]
    (output,) = _tensors(operator, graph, "outputs")
    return math.prod(output) * first[-1]


def _of_lstm(operator: Any, graph: Any) -> int:
    """All eight kernels, once per time step."""
    source, *kernels = _tensors(operator, graph, "inputs")
    steps = source[-2] if len(source) > 2 else 1
    return steps * sum(math.prod(shape) for shape in kernels[:8] if shape)


MACS: dict[int, Callable[[Any, Any], int]] = {
    Operator.CONV_2D: _of_conv,
    Operator.DEPTHWISE_CONV_2D: _of_depthwise,
    Operator.TRANSPOSE_CONV: _of_transposed,
    Operator.FULLY_CONNECTED: _of_dense,
    Operator.BATCH_MATMUL: _of_product,
    Operator.UNIDIRECTIONAL_SEQUENCE_LSTM: _of_lstm,
}
