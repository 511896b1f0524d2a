"""Memory that TensorFlow Lite Micro needs for a file: tensors, and the runtime's own.

In: the bytes of a file. Out: an estimate that is not below what the runtime needs, and
the tensors of the operator that needs most. Nothing is run.

The runtime keeps activations and scratch memory in the head of its arena, everything
that lives until the end in the tail, and needs room for its plan between them at the
start. Sizes per structure are those of a 64-bit host, where pointers are twice as long
as on a microcontroller; the sizes per operator bound what the runtime reports for the
files in tests/device_files, which a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.compress.tflite import cost
from pipeline.compress.tflite.inspect import DTYPES, operator_name, parse, reading

# The smallest arena is found with an aligned buffer; one that is not loses up to
# 15 bytes at either end.
MARGIN = 32
TENSOR, INPUT_OR_OUTPUT, OPERATOR = 24, 96, 64  # bytes of one, in the tail
OVERHEAD, OVERHEAD_PER_OPERATOR = 512, 32
PLAN, PLAN_PER_BUFFER, PLAN_PER_TENSOR = 256, 80, 28
PER_CHANNEL = 9  # multiplier and shift of an output channel
STATE = {
    "ADD": 72,
    "AVERAGE_POOL_2D": 48,
    "BATCH_MATMUL": 512,
    "CONV_2D": 88,
    "DEPTHWISE_CONV_2D": 96,
    "FULLY_CONNECTED": 96,
    "LESS": 184,
    "MAX_POOL_2D": 48,
    "MUL": 72,
    "RESHAPE": 16,
    "SOFTMAX": 104,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 832,
}
OTHER_STATE = 128  # of an operator that is not listed
CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}  # their axis
SHOWN = 3  # tensors of the operator that needs most


@dataclass(frozen=True)
class Arena:
    """Memory of a file in bytes.

    Args:
        head: activations and scratch memory.
        tail: everything that lives until the end.
        total: smallest arena; more than head and tail where the plan needs more.
    """

    head: int
    tail: int
    total: int


def estimate(content: bytes) -> Arena:
    """Estimate the arena of TensorFlow Lite Micro; not below what it needs.

    Args:
        content: bytes of a .tflite file.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    with reading(content):
        model = parse(content)
        head = sum(_head(graph, model) for graph in model.subgraphs)
        tail = OVERHEAD + sum(_tail(graph, model) for graph in model.subgraphs)
        tail += INPUT_OR_OUTPUT * (len(_main(model).inputs) + len(_main(model).outputs))
        plan = PLAN + sum(_plan(graph) for graph in model.subgraphs)
        return Arena(head, tail, tail + max(head, plan) + MARGIN)


def peak(content: bytes) -> dict[str, Any]:
    """Find the operator that needs most memory, and its largest tensors.

    Args:
        content: bytes of a .tflite file.

    Returns:
        `operator` (its kind and number), `bytes` of all tensors alive there, and
        `tensors`, the largest as text: `1x24x24x32 int8, 18432 bytes`. Empty for a
        file without operators.
    """
    use = timeline(content)
    if not use:
        return {}
    with reading(content):
        return _peak(parse(content), use)


def _peak(model: Any, use: list[int]) -> dict[str, Any]:
    graph = _main(model)
    number = max(range(len(use)), key=lambda index: (use[index], -index))
    alive = [
        graph.tensors[index]
        for index, (first, last) in cost.lifetimes(graph).items()
        if first <= number <= last
    ]
    alive.sort(key=cost.tensor_bytes, reverse=True)
    kind = _kind(graph.operators[number], model)
    shown = [_tensor_text(tensor) for tensor in alive[:SHOWN]]
    return {
        "operator": f"{kind} (number {number})",
        "bytes": use[number],
        "tensors": shown,
    }


def timeline(content: bytes) -> list[int]:
    """Sum the bytes of the tensors that are alive at each operator, in order.

    Args:
        content: bytes of a .tflite file.
    """
    with reading(content):
        graph = _main(parse(content))
        lives = cost.lifetimes(graph)
        sizes = {index: cost.tensor_bytes(graph.tensors[index]) for index in lives}
        return [
            sum(sizes[i] for i, (begin, end) in lives.items() if begin <= number <= end)
            for number in range(len(graph.operators or ()))
        ]


