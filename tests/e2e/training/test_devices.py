"""Several devices that share each batch end as one device does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.train.params import TrainParams
from pipeline.training.devices import prepare, start_method
from tests.helpers import warm


def run(devices: int) -> dict:
    done = warm.run("-m", "tests.helpers.training_devices_drive", str(devices))
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_two_logical_cpus_are_one_within_rounding():
    one, two = run(1), run(2)
    for weight, other in zip(one["weights"], two["weights"]):
        np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-5)
    for row, other in zip(one["rows"], two["rows"]):
        assert row == pytest.approx(other, rel=1e-4)


def test_accumulating_on_several_devices_is_refused_when_it_is_read():
    words = r"`gradient_accumulation_steps` \(2\) must be 1 with `devices` \(2\): Keras"
    with pytest.raises(ValueError, match=words):
        TrainParams(devices=2, gradient_accumulation_steps=2)
    assert (
        TrainParams(devices=2).gradient_accumulation_steps
        == TrainParams(gradient_accumulation_steps=2).devices
        == 1
    )


def test_processes_are_spawned_where_there_is_a_gpu():
    assert start_method(["/physical_device:GPU:0"]) == "spawn"
    assert start_method([]) == "fork"


def test_a_batch_that_cannot_be_shared_is_an_error():
    words = r"`train.batch_size` \(32\) must be a multiple of `train.devices` \(3\)"
    with pytest.raises(UserError, match=words):
        prepare(3, 32)
