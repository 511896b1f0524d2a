"""A fit on several processes ends as on one, and survives the loss of a process."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from tests.helpers import warm

needs_jax = pytest.mark.skipif(
    find_spec("jax") is None, reason="needs the optional extra `jax`"
)


def driven(*arguments: str) -> dict:
    done = warm.run("-m", "tests.helpers.training_hosts_drive", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def assert_close(several: dict, one: dict) -> None:
    assert len(several["rows"]) == len(one["rows"]) == 3
    assert one["best"]["epoch"] == 3  # so the weights are those after three epochs
    for row, expected in zip(several["rows"], one["rows"]):
        assert row == pytest.approx(expected, abs=1e-6)
    for weight, expected in zip(several["weights"], one["weights"]):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    return driven(str(tmp_path_factory.mktemp("hosts")))


@pytest.mark.slow
@needs_jax
class TestSeveralProcesses:
    @pytest.mark.parametrize("name", ["two", "four"])
    def test_they_end_as_one_to_a_millionth(self, fits, name):
        assert_close(fits[name], fits["one"])

    @pytest.mark.parametrize(
        ("name", "count"), [("one", 1), ("two", 2), ("killed", 2), ("four", 4)]
    )
    def test_all_processes_have_the_same_weights(self, fits, name, count):
        assert len(fits[name]["hashes"]) == count
        assert len(set(fits[name]["hashes"])) == 1

    def test_the_loss_of_a_process_changes_no_bit(self, fits):
        killed, two = fits["killed"], fits["two"]
        assert (killed["started"], two["started"]) == (4, 2)
        assert killed["rows"] == two["rows"]
        assert killed["hashes"] == two["hashes"]

    def test_weights_have_the_same_loss_in_tensorflow(self, fits):
        for fit in fits.values():
            assert fit["val_loss"] == pytest.approx(fit["best"]["val_loss"], abs=1e-5)
