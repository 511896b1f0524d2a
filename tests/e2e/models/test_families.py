"""What holds for every family: it is tested by being registered."""

from __future__ import annotations

import hashlib
import json

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.catalogue import BUILDER_MODULES, PRESETS
from pipeline.models.files import load_model, save_model
from pipeline.tasks.training import training_of
from tests.helpers import models_cases as cases
from tests.helpers import warm
from tests.helpers.cases import chosen
from tests.helpers.models_cases import spec_for

BATCH = 16
BOX = (1, 0.2, 0.2, 0.8, 0.9)  # class, left, top, right, bottom
DAILY = ("attention", "cnn", "gru")
# Of files; the rest of these tests builds each family once.
TWICE = """
import json, sys
from tests.e2e.models.test_families import file_hash
print(json.dumps({name: file_hash(name) for name in sys.argv[1:]}))
"""


def examples(spec: TaskSpec, model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and the targets of the task."""
    rng = np.random.default_rng(3)
    shape = (BATCH, *spec.shape)
    tokens = rng.integers(0, spec.vocabulary, shape) if spec.vocabulary else None
    x = rng.normal(size=shape).astype(np.float32) if tokens is None else tokens
    targets = {
        "classification": lambda: rng.integers(0, len(spec.classes), BATCH),
        "segmentation": lambda: rng.integers(0, len(spec.classes), shape[:-1]),
        "anomaly_detection": lambda: x,
        "restoration": lambda: rng.random((BATCH, *spec.target.get("shape", ()))),
        "next_token": lambda: np.roll(x, -1, axis=1),
        "seq2seq": lambda: x[:, -model.output_shape[1] :],
        "forecasting": lambda: rng.normal(size=(BATCH, *model.output_shape[1:])),
        "ranking": lambda: rng.integers(0, spec.target["items"], (BATCH, 1)),
        "detection": lambda: np.tile(np.float32(BOX), (BATCH, 1, 1)),
    }
    return x, targets[spec.task]()


def loss_for(spec: TaskSpec) -> keras.losses.Loss:
    if spec.task in ("anomaly_detection", "forecasting", "restoration"):
        return keras.losses.MeanSquaredError()
    if spec.task == "detection":
        return training_of(spec).losses["focal_giou"]
    if spec.task == "ranking":
        return training_of(spec).losses["cross_entropy"]
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def run_file(content: bytes, x: np.ndarray) -> np.ndarray:
    """The file's outputs, an example at a time."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    rows = []
    for example in x:
        interpreter.reset_all_variables()
        interpreter.set_tensor(source["index"], example[None].astype(source["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(result["index"])[0])
    return np.stack(rows)


def file_hash(name: str) -> str:
    content = export(to_tf_keras(cases.build(name, spec_for(name))), "float")
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def hashes_elsewhere(request) -> dict[str, str]:
    """Hashes of the files that another process writes, in the reverse order."""
    test = test_a_family_gives_equal_files_in_one_process_and_in_two.__name__
    items = [item for item in request.session.items if item.name.startswith(test)]
    names = [item.callspec.params["name"] for item in reversed(items)]
    done = warm.run("-c", TWICE, *names)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", chosen(BUILDER_MODULES, DAILY))
def test_a_family_trains_is_saved_and_predicts_the_same_as_its_file(name, tmp_path):
    spec = spec_for(name)
    model = cases.build(name, spec)
    x, y = examples(spec, model)
    model.compile(keras.optimizers.Adam(3e-3), loss_for(spec), run_eagerly=True)
    losses = [float(model.train_on_batch(x, y)) for _ in range(4)]
    assert losses == sorted(losses, reverse=True) and losses[3] < losses[0]

    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    expected = np.asarray(model(x, training=False))
    assert np.array_equal(expected, np.asarray(loaded(x, training=False)))

    received = run_file(export(to_tf_keras(loaded), "float"), x)
    assert np.max(np.abs(received - expected)) < 1e-4


@pytest.mark.parametrize("name", chosen(BUILDER_MODULES, DAILY))
def test_a_family_gives_equal_files_in_one_process_and_in_two(name, hashes_elsewhere):
    """The other process built others before it, and this one built it before."""
    cases.build(name, spec_for(name))
    assert file_hash(name) == hashes_elsewhere[name]


@pytest.mark.parametrize("name", chosen(BUILDER_MODULES, DAILY))
def test_a_family_names_its_layers_and_ends_in_logits(name, monkeypatch):
    spec = spec_for(name)
    first = cases.build(name, spec)
    with monkeypatch.context() as patch:  # automatic names go on counting then
        patch.setattr(keras.utils, "clear_session", lambda: None)
        models = [first, cases.build(name, spec)]
    names = [[layer.name for layer in model.layers] for model in models]
    assert names[0] == names[1]
    logits = ("classification", "next_token", "seq2seq", "segmentation")
    classifies = spec.task in logits
    assert (names[0][-1] == "logits") == classifies


@pytest.mark.parametrize(
    "name", chosen([n for n in BUILDER_MODULES if n not in cases.VALUES], DAILY)
)
def test_width_reduces_the_parameters_of_a_family(name):
    spec = spec_for(name)
    wide, narrow = (registry.build(name, {"width": w}, spec, 1) for w in (1.0, 0.25))
    assert narrow.count_params() < 0.6 * wide.count_params()


@pytest.mark.parametrize("family", PRESETS)
def test_the_catalogue_names_the_presets_of_the_family(family):
    registry.get(family)
    assert tuple(registry._PRESETS[family]) == PRESETS[family]
