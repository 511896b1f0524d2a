"""What a .tflite file costs to run: multiply-accumulates, and memory for tensors.

In: the file as objects of the schema. Out: numbers. Nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ai_edge_litert import schema_py_generated as schema

ALIGNMENT = 16  # of a tensor in the arena, as TensorFlow Lite Micro places it
Operator = schema.BuiltinOperator
BYTES = {"INT8": 1, "UINT8": 1, "BOOL": 1, "INT16": 2, "FLOAT16": 2, "INT64": 8}
SIZES = {getattr(schema.TensorType, name): size for name, size in BYTES.items()}
LOOPS = (Operator.WHILE, Operator.IF, Operator.CALL)


def macs(model: Any) -> int | None:
    """Multiply-accumulates of one example; None where a loop decides how many."""
    codes = [_code(each) for each in model.operatorCodes]
    graph, total = model.subgraphs[0], 0
    for operator in graph.operators or ():
        code = codes[operator.opcodeIndex]
        if code in LOOPS:
            return None
        total += MACS[code](operator, graph) if code in MACS else 0
    return total


def arena_bytes(graph: Any) -> int:
    """Bytes for all tensors of a graph that are not stored in the file.

    Tensors whose lives do not meet share places: the largest first, each at the
    lowest place that is free for all its life (TensorFlow Lite Micro's greedy
    planner; Pisarchyk, Lee, Efficient Memory Management, 2020). What an operator
    needs besides its tensors is not counted.
    """
    placed: list[tuple[int, int, int, int]] = []  # begin, end, first use, last use
    lives = _lives(graph)
    sizes = {at: _bytes(graph.tensors[at]) for at in lives}
    for at in sorted(lives, key=lambda at: (-sizes[at], lives[at], at)):
        first, last = lives[at]
        busy = sorted(p for p in placed if p[2] <= last and first <= p[3])
        place = 0
        for begin, end, _, _ in busy:
            if place + sizes[at] <= begin:
                break
            place = max(place, end)
        placed.append((place, place + sizes[at], first, last))
    return max((end for _, end, _, _ in placed), default=0)


def _lives(graph: Any) -> dict[int, tuple[int, int]]:
    """Tensor -> the first and the last operator that needs it."""
    count = len(graph.operators or ())
    lives = {int(at): (0, 0) for at in graph.inputs}
    for number, operator in enumerate(graph.operators or ()):
        made = [int(at) for at in _list(operator.outputs)]
        lives |= {at: (number, number) for at in made}
        for at in map(int, _list(operator.inputs)):
            if at in lives:
                lives[at] = (lives[at][0], number)
    for at, tensor in enumerate(graph.tensors):
        if tensor.isVariable:
            lives[at] = (0, count)
    for at in map(int, graph.outputs):
        lives[at] = (lives.get(at, (0, 0))[0], count)
    return lives


def _bytes(tensor: Any) -> int:
    size = math.prod(_shape(tensor)) * SIZES.get(tensor.type, 4)
    return -(-size // ALIGNMENT) * ALIGNMENT


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in _list(tensor.shape))


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _code(code: Any) -> int:
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _tensors(operator: Any, graph: Any, side: str) -> list[tuple[int, ...]]:
    """Shapes of an operator's inputs or outputs; () for one that is left out."""
    places = map(int, _list(getattr(operator, side)))
    return [_shape(graph.tensors[at]) if at >= 0 else () for at in places]


def _of_conv(operator: Any, graph: Any) -> int:
    """Each output value is one sum over the kernel of its filter."""
    _, kernel = _tensors(operator, graph, "inputs")[:2]
    (made,) = _tensors(operator, graph, "outputs")
    return math.prod(made) * math.prod(kernel[1:])


def _of_depthwise(operator: Any, graph: Any) -> int:
    _, kernel = _tensors(operator, graph, "inputs")[:2]
    (made,) = _tensors(operator, graph, "outputs")
    return math.prod(made) * math.prod(kernel[1:3])


def _of_transposed(operator: Any, graph: Any) -> int:
    """Each input value is spread over the kernel of every filter."""
    _, kernel, given = _tensors(operator, graph, "inputs")[:3]
    return math.prod(given[:-1]) * math.prod(kernel)


def _of_dense(operator: Any, graph: Any) -> int:
    """Each output value is one sum over a row of the kernel."""
    kernel = _tensors(operator, graph, "inputs")[1]
    return math.prod(_tensors(operator, graph, "outputs")[0]) * kernel[-1]


def _of_product(operator: Any, graph: Any) -> int:
    """Two tensors of matrices; the last axis of the first is summed over."""
    first = _tensors(operator, graph, "inputs")[0]
    (made,) = _tensors(operator, graph, "outputs")
    return math.prod(made) * first[-1]


def _of_lstm(operator: Any, graph: Any) -> int:
    """Every kernel, once a step."""
    given, *others = _tensors(operator, graph, "inputs")
    steps = given[-2] if len(given) > 2 else 1
    return steps * sum(math.prod(shape) for shape in others[:8] if shape)


MACS: dict[int, Callable[[Any, Any], int]] = {
    Operator.CONV_2D: _of_conv,
    Operator.DEPTHWISE_CONV_2D: _of_depthwise,
    Operator.TRANSPOSE_CONV: _of_transposed,
    Operator.FULLY_CONNECTED: _of_dense,
    Operator.BATCH_MATMUL: _of_product,
    Operator.UNIDIRECTIONAL_SEQUENCE_LSTM: _of_lstm,
}
