"""Tasks on a real Ray cluster of two workers, one of which is killed."""

from __future__ import annotations

import os
import time

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.workers.ray import RayPool

ray = pytest.importorskip("ray", reason="needs the optional extra `ray`")


@pytest.fixture(scope="module")
def patched():
    """`monkeypatch` with the scope of the module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def cluster(patched):
    """A head without processors, and two workers with one processor each."""
    from ray.cluster_utils import Cluster

    # At 15, the default of Ray, they would starve on a busy machine.
    patched.setenv("RAY_worker_niceness", "0")
    ray_cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    ray_cluster.workers = [ray_cluster.add_node(num_cpus=1) for _ in range(2)]
    ray_cluster.wait_for_nodes()
    yield ray_cluster
    ray.shutdown()
    ray_cluster.shutdown()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_an_address_without_a_listener_is_refused_at_once(address):
    with pytest.raises(UserError, match="no Ray cluster answers at .*: ray start"):
        RayPool(1, address)


@pytest.mark.slow
def test_a_lost_worker_loses_no_task(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def task(number: int) -> tuple[int, str, str]:
        node = ray.get_runtime_context().get_node_id()
        with (tmp_path / "began").open("a") as file:
            file.write(f"{number} {node}\n")
        time.sleep(2)
        return number, node, os.environ["OMP_NUM_THREADS"]

    pool = RayPool(2, cluster.address)
    for number in range(5):
        pool.submit(number, task, number)
    while not (tmp_path / "began").exists() or len(began(tmp_path)) < 2:
        time.sleep(0.1)
    cluster.remove_node(cluster.workers[1], allow_graceful=False)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert {key: outcome.value[0] for key, outcome in outcomes.items()} == {
        n: n for n in range(5)
    }
    assert {outcome.value[2] for outcome in outcomes.values()} == {"1"}  # the pins
    assert len(began(tmp_path)) == 6  # the lost task twice
    assert len({node for _, node in began(tmp_path)[:2]}) == 2


def began(folder) -> list[list[str]]:
    return [line.split() for line in (folder / "began").read_text().splitlines()]


@pytest.mark.slow
def test_a_task_that_always_dies_has_failed(cluster):
    pool = RayPool(1, cluster.address)
    pool.submit("dies", os._exit, 3)
    pool.submit("refuses", raises, "no")
    pool.submit("lives", abs, -1)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert "Crashed" in outcomes["dies"].error
    assert outcomes["refuses"].error == "no" and outcomes["lives"].value == 1


def raises(text: str):
    raise UserError(text)


@pytest.mark.slow
def test_a_search_on_ray_has_the_result_of_a_local_one(cluster, tmp_path):
    from tests.helpers.tune_toys import searching, without_times

    local = searching(tmp_path / "local", trials=2)
    remote = searching(tmp_path / "ray", trials=2)
    remote.workers = RayPool(2, cluster.address)
    assert without_times(remote.run()) == without_times(local.run())
