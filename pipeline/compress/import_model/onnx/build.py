"""Rebuild an .onnx file as a functional Keras 3 model.

In: a path. Out: a trainable model, whose layers are named after the nodes, with
channels last. It is compared with the file on random input, which ONNX Runtime
calculates, or the reference implementation of ONNX where that is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.activations import ACTIVATIONS
from pipeline.compress.import_model.onnx.arithmetic import ARITHMETIC
from pipeline.compress.import_model.onnx.attention import ATTENTION
from pipeline.compress.import_model.onnx.builder import (
    NodeBuilder,
    Rebuild,
    Weights,
    plain_name,
)
from pipeline.compress.import_model.onnx.facts import input_order, vocabulary
from pipeline.compress.import_model.onnx.graph import Node, OnnxGraph
from pipeline.compress.import_model.onnx.kernels import KERNELS
from pipeline.compress.import_model.onnx.model_file import read_onnx
from pipeline.compress.import_model.onnx.pooling import POOLING
from pipeline.compress.import_model.onnx.recurrent import RECURRENT
from pipeline.compress.import_model.onnx.shapes import SHAPES
from pipeline.compress.import_model.onnx.slices import SLICES
from pipeline.compress.import_model.onnx.values import Axes, Value, batched, plain
from pipeline.core.decoding import reason_of
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

OPERATORS: dict[str, Rebuild] = {
    **KERNELS,
    **POOLING,
    **ACTIVATIONS,
    **ARITHMETIC,
    **SHAPES,
    **SLICES,
    **RECURRENT,
    **ATTENTION,
}
TOLERANCE = 1e-4  # of outputs, relative to the largest one


def load_onnx(path: Path) -> keras.Model:
    """Rebuild an .onnx file in Keras.

    Args:
        path: the file.

    Returns:
        A functional model with the file's weights.

    Raises:
        UserError: naming the node that cannot be rebuilt.
    """
    graph = read_onnx(path)
    model, order = rebuilt(graph, path)
    check_equal(model, order, graph, path)
    return model


def rebuilt(graph: OnnxGraph, path: Path) -> tuple[keras.Model, Axes]:
    """Rebuild a graph in Keras.

    Args:
        graph: as `read_onnx` returns it.
        path: of the file, for errors.

    Returns:
        The model, and per axis of its output the axis of the file's output.

    Raises:
        UserError: naming the node that cannot be rebuilt.
    """
    order = input_order(graph)
    shape = [graph.shape[axis] for axis in order[1:]]
    names = _names(graph)
    dtype = "int32" if graph.token_input else "float32"
    tensor = keras.Input(shape, dtype=dtype, name=next(names))
    values = {graph.source: Value(tensor, order)}
    weights: Weights = []
    for node in graph.nodes:
        build = NodeBuilder(path, graph, node, values, next(names), weights)
        values |= _rebuilt_node(build)
    output = values[graph.target]
    if output.is_whole:
        raise UserError(
            f'{path}: the first axis of its output "{graph.target}" is not the batch; '
            "export it again with the batch first"
        )
    if output.flattened:
        output = plain(output, "output")
    model = keras.Model(tensor, output.tensor, name=plain_name(graph.name))
    for layer, arrays in weights:
        layer.set_weights(arrays)
    return model, output.order


def _rebuilt_node(build: NodeBuilder) -> dict[str, Value]:
    """Name -> value of the outputs of a node."""
    try:
        made = OPERATORS[build.node.kind](build)
        several = made if isinstance(made, tuple) else (made,)
        return {
            name: batched(value, build.name)
            for name, value in zip(build.node.outputs, several)
            if name and value is not None
        }
    except UserError:
        raise
    except Exception as error:  # of settings that are missing or do not fit
        build.refuse(f"its settings do not fit: {reason_of(error)}")


def _names(graph: OnnxGraph) -> Iterator[str]:
    """Names of the input and of the nodes, each once."""
    seen: dict[str, int] = {}
    for text in (graph.source, *(node.name for node in graph.nodes)):
        name = plain_name(text)
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name}_again{seen[name]}"


def check_equal(model: keras.Model, order: Axes, graph: OnnxGraph, path: Path) -> None:
    """Compare a rebuilt model with its file on random input.

    Args:
        model: rebuilt from the file.
        order: per axis of its output, the axis of the file's output.
        graph: of the file.
        path: the file.

    Raises:
        UserError: when an output differs.
    """
    shape = [graph.batch or 1, *(size or 1 for size in graph.shape[1:])]
    x = _random_input(graph, shape)
    expected = run_onnx(path, {graph.source: x}).transpose(order)
    outputs = np.asarray(model(x.transpose(input_order(graph)), training=False))
    scale = max(float(np.abs(expected).max()), 1.0)
    if outputs.shape != expected.shape:
        difference = np.inf
    else:
        difference = float(np.abs(outputs - expected).max()) / scale
    if not difference <= TOLERANCE:
        raise UserError(
            f"{path}: rebuilt in Keras, its outputs on random input differ by "
            f"{difference:.2g} of the largest (allowed: {TOLERANCE:g})"
            f"{_first(graph.nodes)}"
        )


def _random_input(graph: OnnxGraph, shape: list[int]) -> np.ndarray:
    """Normal numbers, or for tokens, numbers of rows of the smallest table."""
    rng = np.random.default_rng(0)
    if not graph.token_input:
        return rng.normal(size=shape).astype(np.float32)
    return rng.integers(0, vocabulary(graph), shape)


def _first(nodes: tuple[Node, ...]) -> str:
    kinds = ", ".join(sorted({node.kind for node in nodes}))
    return f"; it has the operators {kinds}: please report it with the file"


def run_onnx(path: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Run an .onnx file with ONNX Runtime, or with the reference implementation.

    Args:
        path: the file.
        inputs: name -> array.

    Returns:
        The first output.
    """
    try:
        session = _session(path)
        return np.asarray(session.run(None, inputs)[0])
    except Exception as error:  # each implementation raises its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{path}: cannot be run: {shown(reason, 300)}; export it again"
        ) from None


def _session(path: Path) -> Any:
    try:
        from onnxruntime import InferenceSession

        return InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(str(path))