def operator_kinds(content: bytes) -> list[str]:
    """List the kinds of the main graph's operators, in their order.

    Args:
        content: bytes of a .tflite file.
    """
    with reading(content):
        model = parse(content)
        return [_kind(operator, model) for operator in _main(model).operators or ()]


def _main(model: Any) -> Any:
    return model.subgraphs[0]


@dataclass(frozen=True)
class Block:
    """A tensor or scratch buffer at its place in the head of the arena.

    Args:
        begin: first byte.
        end: byte after the last one.
        first: number of the first operator that needs it.
        last: number of the last one; the number of operators for an output.
        text: shape and bytes; `scratch` for a scratch buffer.
    """

    begin: int
    end: int
    first: int
    last: int
    text: str


def layout(content: bytes) -> list[Block]:
    """Place all tensors and scratch buffers of the main graph.

    Args:
        content: bytes of a .tflite file.
    """
    model = parse(content)
    graph = _main(model)
    placed = cost.placements(_buffers(graph, model))
    return [
        Block(begin, end, first, last, _block_text(index, graph, end - begin))
        for index, (begin, end, first, last) in sorted(placed.items())
    ]


def _block_text(index: int, graph: Any, size: int) -> str:
    if index < len(graph.tensors):
        return _tensor_text(graph.tensors[index])
    return f"scratch memory, {size} bytes"


def _head(graph: Any, model: Any) -> int:
    """Bytes of the plan of tensors and scratch buffers, those of a graph."""
    return cost.planned_bytes(_buffers(graph, model))


def _buffers(graph: Any, model: Any) -> dict[int, tuple[int, int, int]]:
    """Number -> bytes, first and last operator; scratch buffers after the tensors."""
    buffers: dict[int, tuple[int, int, int]] = {
        index: (cost.tensor_bytes(graph.tensors[index]), *life)
        for index, life in cost.lifetimes(graph).items()
    }
    number = len(graph.tensors)
    for position, operator in enumerate(graph.operators or ()):
        for size in _scratch(operator, graph, _kind(operator, model)):
            buffers[number] = (cost.aligned(size), position, position)
            number += 1
    return buffers


def _tail(graph: Any, model: Any) -> int:
    operators = graph.operators or ()
    states = sum(_state(operator, graph, model) for operator in operators)
    per_operator = OPERATOR + OVERHEAD_PER_OPERATOR
    return TENSOR * len(graph.tensors) + per_operator * len(operators) + states


def _plan(graph: Any) -> int:
    lives = len(cost.lifetimes(graph))
    return PLAN_PER_BUFFER * lives + PLAN_PER_TENSOR * len(graph.tensors)


def _state(operator: Any, graph: Any, model: Any) -> int:
    kind = _kind(operator, model)
    size = STATE.get(kind, OTHER_STATE)
    if kind in CHANNELS:
        weights = graph.tensors[operator.inputs[1]]
        size += PER_CHANNEL * int(weights.shape[CHANNELS[kind]])
    elif kind == "FULLY_CONNECTED":
        size += PER_CHANNEL * _scales(graph.tensors[operator.inputs[1]])
    return size


def _scales(tensor: Any) -> int:
    quantization = tensor.quantization
    has_scales = quantization is not None and quantization.scale is not None
    return len(quantization.scale) if has_scales else 0


def _scratch(operator: Any, graph: Any, kind: str) -> Iterator[int]:
    """Bytes of the buffers that an operator needs while it runs."""
    output = cost.tensor_bytes(graph.tensors[operator.outputs[0]])
    inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
    if kind in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
        yield from (32, 32, 4 * output)
    elif kind == "BATCH_MATMUL":
        yield from map(cost.tensor_bytes, inputs)
    elif kind == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        yield from [output] * 4
    elif kind == "SVDF" or (kind == "TRANSPOSE_CONV" and not _is_float(inputs)):
        yield 4 * output  # sums of 32 bits, or of 64 bits for int16


def _is_float(tensors: list[Any]) -> bool:
    return DTYPES[tensors[-1].type] == "float32"


def _kind(operator: Any, model: Any) -> str:
    return operator_name(model.operatorCodes[operator.opcodeIndex])


def _tensor_text(tensor: Any) -> str:
    shape = "x".join(str(int(size)) for size in tensor.shape)
    name = f"{tensor.name.decode()} " if tensor.name else ""
    size = cost.tensor_bytes(tensor)
    return f"{name}{shape} {DTYPES[tensor.type]}, {size} bytes"
