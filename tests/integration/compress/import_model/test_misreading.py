"""A model from elsewhere whose numbers mean something else than the data's."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.compress.import_model.archive import takes_tokens
from pipeline.compress.import_model.logits import as_logits
from pipeline.compress.import_model.params import ImportParams
from pipeline.compress.import_model.train.stage import run
from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.data.params import DataParams
from pipeline.data.spec import TaskSpec, read_spec
from pipeline.data.stage import run as run_data
from pipeline.engine.stage import Inputs
from pipeline.models.files import load_model

RNG = np.random.default_rng(3)


def published(folder: Path, x: np.ndarray, y: np.ndarray, **values) -> Path:
    """The data stage's folder of an .npz file, read as compress-file reads it."""
    np.savez(folder / "a.npz", x=x, y=y)
    stored = {"preprocessing": "none", "target_unit": "labels"}
    section = {"source": f"npz:{folder / 'a.npz'}", **stored, **values}
    out = folder / f"data{len(list(folder.iterdir()))}"
    out.mkdir()
    metrics = run_data(DataParams(**section), Inputs({}, seed=1), out)
    write_json(out / "metrics.json", metrics)
    return out


def imported(model: keras.Model, data: Path, anyway: bool = False) -> dict:
    """The metrics of the stage that imports a model."""
    path = data.parent / "net.keras"
    model.save(path)
    out = data.parent / f"{data.name}-train"
    out.mkdir(exist_ok=True)
    params = ImportParams(model=str(path), anyway=anyway)
    return run(params, Inputs({"data": data}, seed=1), out)


def linear(kernel, bias, shape=None) -> keras.Model:
    """One dense layer with these weights, on flattened inputs."""
    kernel, bias = np.float32(kernel), np.float32(bias)
    given = keras.Input(shape or (len(kernel),))
    x = layers.Flatten()(given) if shape else given
    dense = layers.Dense(len(bias), name="end")
    model = keras.Model(given, dense(x), name="net")
    dense.set_weights([kernel, bias])
    return model


