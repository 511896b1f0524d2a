"""Losses, files and supervision of a fit on several hosts, without JAX."""

from __future__ import annotations

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.errors import StageFailed, UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.checkpoint import State, save
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History
from pipeline.training.hosts import launch
from pipeline.training.hosts.job import read_job, write_job, write_result
from pipeline.training.hosts.launch import check_batch, check_fit, fit_on_hosts
from pipeline.training.hosts.losses import mean_loss, portable_loss
from pipeline.training.losses import example_losses
from pipeline.training.objective import weighed_mean
from pipeline.training.params import FitSettings

RNG = np.random.default_rng(1)
SPEC = TaskSpec("x", "x:x", (4,), "float32", ("a", "b", "c"), modality="table")
NUMBER = replace(SPEC, classes=(), task="regression", target={"name": "y"})
LOGITS = RNG.normal(size=(6, 3)).astype(np.float32)
NUMBERS = np.array([0, 1, 2, 2, 1, 0])
SPLIT = Split(RNG.normal(size=(12, 4)).astype(np.float32), np.arange(12) % 3)
DATA = FitData(SPEC, SPLIT, SPLIT, Policy("noise(0.1)", 7))
SETTINGS = FitSettings(epochs=2, batch_size=4)


class TestLosses:
    @pytest.mark.parametrize("soft", [False, True])
    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    @pytest.mark.parametrize(
        "name", ["cross_entropy", "focal", "binary", "mse", "mae", "huber"]
    )
    def test_losses_of_classes_are_those_of_tensorflow(self, name, smoothing, soft):
        settings = FitSettings(loss=name, label_smoothing=smoothing)
        y = np.eye(3, dtype=np.float32)[NUMBERS] if soft else NUMBERS
        expected = example_losses(settings, SPEC)(tf.constant(y), tf.constant(LOGITS))
        received = portable_loss(settings, SPEC)(tf.constant(y), tf.constant(LOGITS))
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("name", ["mse", "mae", "huber"])
    def test_losses_of_numbers_are_those_of_tensorflow(self, name):
        settings, y = FitSettings(loss=name), tf.constant(LOGITS[:, :1])
        outputs = tf.constant(3 * LOGITS[:, 1:2])
        expected = example_losses(settings, NUMBER)(y, outputs)
        received = portable_loss(settings, NUMBER)(y, outputs)
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("weights", [None, np.arange(6, dtype=np.float32)])
    def test_means_are_those_of_tensorflow(self, weights):
        for losses in (LOGITS[:, 0], LOGITS):
            tensor = None if weights is None else tf.constant(weights)
            expected = float(weighed_mean(tf.constant(losses), tensor))
            assert float(mean_loss(losses, weights)) == pytest.approx(expected, 1e-5)


class TestJob:
    def test_what_was_written_is_read(self, tmp_path):
        model = registry.build("mlp", {"units": 4}, SPEC, 1)
        weighed = replace(SPLIT, class_weights=(1.0, 2.0, 0.5))
        data = replace(DATA, train=weighed)
        settings = FitSettings(epochs=2, phases=[{"epochs": 3}], swa=0.5)
        write_job(tmp_path, model, data, settings, 5)
        job = read_job(tmp_path)
        assert (job.settings, job.seed, job.data.spec) == (settings, 5, SPEC)
        assert str(job.data.policy) == str(DATA.policy) and job.data.policy.seed == 7
        assert job.data.train.class_weights == weighed.class_weights
        assert np.array_equal(job.data.train.x, SPLIT.x)
        assert np.array_equal(job.data.validation.y, SPLIT.y)

    def test_a_memory_map_of_a_whole_file_is_not_copied(self, tmp_path):
        np.save(tmp_path / "x.npy", SPLIT.x)
        mapped = Split(np.load(tmp_path / "x.npy", mmap_mode="r"), SPLIT.y)
        model = registry.build("mlp", {"units": 4}, SPEC, 1)
        write_job(tmp_path / "job", model, replace(DATA, train=mapped), SETTINGS, 5)
        assert not (tmp_path / "job" / "train_x.npy").exists()
        x = read_job(tmp_path / "job").data.train.x
        assert isinstance(x, np.memmap) and np.array_equal(x, SPLIT.x)


