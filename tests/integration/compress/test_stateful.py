"""Files that read step by step, against the same model on whole windows."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress.kit.operators import operators_of
from pipeline.compress.sound_stream import difference
from pipeline.compress.stateful.export import export_stateful, unsupported
from pipeline.compress.stateful.publish import golden
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.export import export
from pipeline.inference.interpreter import LiteModel
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


FRAMES, BINS = 9, 4
SOUND = spec((FRAMES, BINS, 1), "audio")
CLIPS = np.random.default_rng(3).normal(size=(12, FRAMES, BINS, 1)).astype(np.float32)
REACH = 3 + 2 * 2 * (1 + 2)  # frames that the last step of two blocks of TCN reads


def sound_network(name: str = "tcn"):
    """A small model of frames, with normalizations that do something."""
    values = {**SMALL, "filters": 8, "size": 3}
    if name != "tcn":
        values = {"units": 8, "layers": 2, "dropout": 0.0}
    model = registry.build(name, values, SOUND, 1)
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.uniform(0, 0.2, w.shape) for w in model.get_weights()])
    return model


def stream_file(path, kind: str, name: str = "tcn") -> StatefulModel:
    path.write_bytes(export_stateful(to_tf_keras(sound_network(name)), kind, CLIPS))
    return StatefulModel(path)


class TestSound:
    @pytest.mark.parametrize("name", ["tcn", "gru"])
    def test_the_last_frame_of_a_clip_has_the_output_of_the_clip(self, name, tmp_path):
        expected = np.asarray(sound_network(name)(CLIPS, training=False))
        model = stream_file(tmp_path / "stream.tflite", "float", name)
        assert np.allclose(golden(model, CLIPS)[:, -1], expected, atol=1e-4)
        assert difference(model, expected, CLIPS) is None
        note = difference(model, expected[::-1], CLIPS)
        assert note is not None and "differs by" in note

    def test_in_int8_it_is_within_one_quantization_step(self, tmp_path):
        path = tmp_path / "clip.tflite"
        path.write_bytes(export(to_tf_keras(sound_network()), "int8", CLIPS))
        whole = LiteModel(path, SOUND)
        model = stream_file(tmp_path / "stream.tflite", "int8")
        details = model.outputs["logits"]
        assert details["quantization"] == pytest.approx(whole.output["quantization"])
        for state, following in model.states:  # so that a device copies bytes
            assert state["quantization"] == following["quantization"]
        content = (tmp_path / "stream.tflite").read_bytes()
        assert operators_of(content).missing == ()
        stored = golden(model, CLIPS)[:, -1].astype(int)
        expected = whole.logits(CLIPS) / whole.output["quantization"][0]
        expected = np.round(expected) + whole.output["quantization"][1]
        assert np.abs(stored - expected).max() <= 1
        assert len(np.unique(stored)) > 3

    def test_a_stream_forgets_what_is_before_the_window(self, tmp_path):
        model = stream_file(tmp_path / "stream.tflite", "float")
        rest = np.concatenate([CLIPS[2], CLIPS[3], CLIPS[4]])[: REACH + FRAMES - 1]
        streams = np.stack([np.r_[first, rest] for first in CLIPS[:2]])
        outputs = golden(model, streams)
        assert np.allclose(outputs[0, -1], outputs[1, -1], atol=1e-5)
        assert not np.allclose(outputs[0, -2], outputs[1, -2], atol=1e-5)

    def test_a_model_that_reads_ahead_has_no_stateful_file(self):
        model = registry.build("cnn1d", {"dropout": 0.0}, SOUND, 1)
        assert "reads steps that come later" in (unsupported(to_tf_keras(model)) or "")