def houses(unit: float = 1.0, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x = RNG.normal(size=(200, 1)).astype("float32")
    noise = RNG.normal(size=200)
    return x, (300 + 80 * x[:, 0] + noise) * unit + offset


def test_a_regression_in_the_unit_of_its_labels_is_taken_as_it_answers(tmp_path):
    x, y = houses()
    data = published(tmp_path, x, y, task="regression")
    assert "doubts" not in imported(linear([[80]], [300]), data)


def test_a_regression_with_standardized_targets_names_the_setting(tmp_path):
    x, y = houses()
    data = published(tmp_path, x, y, task="regression")
    with pytest.raises(UserError, match=r"data\.target_unit=standardized .*--anyway"):
        imported(linear([[1]], [0]), data)
    data = published(tmp_path, x, y, task="regression", target_unit="standardized")
    assert "doubts" not in imported(linear([[1]], [0]), data)
    with pytest.raises(UserError, match=r"data\.target_unit=labels"):
        imported(linear([[80]], [300]), data)


def test_a_regression_in_another_unit_names_the_rescaling(tmp_path):
    x, y = houses(unit=1.8, offset=32)
    data = published(tmp_path, x, y, task="regression")
    with pytest.raises(UserError, match=r"layers\.Rescaling\(1\.[78]"):
        imported(linear([[80]], [300]), data)


@pytest.mark.parametrize("standardized", [True, False])
def test_other_preprocessing_of_a_table_names_the_setting(standardized, tmp_path):
    z = RNG.normal(size=(200, 3)).astype("float32")
    x, y = 50 + 20 * z, (z[:, 0] > 0).astype(int)
    kernel = np.array([[-1, 1], [0, 0], [0, 0]])
    model = linear(kernel, [0, 0] if standardized else [50, -50])
    right, wrong = ("auto", "none") if standardized else ("none", "auto")
    data = published(tmp_path, x, y, preprocessing=wrong)
    with pytest.raises(UserError, match=f"data.preprocessing={right}"):
        imported(model, data)
    data = published(tmp_path, x, y, preprocessing=right)
    assert "doubts" not in imported(model, data)


def twelve(order: list[int]) -> keras.Model:
    """Output k is high where input `order[k]` is."""
    return linear(np.eye(12)[:, order] * 4, np.zeros(12))


def folders_of_text() -> list[int]:
    return [int(name) for name in sorted(map(str, range(12)))]


def classes(count: int = 12) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(240) % count
    noise = RNG.normal(size=(240, count)) / 9
    return (np.eye(count)[y] + noise).astype("float32"), y


def test_an_order_of_classes_by_text_names_the_setting(tmp_path):
    x, y = classes()
    data = published(tmp_path, x, y)
    with pytest.raises(UserError, match=r"1\.000 with .*order 0, 1, 10, 11, 2.*text"):
        imported(twelve(folders_of_text()), data)
    data = published(tmp_path, x, y, class_order="text")
    assert "doubts" not in imported(twelve(folders_of_text()), data)


def test_any_other_order_of_classes_is_found(tmp_path):
    x, y = classes(4)
    data = published(tmp_path, x, y)
    model = linear(np.eye(4)[:, [2, 0, 3, 1]] * 4, np.zeros(4))
    with pytest.raises(UserError, match=r'data\.classes=\["2", "0", "3", "1"\]'):
        imported(model, data)
    data = published(tmp_path, x, y, classes=["2", "0", "3", "1"])
    assert "doubts" not in imported(model, data)


def pictures(channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Dark and bright pictures; with three channels, red and blue ones."""
    y = np.arange(120) % 2
    x = RNG.uniform(0.2, 0.3, size=(120, 4, 4, channels))
    x[y == 1, :, :, 0] += 0.4
    if channels == 3:
        x[y == 0, :, :, 2] += 0.4
    return (255 * x).astype("uint8"), y


def brightness(scale: float, offset: float) -> keras.Model:
    """Two classes: is the mean, on a scale of its own, above the middle?"""
    middle = 0.45 * scale + offset
    kernel = np.ones((16, 2)) * [-1 / 16, 1 / 16]
    return linear(kernel, [middle, -middle], (4, 4, 1))


@pytest.mark.parametrize(
    ("scale", "offset", "settings"),
    [
        (1, 0, {"scale": 1 / 255}),
        (2, -1, {"scale": 2 / 255, "offset": -1.0}),
    ],
)
def test_another_range_of_inputs_names_the_setting(scale, offset, settings, tmp_path):
    x, y = pictures()
    data = published(tmp_path, x, y)  # 0 .. 255
    words = " ".join(f"data.{k}={v:.6g}"[:16] + r"\d*" for k, v in settings.items())
    with pytest.raises(UserError, match=words):
        imported(brightness(scale, offset), data)
    data = published(tmp_path, x, y, **settings)
    assert "doubts" not in imported(brightness(scale, offset), data)


def test_the_other_order_of_channels_is_found(tmp_path):
    x, y = pictures(3)
    data = published(tmp_path, x, y)
    kernel = np.zeros((16, 3, 2))
    kernel[:, 0], kernel[:, 2] = [1, -1], [-1, 1]  # blue first
    model = linear(kernel.reshape(48, 2) / 16, [0, 0], (4, 4, 3))
    with pytest.raises(UserError, match="would be 1.000 with"):
        imported(model, data)


def test_a_model_that_learned_nothing_is_refused_or_marked(tmp_path):
    x, y = classes(4)
    data = published(tmp_path, RNG.normal(size=x.shape).astype("float32"), y)
    model = linear(np.eye(4), np.zeros(4))
    with pytest.raises(UserError, match="may have learned nothing: validation accu"):
        imported(model, data)
    metrics = imported(model, data, anyway=True)
    assert "most frequent class" in metrics["doubts"][0]
    assert metrics["doubts"][0] in metrics["headline"]


SPEC = TaskSpec("two", "npz:two.npz", (3,), "float32", ("no", "yes"))


@pytest.mark.parametrize("end", ["dense", "activation", "layer", "logit"])
def test_one_sigmoid_becomes_two_logits_with_the_same_probabilities(end):
    keras.utils.set_random_seed(2)
    given = keras.Input((3,))
    x = layers.Dense(1, activation="sigmoid" if end == "dense" else None)(given)
    if end == "activation":
        x = layers.Activation("sigmoid")(x)
    elif end == "layer":
        x = keras.ops.sigmoid(x)
    model = keras.Model(given, x)
    examples = RNG.normal(size=(7, 3)).astype("float32")
    expected = np.asarray(model(examples))[:, 0]
    if end == "logit":
        expected = 1 / (1 + np.exp(-expected))
    logits = as_logits(model, SPEC, "net.keras")(examples)
    actual = np.asarray(keras.ops.softmax(logits))[:, 1]
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_sigmoid_per_class_is_refused():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, "sigmoid")])
    spec = TaskSpec("three", "npz:a.npz", (3,), "float32", ("a", "b", "c"))
    with pytest.raises(UserError, match="a sigmoid for each of 3 outputs.*=None"):
        as_logits(model, spec, "net.keras")


def reader(dtype: str | None) -> keras.Model:
    """Counts which of two tokens is more frequent."""
    tokens = keras.Input((6,), dtype=dtype)
    embedding = layers.Embedding(9, 2, name="table")
    x = layers.GlobalAveragePooling1D()(embedding(tokens))
    model = keras.Model(tokens, layers.Activation("linear", name="end")(x), name="net")
    rows = np.zeros((9, 2), "float32")
    rows[3, 0], rows[7, 1] = 4, 4
    embedding.set_weights([rows])
    return model


def sentences() -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(90) % 2
    x = RNG.integers(0, 3, size=(90, 6))
    x[:, 2:4] = np.where(y == 0, 3, 7)[:, None]
    return x, y


@pytest.mark.parametrize("dtype", ["int32", "int64", None])
def test_tokens_reach_an_embedding_as_integers(dtype, tmp_path):
    data = published(tmp_path, *sentences(), tokens=True)
    spec = read_spec(data)
    assert (spec.modality, spec.vocabulary, spec.shape) == ("text", 8, (6,))
    assert "doubts" not in imported(reader(dtype), data)
    model = load_model(data.parent / f"{data.name}-train" / "model.keras")
    assert model.inputs[0].dtype == "int32"
    assert takes_tokens(data.parent / "net.keras")


def test_tokens_beyond_the_embedding_are_named(tmp_path):
    x, y = sentences()
    x[0, 0] = 12
    data = published(tmp_path, x, y, tokens=True)
    with pytest.raises(UserError, match="9 rows, and the tokens .* go up to 12"):
        imported(reader("int32"), data)


def test_fractions_are_not_tokens(tmp_path):
    x, y = sentences()
    with pytest.raises(UserError, match=r"data\.tokens needs whole numbers from 0"):
        published(tmp_path, x + 0.5, y, tokens=True)


def test_an_input_of_bytes_takes_float_inputs(tmp_path):
    x, y = pictures()
    data = published(tmp_path, x, y)
    middle = 255 * 0.45
    kernel = np.ones((16, 2)) * [-1 / 16, 1 / 16]
    given = keras.Input((4, 4, 1), dtype="uint8")
    dense = layers.Dense(2, name="end")
    model = keras.Model(given, dense(layers.Flatten()(given)), name="net")
    dense.set_weights([np.float32(kernel), np.float32([middle, -middle])])
    assert "doubts" not in imported(model, data)
    saved = load_model(data.parent / f"{data.name}-train" / "model.keras")
    assert saved.inputs[0].dtype == "float32"


@pytest.mark.parametrize("activation", ["relu", "tanh", "hard_sigmoid"])
def test_one_output_with_another_activation_is_refused_by_name(activation):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(1, activation=activation)]
    )
    spec = TaskSpec("two", "npz:a.npz", (4,), "float32", ("a", "b"))
    with pytest.raises(UserError, match=f"with the activation {activation}; two"):
        as_logits(model, spec, "net.keras")


def test_a_sigmoid_per_pixel_becomes_two_logits():
    """A binary segmentation model from elsewhere ends in one sigmoid per pixel."""
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(1, 1, activation="sigmoid")(x)
    model = keras.Model(image, x)
    spec = TaskSpec("x", "masks:x", (6, 6, 3), "uint8", ("a", "b"), task="segmentation")
    x = RNG.normal(size=(2, 6, 6, 3)).astype("float32")
    logits = np.asarray(as_logits(model, spec, "net.keras")(x))
    probability = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    assert np.allclose(probability, np.asarray(model(x))[..., 0], atol=1e-5)