class FakeHosts:
    """Hosts whose endings are given, one list per start; the last one succeeds."""

    def __init__(self, folder, starts, save_epochs=True):
        self.folder, self.starts, self.saves = folder, list(starts), save_epochs
        self.count, self.started = 2, 0
        self.current: list[str | None] = []

    def start(self):
        self.started += 1
        self.current = self.starts.pop(0)
        if self.saves:
            rows = [{"epoch": n + 1} for n in range(self.started)]
            save(self.folder, State(rows), {})
        if self.current == ["", ""]:
            model = registry.build("mlp", {"units": 4}, SPEC, 2)
            write_result(self.folder, model, History([{"epoch": 1}], {}), {"s": 1})
            for rank in range(2):
                path = self.folder / f"hash-{rank}.json"
                path.write_text(json.dumps({"weights": self.hash_of(rank)}))

    def hash_of(self, rank):
        return "a"

    def endings(self):
        return self.current

    def stop(self):
        self.current = ["", ""]


class DifferentHosts(FakeHosts):
    def hash_of(self, rank):
        return f"hash{rank}"


LOST, DONE = ["", "its process was ended by SIGKILL"], ["", ""]


@pytest.fixture
def model():
    return registry.build("mlp", {"units": 4}, SPEC, 1)


@pytest.fixture
def run(tmp_path, monkeypatch, model):
    monkeypatch.setattr(launch, "GRACE", 0)
    monkeypatch.setattr(launch, "PERIOD", 0)

    def start(starts, kind=FakeHosts, **options):
        groups = []

        def hosts(folder):
            groups.append(kind(folder, starts, **options))
            return groups[0]

        context = FitContext(3, checkpoint_folder=tmp_path)
        fit_on_hosts(model, DATA, SETTINGS, context, hosts)
        return groups[0]

    return start


class TestSupervision:
    def test_the_result_is_put_into_the_model(self, run, model):
        run([DONE])
        expected = registry.build("mlp", {"units": 4}, SPEC, 2).get_weights()
        assert all(map(np.array_equal, model.get_weights(), expected))

    def test_a_lost_process_is_started_again(self, run, capsys):
        group = run([LOST] * 5 + [DONE])  # each time after one more epoch
        assert group.started == 6
        text = "host 2 of 2: its process was ended by SIGKILL; training goes on after "
        assert f"{text}epoch 5" in capsys.readouterr().out

    def test_losses_without_progress_are_an_error(self, run):
        words = "host 2 of 2: .* SIGKILL, after 3 restarts without a new checkpoint"
        with pytest.raises(StageFailed, match=words):
            run([LOST] * 9, save_epochs=False)

    def test_an_error_of_the_fit_is_that_of_the_stage(self, run, tmp_path):
        class Diverging(FakeHosts):
            def start(self):
                super().start()
                values = {"error": "the loss became nan", "code": 1, "own": True}
                (self.folder / "0-error.json").write_text(json.dumps(values))

        with pytest.raises(StageFailed, match="^the loss became nan$"):
            run([["its process ended with code 1 and no result", None]], Diverging)

    def test_different_weights_are_an_error(self, run):
        with pytest.raises(StageFailed, match="different weights .hash0, hash1"):
            run([DONE], DifferentHosts)


def test_batches_that_cannot_be_shared_are_refused():
    check_batch(32, 100, 4)
    for batch, examples in ((33, 100), (32, 30)):
        with pytest.raises(UserError, match=r"train.hosts 4: 3\d examples per step"):
            check_batch(batch, examples, 4)


class TestSupport:
    def check(self, model, data=DATA, settings=SETTINGS, **context):
        check_fit(model, data, settings, FitContext(1, **context))

    def test_losses_of_tensorflow_are_refused(self, model):
        self.check(model)
        with pytest.raises(UserError, match="train.engine jax: this fit has a loss"):
            self.check(model, loss=lambda y, outputs: outputs)

    def test_layers_of_the_user_are_refused(self):
        kind = type("Mine", (keras.layers.Dense,), {"__module__": "mine"})
        net = keras.Sequential([keras.Input((4,)), kind(3, name="first")])
        words = "train.engine jax: the layer first is of mine.Mine, .* tensorflow"
        with pytest.raises(UserError, match=words):
            self.check(net)
