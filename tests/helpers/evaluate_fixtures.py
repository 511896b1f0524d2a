"""A published experiment of real .tflite files whose answers are known.

An example has four pixels: the one of its class is lit, and pixel 3 is lit in the
hard ones. `exact` looks at the class's pixel; `careless` takes what is hard for
class a; `blind` takes everything for class b.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from pipeline.core.json_io import write_json
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.engine.stage import Inputs

SPEC = TaskSpec("toy", "sklearn:toy", (2, 2, 1), "uint8", ("a", "b", "c"), scale=1 / 16)
EXACT = np.eye(3, 4)
MODELS = {
    "exact": EXACT,
    "careless": EXACT + np.array([[0, 0, 0, 9], [0] * 4, [0] * 4]),
    "blind": EXACT + np.array([[0] * 4, [9] * 4, [0] * 4]),
}


def examples(count: int, hard: int, seed: int = 0) -> Split:
    """`count` examples, the first `hard` of them hard and not of class a."""
    y = np.random.default_rng(seed).integers(3, size=count)
    y[:hard] = 1 + y[:hard] % 2
    x = np.zeros((count, 4), np.uint8)
    x[np.arange(count), y] = 16
    x[:hard, 3] = 16
    return Split(x.reshape(count, 2, 2, 1), y.astype(np.int64))


def tflite(weights: np.ndarray, shape: tuple[int, ...]) -> bytes:
    """A file with one dense layer, `logits = weights @ pixels`."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.frombuffer(weights.astype("<f4").tobytes(), np.uint8)
    model.operatorCodes = [schema.OperatorCodeT()]
    code = schema.BuiltinOperator.FULLY_CONNECTED
    model.operatorCodes[0].builtinCode = code
    model.operatorCodes[0].deprecatedBuiltinCode = code
    model.operatorCodes[0].version = 1
    model.subgraphs = [_graph(weights, shape)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _graph(weights: np.ndarray, shape: tuple[int, ...]) -> Any:
    graph = schema.SubGraphT()
    ends = {"image": (1, *shape), "dense": weights.shape, "logits": (1, len(weights))}
    graph.tensors = [_tensor(name, ends[name]) for name in ends]
    graph.tensors[1].buffer = 1
    graph.inputs, graph.outputs = [0], [2]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, -1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [operator]
    return graph


def _tensor(name: str, shape: tuple[int, ...]) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name.encode(), list(shape)
    tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
    return tensor


def point(recipe: str, **changed: Any) -> dict[str, Any]:
    """A row of pareto.json."""
    name = f"baseline-{recipe}"
    usual = {"id": name, "source": "baseline", "recipe": recipe, "status": "ok"}
    facts = {"file": f"variants/{name}.tflite", "bytes_raw": 900, "bytes_gzip": 400}
    return {**usual, **facts, "reason": None, **changed}


class Published:
    """Folders of data and compress that a test may change before it evaluates."""

    def __init__(self, folder: Path):
        self.folders = {name: folder / name for name in ("data", "train", "compress")}
        self.variants = folder / "compress" / "variants"
        for path in (*self.folders.values(), self.variants, folder / "evaluate"):
            path.mkdir(parents=True, exist_ok=True)
        self.out = folder / "evaluate"
        write_spec(self.folders["data"], SPEC)
        self.write_test(examples(60, hard=6))
        self.write_test(examples(40, hard=4, seed=1), "validation")
        self.write_test(examples(80, hard=8, seed=2), "train")
        for name, weights in MODELS.items():
            self.write_model(name, tflite(weights, SPEC.shape))
        self.write_pareto([point(name) for name in MODELS], chosen="baseline-careless")

    def write_test(self, split: Split, name: str = "test") -> None:
        """Replace the test split, or another one."""
        np.save(self.folders["data"] / f"{name}_x.npy", split.x)
        np.save(self.folders["data"] / f"{name}_y.npy", split.y)

    def write_model(self, recipe: str, content: bytes) -> None:
        """Replace the file of one variant."""
        (self.variants / f"baseline-{recipe}.tflite").write_bytes(content)

    def write_pareto(self, points: list[dict[str, Any]], chosen: str | None) -> None:
        """Replace what compress says of its files."""
        table = {"baseline": "baseline-exact", "chosen": chosen, "points": points}
        write_json(self.folders["compress"] / "pareto.json", table)

    def inputs(self, seed: int = 1) -> Inputs:
        """What the engine hands to the stage."""
        return Inputs(self.folders, seed)


@pytest.fixture(scope="session")
def publish() -> type[Published]:
    """Writes an experiment into a folder."""
    return Published


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """Sixty test examples, six of them hard; three files; `careless` is chosen."""
    return Published(tmp_path)


@pytest.fixture
def make_tflite():
    """The function that writes a .tflite file's bytes."""
    return tflite


@pytest.fixture
def make_examples():
    """The function that makes a split."""
    return examples


@pytest.fixture
def make_point():
    """The function that makes a row of pareto.json."""
    return point
