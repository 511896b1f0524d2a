"""What the rebuilding of one node needs: its values, its constants, and its errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pipeline.compress.import_model.onnx.graph import Node, OnnxGraph
from pipeline.compress.import_model.onnx.values import Value, plain, whole
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

Weights = list[tuple[Any, list[np.ndarray]]]


@dataclass
class NodeBuilder:
    """One node, while it is rebuilt.

    Args:
        path: of the file, for errors.
        graph: that the node is of.
        node: the operator.
        values: name -> value, of the nodes before it.
        name: of the layer, after the node.
        weights: layers and their weights, which are set when the model is complete.
    """

    path: Path
    graph: OnnxGraph
    node: Node
    values: dict[str, Value]
    name: str
    weights: Weights = field(default_factory=list)

    def value(self, position: int = 0) -> Value:
        """Return an input that depends on the input of the model.

        Args:
            position: among the inputs of the operator.

        Raises:
            UserError: when it is a constant.
        """
        name = self._input(position)
        if name not in self.values:
            self.refuse(f"input {position} is a constant")
        return self.values[name]

    def constant(self, position: int, default: Any = None) -> np.ndarray | None:
        """Return an input that is a constant.

        Args:
            position: among the inputs of the operator.
            default: where it is left out.

        Raises:
            UserError: when it depends on the input of the model.
        """
        name = self._input(position)
        if not name:
            return None if default is None else np.asarray(default)
        if name not in self.graph.constants:
            self.refuse(f"input {position} is not a constant")
        return self.graph.constants[name]

    def kernel(self, position: int) -> np.ndarray:
        """Return a constant that the operator cannot do without.

        Args:
            position: among the inputs of the operator.

        Raises:
            UserError: when it is missing, or depends on the input of the model.
        """
        array = self.constant(position)
        if array is None:
            self.refuse(f"input {position} is missing")
        return array

    def is_constant(self, position: int) -> bool:
        """Return whether an input is a constant.

        Args:
            position: among the inputs of the operator.
        """
        return self._input(position) in self.graph.constants

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return a setting of the operator.

        Args:
            name: of the attribute.
            default: where the node does not have it.
        """
        return self.node.attributes.get(name, default)

    def setting(self, name: str, position: int, default: Any = None) -> Any:
        """Return a setting that older operators have as an attribute, newer as input.

        Args:
            name: of the attribute.
            position: of the input.
            default: where the node has neither.
        """
        if name in self.node.attributes:
            return self.node.attributes[name]
        array = self.constant(position)
        return default if array is None else array.tolist()

    def apply(self, layer: Any, tensor: Any, *weights: np.ndarray) -> Any:
        """Apply a layer, and remember its weights.

        Args:
            layer: of Keras.
            tensor: or a list of them.
            weights: in the order of `layer.get_weights()`.
        """
        try:
            output = layer(tensor)
        except (ValueError, TypeError) as error:
            reason = str(error).strip().splitlines()[0]
            self.refuse(f"its shapes do not fit: {shown(reason, 200)}")
        shapes = [tuple(array.shape) for array in weights]
        if weights and shapes != [tuple(w.shape) for w in layer.weights]:
            self.refuse(f"its shapes do not fit: weights {shapes}")
        if weights:
            self.weights.append((layer, [np.asarray(w, np.float32) for w in weights]))
        return output

    def plain(self, position: int = 0) -> Value:
        """Return an input with the axes of ONNX.

        Args:
            position: among the inputs of the operator.
        """
        return plain(self.value(position), self.name)

    def whole(self, position: int = 0) -> Value:
        """Return an input whose first axis is not the batch.

        Args:
            position: among the inputs of the operator.

        Raises:
            UserError: when the file was made for several examples at once.
        """
        if (self.graph.batch or 1) != 1:
            self.refuse(
                f"it moves the batch, and the file was made for {self.graph.batch} "
                "examples at once; export it with one, or with an open batch"
            )
        return whole(self.value(position), self.name)

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error of a node that cannot be rebuilt.

        Args:
            reason: a clause.
        """
        raise UserError(
            f'{self.path}: node "{shown(self.node.name)}" ({self.node.kind}) cannot be '
            f"rebuilt in Keras: {reason}"
        )

    def _input(self, position: int) -> str:
        inputs = self.node.inputs
        return inputs[position] if position < len(inputs) else ""


# The value of the first output, or those of all outputs; None for one that is not made.
Rebuild = Callable[[NodeBuilder], Value | tuple[Value | None, ...]]


def plain_name(text: str) -> str:
    """Return a name that Keras and TensorFlow take.

    Args:
        text: name of a node, such as `/features/conv1/Conv`.
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-") or "node"


def is_one_of(value: Any, allowed: Sequence[Any]) -> bool:
    """Return whether a setting is left out, or has an allowed value.

    Args:
        value: None where it is left out.
        allowed: values.
    """
    return value is None or value in allowed
