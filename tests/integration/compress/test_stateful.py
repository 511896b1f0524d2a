"""Files that read token by token, against the same model on whole windows."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.stateful.export import export_stateful, unsupported
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.inference.step_models import StatefulModel, WindowModel
from pipeline.models import registry
from tests.helpers.models_cases import spec

STEPS, VOCABULARY = 8, 12
TEXTS = spec((STEPS,), "text", "next_token", VOCABULARY, classes=())
WINDOWS = np.random.default_rng(2).integers(2, VOCABULARY, (4, STEPS)).astype(np.int32)
SMALL = {"dropout": 0.0, "units": 8, "heads": 2, "layers": 2, "blocks": 2}


def network(name: str):
    """A small model whose weights are large enough for distinct outputs."""
    model = registry.build(name, SMALL, TEXTS, 1)
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def read(model, window) -> np.ndarray:
    model.reset()
    return np.stack([model.read(int(token)) for token in window])


@pytest.mark.parametrize("name", ["char_lm", "gru", "lstm"])
def test_a_stateful_file_equals_the_model_at_each_step(name, tmp_path):
    model = network(name)
    expected = np.asarray(model(WINDOWS, training=False))
    path = tmp_path / "stateful.tflite"
    path.write_bytes(export_stateful(to_tf_keras(model), "float", WINDOWS))
    stateful = StatefulModel(path)
    for window, rows in zip(WINDOWS, expected):
        assert np.allclose(read(stateful, window), rows, atol=1e-4)


def test_an_int8_file_is_within_a_few_levels_of_the_window(tmp_path):
    model = network("char_lm")
    expected = np.asarray(model(WINDOWS, training=False))
    span = np.ptp(expected)
    for kind, write in (("window", export), ("state", export_stateful)):
        path = tmp_path / f"{kind}.tflite"
        path.write_bytes(write(to_tf_keras(model), "int8", WINDOWS))
    stateful, whole = (
        StatefulModel(tmp_path / "state.tflite"),
        WindowModel(tmp_path / "window.tflite", TEXTS),
    )
    for window, rows in zip(WINDOWS, expected):
        assert np.abs(read(stateful, window) - rows).mean() < 0.03 * span
        assert np.abs(read(whole, window) - rows).mean() < 0.03 * span


def test_a_cache_forgets_what_is_before_the_window(tmp_path):
    path = tmp_path / "stateful.tflite"
    path.write_bytes(export_stateful(to_tf_keras(network("char_lm")), "float", WINDOWS))
    stateful = StatefulModel(path)
    texts = [np.r_[first, [5, 6, 7, 8] * 8] for first in (WINDOWS[0], WINDOWS[1])]
    ends = [read(stateful, text)[-1] for text in texts]
    assert np.allclose(*ends, atol=1e-4)


def test_a_layer_that_reads_ahead_has_no_stateful_file():
    labelled = spec((STEPS,), "text", vocabulary=VOCABULARY)
    model = registry.build("text_cnn", {"dropout": 0.0}, labelled, 1)
    assert "reads steps that come later" in (unsupported(to_tf_keras(model)) or "")
