"""Initial weights from a file, and pseudo-labels for pools without labels."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.files import save_model
from pipeline.models.referenced_files import hash_files
from pipeline.train.params import PseudoLabels, TrainParams
from pipeline.train.pseudo_labels import labelled_and_pool, with_pseudo_labels
from pipeline.train.runs import load_initial_weights

SPEC = TaskSpec("x", "x:x", (4,), "float32", ("a", "b"), modality="table")
RNG = np.random.default_rng(1)
TRAIN = Split(RNG.normal(size=(50, 4)).astype(np.float32), np.arange(50) % 2)


def net(units: int = 8):
    return registry.build("mlp", {"units": units}, SPEC, 1)


def test_a_model_begins_with_the_weights_of_another(tmp_path):
    other = registry.build("mlp", {"units": 8}, SPEC, 2)
    save_model(other, tmp_path / "a.keras")
    model = net()
    load_initial_weights(model, tmp_path / "a.keras")
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))
    with pytest.raises(UserError, match=r"have the shapes \[4, 8\].*needs \[4, 9\]"):
        load_initial_weights(net(9), tmp_path / "a.keras")
    with pytest.raises(UserError, match="there is no file"):
        load_initial_weights(model, tmp_path / "b.keras")


def test_a_changed_file_makes_the_stage_stale(tmp_path):
    path = tmp_path / "pool.npz"
    params = TrainParams(pseudo_labels=PseudoLabels(pool=str(path)))
    assert hash_files(params.files) == {str(path): None}
    path.write_bytes(b"one")
    before = hash_files(params.files)
    path.write_bytes(b"two")
    assert hash_files(params.files) != before
    assert hash_files(["${NO_SUCH_VARIABLE}/a"]) == {"${NO_SUCH_VARIABLE}/a": None}


def test_labels_are_left_aside_the_same_way_each_time():
    labelled, pool = labelled_and_pool(TRAIN, SPEC, PseudoLabels(labelled=0.2), 7)
    again, _ = labelled_and_pool(TRAIN, SPEC, PseudoLabels(labelled=0.2), 7)
    assert len(labelled) == 10 and len(pool) == 40
    assert np.array_equal(labelled.x, again.x)
    seen = {row.tobytes() for row in np.concatenate([labelled.x, pool])}
    assert seen == {row.tobytes() for row in TRAIN.x}


def test_only_confident_predictions_become_labels():
    model = net()
    pool = RNG.normal(size=(30, 4)).astype(np.float32)
    logits = model(pool).numpy()
    sure = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).max(1)
    level = float(np.median(sure))
    larger = with_pseudo_labels(model, TRAIN, pool, SPEC, level)
    assert len(larger) == 50 + (sure >= level).sum()
    assert np.array_equal(larger.y[50:], logits[sure >= level].argmax(1))
    assert np.array_equal(larger.x[:50], TRAIN.x)
    assert len(with_pseudo_labels(model, TRAIN, pool, SPEC, 1.0)) < 52


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y": np.zeros(3)}, "must be an .npz file with an array `x`"),
        ({"x": np.zeros((3, 5), np.float32)}, r"has 3 examples of \(5,\) float32"),
        (
            {"x": np.zeros((3, 4), np.uint8)},
            r"uint8; at least one of \(4,\) float32",
        ),
        ({"x": np.zeros((0, 4), np.float32)}, "0 examples"),
    ],
)
def test_a_pool_that_does_not_fit_is_an_error(tmp_path, arrays, words):
    np.savez(tmp_path / "pool.npz", **arrays)
    with pytest.raises(UserError, match=words):
        labelled_and_pool(TRAIN, SPEC, PseudoLabels(pool=str(tmp_path / "pool.npz")), 1)


def test_no_pool_at_all_is_an_error():
    with pytest.raises(UserError, match="there is no pool; name one"):
        labelled_and_pool(TRAIN, SPEC, PseudoLabels(), 1)
