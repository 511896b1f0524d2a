"""Keys of the engine: what goes together, and what must be installed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment import preflight
from pipeline.experiment.preflight import check_engine
from pipeline.experiment.schema import Experiment
from pipeline.experiment.task_rules import misfits
from pipeline.train.params import TrainParams


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hosts": 2}, r"`hosts` \(2\) needs `engine` jax: with TensorFlow"),
        ({"engine": "jax", "devices": 2}, "`devices` is not supported .* use `hosts`"),
        ({"engine": "jax", "precision": "mixed"}, "`precision` is not supported"),
        ({"engine": "jax", "heads": {"a": 1.0}}, "`heads` is not supported"),
        (
            {"engine": "jax", "hosts": 3, "batch_size": 32},
            r"`batch_size` \(32\) must be a multiple of `hosts` \(3\).* is 33",
        ),
        ({"engine": "jax", "hosts": 0}, "greater than or equal to 1"),
        ({"engine": "jax", "hosts": "two"}, "valid integer"),
    ],
)
def test_what_does_not_go_together_is_refused_when_it_is_read(values, words):
    with pytest.raises(ValueError, match=words):
        TrainParams(**values)


def test_what_goes_together_is_read():
    assert TrainParams(engine="jax", hosts=4, batch_size=32).hosts == 4


def test_tasks_whose_losses_jax_does_not_have_are_named():
    values = {
        "data": {"source": "scenes:digits", "task": "segmentation"},
        "train": {"engine": "jax"},
    }
    ((key, reason),) = misfits(Experiment.model_validate(values))
    assert key == ("train", "engine")
    assert reason.startswith("jax trains for classification only, and data.task is seg")


def decided(stage: str, cached: bool) -> list:
    return [SimpleNamespace(stage=stage, cached=cached)]


def test_a_library_that_is_not_installed_is_an_error_before_any_work(monkeypatch):
    installed = {"jax"}
    monkeypatch.setattr(preflight, "find_spec", lambda n: n if n in installed else None)
    job = SimpleNamespace(params={"train": TrainParams(engine="jax")})
    check_engine(job, decided("train", cached=False))
    installed.clear()
    check_engine(job, decided("train", cached=True))
    check_engine(job, decided("tune", cached=False))
    with pytest.raises(UserError, match=r'train.engine jax: jax .*pip install "jax=='):
        check_engine(job, decided("train", cached=False))
