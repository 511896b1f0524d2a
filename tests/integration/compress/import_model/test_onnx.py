"""ONNX files: rebuilt in Keras with equal outputs; what cannot be is named at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import (  # noqa: E402
    TensorProto,
    helper,
    numpy_helper,
    shape_inference,
)
from onnx.reference import ReferenceEvaluator  # noqa: E402

from pipeline.cli.main import main  # noqa: E402
from pipeline.compress.import_model import archive  # noqa: E402
from pipeline.compress.import_model.onnx import build  # noqa: E402
from pipeline.compress.import_model.onnx.model_file import read_onnx  # noqa: E402
from pipeline.compress.import_model.train.stage import load_any  # noqa: E402
from pipeline.compress.inspection.inspect_file import inspect_file  # noqa: E402
from pipeline.core.errors import UserError  # noqa: E402


class Net:
    """A graph that grows by one node at a time; weights are random."""

    def __init__(self, *shape: int, batch: Any = "batch"):
        self.shape, self.batch, self.last = shape, batch, "image"
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}
        self.rng = np.random.default_rng(1)

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> Net:
        """Add a node that reads the last one, or the inputs that are given.

        Tuples are shapes of random weights, arrays are constants, texts are values.
        """
        number = len(self.nodes)
        names = [self._input(value, f"w{number}_{k}") for k, value in enumerate(inputs)]
        if not any(isinstance(value, str) and value for value in inputs):
            names = [self.last, *names]
        output = f"{kind.lower()}{number}"
        node = helper.make_node(
            kind, names, [output], name=f"/net/{output}", **attributes
        )
        self.nodes.append(node)
        self.last = output
        return self

    def _input(self, value: Any, name: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            value = self.rng.uniform(0.2, 0.9, value).astype(np.float32) - 0.4
        self.weights[name] = np.asarray(value)
        return name

    def normalize(self, channels: int) -> Net:
        """Add a BatchNormalization with statistics of a trained model."""
        arrays = [self.rng.uniform(0.5, 1.5, channels) for _ in range(4)]
        return self.add("BatchNormalization", *(a.astype(np.float32) for a in arrays))

    def model(self, opset: int = 17) -> Any:
        """The ONNX model."""
        source, target = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (
                ("image", (self.batch, *self.shape)),
                (self.last, None),
            )
        )
        stored = [numpy_helper.from_array(a, name) for name, a in self.weights.items()]
        graph = helper.make_graph(self.nodes, "net", [source], [target], stored)
        versions = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=8)
        target.type.CopyFrom(_output_type(model))
        model.graph.output[0].CopyFrom(target)
        return model

    def save(self, folder: Path, opset: int = 17) -> Path:
        """Write the model."""
        onnx.save(self.model(opset), folder / "net.onnx")
        return folder / "net.onnx"


def _output_type(model: Any) -> Any:
    """The inferred type of the output; a row per example where it has none."""
    kind = shape_inference.infer_shapes(model).graph.output[0].type
    known = kind.tensor_type.HasField("shape")
    return kind if known else helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def lenet() -> Net:
    """Padding, pooling, and a Dense after a flattened image of 3 channels."""
    net = Net(2, 10, 8)
    net.add("Conv", (4, 2, 3, 3), (4,), pads=[1, 1, 1, 1]).add("Relu")
    net.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    net.add("Conv", (3, 4, 3, 3), (3,)).add("Flatten").add("Dropout")
    net.add("Gemm", (5, 18), (5,), transB=1, alpha=0.5, beta=2.0).add("Relu")
    return net.add("MatMul", (5, 4)).add("Add", (4,)).add("Softmax", axis=-1)


def resnet() -> Net:
    """Stem with pads that Keras has not, residual sum, a mean, a product."""
    net = Net(3, 12, 12)
    net.add("Conv", (4, 3, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1]).normalize(4)
    net.add("Relu")
    net.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    skip = net.last
    net.add("Conv", (4, 4, 3, 3), pads=[1, 1, 1, 1]).normalize(4)
    net.add("Add", net.last, skip).add("Relu")
    net.add("GlobalAveragePool").add("Reshape", ints(0, -1))
    return net.add("Gemm", (4, 3), (3,))


def mobilenet() -> Net:
    """Depthwise convolutions, relu6, squeeze and excitation, hard swish."""
    net = Net(3, 9, 9)
    net.add("Conv", (4, 3, 3, 3), (4,), strides=[2, 2], auto_pad="SAME_UPPER")
    net.add("Clip", np.float32(0), np.float32(6))
    net.add("Conv", (8, 1, 3, 3), (8,), group=4, pads=[1, 1, 1, 1]).add("HardSwish")
    wide = net.last
    net.add("ReduceMean", axes=[2, 3], keepdims=1).add("Conv", (2, 8, 1, 1), (2,))
    net.add("Relu").add("Conv", (8, 2, 1, 1), (8,))
    net.add("HardSigmoid", alpha=1 / 6, beta=0.5)
    net.add("Mul", wide, net.last).add("ReduceMean", axes=[2, 3], keepdims=0)
    return net.add("Gemm", (3, 8), (3,), transB=1)


def unet() -> Net:
    """Transposed convolution, concatenation, resizing: a map per class."""
    net = Net(1, 8, 8)
    net.add("Conv", (3, 1, 3, 3), pads=[1, 1, 1, 1]).add("LeakyRelu", alpha=0.2)
    skip = net.last
    net.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    net.add(
        *("ConvTranspose", (3, 2, 3, 3), (2,)),
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        output_padding=[1, 1],
    )
    net.add("Concat", net.last, skip, axis=1).add("PRelu", (5, 1, 1))
    net.add("Resize", "", np.array([1, 1, 2, 2], np.float32), mode="nearest")
    return net.add("Conv", (2, 5, 1, 1), (2,))


def scaled() -> Net:
    """Preprocessing inside, constants per channel, other activations."""
    net = Net(3, 6, 6)
    net.add("Sub", np.array([0.4, 0.5, 0.6], np.float32).reshape(3, 1, 1))
    net.add("Div", np.float32(0.25)).add("Conv", (4, 3, 2, 2), dilations=[2, 2])
    net.add("Tanh").add("Mul", (1, 4, 1, 1)).add("Elu", alpha=0.7)
    net.add("Pad", ints(0, 0, 1, 0, 0, 0, 2, 1)).add("Conv", (4, 2, 1, 1), group=2)
    net.add("Clip", np.float32(-0.1), np.float32(0.3))
    return net.add("GlobalMaxPool").add("Squeeze", ints(2, 3)).add("Sigmoid")


def from_tensorflow() -> Net:
    """Channels last, with Transposes around convolutions."""
    net = Net(6, 5, 2).add("Mul", np.float32(0.5)).add("Transpose", perm=[0, 3, 1, 2])
    net.add("Conv", (3, 2, 3, 3)).add("Transpose", perm=[0, 2, 3, 1]).add("Relu")
    return net.add("Reshape", ints(-1, 36)).add("MatMul", (36, 2))


def sequence() -> Net:
    """Convolutions along time, then a mean of dense layers per step."""
    net = Net(4, 12).add("Conv", (6, 4, 3), (6,), pads=[2, 0]).normalize(6)
    net.add("Relu").add("MaxPool", kernel_shape=[2], strides=[2])
    net.add("Transpose", perm=[0, 2, 1]).add("MatMul", (6, 5)).add("Add", (5,))
    return net.add("ReduceMean", axes=[1], keepdims=0).add("Softplus")


def shuffled() -> Net:
    """A reshape and a transpose of channels, a shape that is calculated, a sum."""
    net = Net(4, 3, 5, batch=1)
    image = net.last
    net.add("Reshape", ints(1, 2, 2, 3, 5)).add("Transpose", perm=[0, 2, 1, 3, 4])
    net.add("Reshape", ints(1, 4, 3, 5)).add("Conv", (4, 4, 1, 1))
    net.add("Add", image, net.last)
    body = net.last
    net.add("Shape", body).add("Gather", net.last, ints(0))
    net.add("Concat", net.last, ints(-1), axis=0)
    net.add("Reshape", body, net.last).normalize(60)
    return net.add("Identity").add("Gemm", (60, 3))


def flat_sum() -> Net:
    """A flattened image that meets a table of the same length."""
    net = Net(2, 3, 3).add("Conv", (3, 2, 2, 2)).add("Flatten")
    image = net.last
    net.add("Gemm", (12, 12), (12,)).add("Sub", net.last, image)
    net.add("Concat", image, net.last, axis=1).add("Sub", (24,))
    return net.add("Gemm", (24, 2))


def table() -> Net:
    """A multi-layer perceptron."""
    net = Net(7).add("Gemm", (7, 6), (6,)).normalize(6).add("Selu")
    return net.add("Gemm", (1, 6), transB=1).add("Sigmoid")


def recurrent(kind: str, gates: int, sides: int = 1, **settings: Any) -> Net:
    """A layer of 3 units over 6 steps of 4 numbers, then a dense layer per step."""
    direction = "bidirectional" if sides == 2 else "forward"
    net = Net(6, 4).add("Transpose", perm=[1, 0, 2])
    weights = [(sides, 3 * gates, n) for n in (4, 3)]
    net.add(
        *(kind, *weights, (sides, 6 * gates)),
        hidden_size=3,
        direction=direction,
        **settings,
    )
    net.add("Transpose", perm=[2, 0, 1, 3]).add("Reshape", ints(0, 6, -1))
    return net.add("MatMul", (3 * sides, 2))


def attention() -> Net:
    """Two heads, written by hand, with a class token, positions and slices."""
    net = Net(5, 4).add("Concat", (1, 1, 4), "image", axis=1).add("Add", (1, 6, 4))
    net.add("LayerNormalization", (4,), (4,), axis=-1).add("MatMul", (4, 12))
    heads, joint = [], net.last
    for begin in (0, 4, 8):
        net.add("Slice", ints(begin), ints(begin + 4), ints(2))
        net.add("Reshape", ints(0, 0, 2, 2)).add("Transpose", perm=[0, 2, 1, 3])
        heads.append(net.last)
        net.last = joint
    net.add("Transpose", heads[1], perm=[0, 1, 3, 2]).add("MatMul", heads[0], net.last)
    net.add("Softmax", axis=-1).add("MatMul", net.last, heads[2])
    net.add("Transpose", perm=[0, 2, 1, 3]).add("Reshape", ints(0, 0, -1))
    return net.add("Gather", np.int64(0), axis=1).add("Gemm", (4, 3), (3,))


def lstm() -> Net:
    return recurrent("LSTM", 4, sides=2)


def gru() -> Net:
    return recurrent("GRU", 3, linear_before_reset=1)


def older_gru() -> Net:
    return recurrent("GRU", 3)


def simple_rnn() -> Net:
    return recurrent("RNN", 1)


NETS = [
    *(lenet, resnet, mobilenet, unet, scaled),
    *(from_tensorflow, sequence, shuffled, flat_sum, table),
    *(lstm, gru, older_gru, simple_rnn, attention),
]


@pytest.mark.parametrize("net", NETS)
def test_a_rebuilt_model_has_the_outputs_of_its_file(
    net: Callable[[], Net], tmp_path: Path
) -> None:
    path = net().save(tmp_path)
    archive.check_archive(path)
    graph = read_onnx(path)
    model, axes = build.rebuilt(graph, path)
    order = build.input_order(graph)
    batch = 1 if net in (shuffled, attention) else 3
    x = np.random.default_rng(0).normal(size=(batch, *graph.shape[1:]))
    expected = ReferenceEvaluator(str(path)).run(None, {"image": x.astype(np.float32)})
    outputs = np.asarray(model(x.transpose(order).astype(np.float32)))
    expected = expected[0].transpose(axes)
    np.testing.assert_allclose(outputs, expected, atol=1e-5, rtol=1e-5)
    assert archive.input_shape(path) == model.input_shape[1:]
    assert archive.output_units(path) in (model.output_shape[-1], None)


def test_layers_have_the_names_of_nodes_and_are_trainable(tmp_path):
    model = load_any(lenet().save(tmp_path))
    names = [layer.name for layer in model.layers]
    assert names[:3] == ["image", "net_conv0", "net_relu1"]
    assert not any("axes" in name for name in names)  # the kernel is permuted instead
    assert len(model.trainable_weights) == 8


def test_a_rebuilt_model_that_differs_is_refused(tmp_path):
    path = lenet().save(tmp_path)
    graph = read_onnx(path)
    model, axes = build.rebuilt(graph, path)
    model.layers[1].set_weights([w + 1 for w in model.layers[1].get_weights()])
    with pytest.raises(UserError, match=r"its outputs on random input differ"):
        build.check_equal(model, axes, graph, path)


def test_inspect_lists_operators_with_their_cost(tmp_path, capsys):
    path = lenet().save(tmp_path)
    facts = inspect_file(path)
    assert (facts["inputs"], facts["outputs"]) == ([[2, 10, 8]], [[4]])
    assert facts["parameters"] == 4 * 18 + 4 + 3 * 36 + 3 + 90 + 5 + 20 + 4
    assert facts["layers"][0]["macs"] == 4 * 2 * 9 * 80
    assert "classification, 4 classes (softmax)" in facts["task"]
    assert main(["inspect", str(path)]) == 0
    assert "/net/conv0" in capsys.readouterr().out


def test_an_output_without_the_batch_first_is_refused(tmp_path):
    path = Net(2, 4).add("Transpose", perm=[1, 0, 2]).save(tmp_path)
    with pytest.raises(UserError, match="export it again with the batch first"):
        build.rebuilt(read_onnx(path), path)


def two_outputs() -> Any:
    model = lenet().model()
    model.graph.output.append(model.graph.output[0])
    return model


def external() -> Any:
    model = lenet().model()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    model.graph.initializer[0].external_data.add(key="location", value="other.bin")
    return model


def constant_output() -> Any:
    model = lenet().model()
    model.graph.node.append(helper.make_node("Sqrt", ["w0_0"], ["alone"], name="root"))
    model.graph.output[0].name = "alone"
    return model


def huge() -> Any:
    net = Net(2, 4, 4).add("ConstantOfShape", ints(10**6, 10**6))
    net.nodes[0].input.pop(0)  # only the shape
    return net.add("Add", "image", net.last).model()


def grown(
    kind: str, forged: bool = False, source: bool = False, **constants: Any
) -> Any:
    """A small file, of which one node makes a value that fills the memory."""
    net = Net(2, 4, 4)
    net.weights |= constants
    inputs = [*(["image"] if source else []), *constants]
    node = helper.make_node(kind, inputs, ["root"], name="root")
    net.nodes.append(node)
    model = net.add("Add", "image", "root").model()
    if forged:
        info = helper.make_tensor_value_info("root", TensorProto.FLOAT, (1,))
        model.graph.value_info.append(info)
    return model


COLUMN, ROW = np.ones((70_000, 1), np.float32), np.ones((1, 70_000), np.float32)


def chain() -> Any:
    """Vectors that grow four times with each node."""
    net = Net(2, 4, 4)
    net.weights["root"] = np.ones(1000, np.int64)
    for name in [f"longer{k}" for k in range(14)]:
        inputs = [net.nodes[-1].output[0] if net.nodes else "root"] * 4
        net.nodes.append(helper.make_node("Concat", inputs, [name], name=name, axis=0))
    net.nodes.append(helper.make_node("Cast", [name], ["cast"], to=TensorProto.FLOAT))
    return net.add("Add", "image", "cast").model()


def with_axis(place: int, size: int) -> Any:
    """A file whose input has another axis."""
    model = Net(2, 4, 4).add("Relu").model()
    model.graph.input[0].type.tensor_type.shape.dim[place].dim_value = size
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: with_axis(1, -(2**63)), "every axis but the first needs a fixed size"),
        (lambda: with_axis(0, 2**31), r'"image" has 68,719,476,736 numbers'),
        (
            lambda: grown("Pad", b=ints(0, 0, 10**6, 0, 0, 0, 0, 10**6), source=True),
            "numbers; 100,000,000 are allowed",
        ),
        (lambda: grown("MatMul", a=COLUMN, b=ROW), "4,900,000,000 numbers"),
        (lambda: grown("MatMul", True, a=COLUMN, b=ROW), "4,900,000,000 numbers"),
        (
            lambda: grown("Range", a=ints(0)[0], b=ints(10**12)[0], c=ints(1)[0]),
            "1,000,000,000,000 numbers",
        ),
        (
            lambda: grown("Pad", a=ROW[:, :2], b=ints(0, 0, 10**6, 10**6)),
            r"\(Pad\) makes a constant",
        ),
        (chain, r"\(Concat\) makes a constant of 262,144,000 numbers"),
        (huge, r"\(ConstantOfShape\) makes a constant of 1,000,000,000,000 numbers"),
        (lambda: Net(3).add("Sqrt").model(), 'node "/net/sqrt0" is a Sqrt, which can'),
        (lambda: lenet().model(opset=99), "of opset 99; 7 to 26 can be rebuilt"),
        (lambda: Net("h", "w").add("Relu").model(), r"the shape \(batch, h, w\)"),
        (two_outputs, "has 1 inputs and 2 outputs"),
        (external, r'weights "w0_0" are in another file \(external data\)'),
        (constant_output, '"alone" does not depend on its input "image"'),
    ],
)
def test_an_unsupported_file_is_refused_before_it_is_rebuilt(model, words, tmp_path):
    (tmp_path / "net.onnx").write_bytes(model().SerializeToString())
    with pytest.raises(UserError, match=rf"net\.onnx: .*{words}"):
        archive.check_archive(tmp_path / "net.onnx")


@pytest.mark.parametrize("content", [b"", b"hello, world", b"\x08\x08"])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"net\.onnx: not a complete ONNX model"):
        archive.check_archive(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (
            Net(1, 6, 6).add(
                "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
            ),
            r'"/net/maxpool0" \(MaxPool\) .*pads numbers that can be negative',
        ),
        (Net(2, 5).add("MatMul", (7, 3)), "5 features and its kernel 7"),
        (Net(2, 6, 6).add("Conv", (4, 3, 3, 3)), "its shapes do not fit"),
        (Net(4).add("Div", np.float32([1, 2, 3, 4]), "image"), "division by a cons"),
        (
            Net(2, 4, batch=3).add("Transpose", perm=[1, 0, 2]),
            "it moves the batch, and the file was made for 3 examples",
        ),
        (
            Net(3, 5).add("LSTM", (1, 8, 5), (1, 8, 2), direction="reverse"),
            "direction=reverse is not supported; forward is",
        ),
        (
            Net(2, 4, 4).add("MaxPool", kernel_shape=[2, 2], strides=[2]),
            "its settings do not fit",
        ),
        (Net(2, 4).add("Reshape", ints(3, -1)), "the first axis must stay the batch"),
    ],
)
def test_a_node_that_cannot_be_rebuilt_is_named(net, words, tmp_path):
    path = net.save(tmp_path)
    with pytest.raises(UserError, match=rf"net\.onnx: node .*{words}"):
        build.rebuilt(read_onnx(path), path)
