"""Tasks on a real Ray cluster of two workers, one of which is lost in the middle."""

from __future__ import annotations

import os
import time

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.workers.ray import RayPool

ray = pytest.importorskip("ray", reason="needs the optional extra `ray`")


@pytest.fixture(scope="module")
def patched():
    """As pytest's own, which lasts for one test only."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def cluster(patched):
    """A head without processors, and two workers with one each."""
    from ray.cluster_utils import Cluster

    # Of 15, as Ray has it, they would starve on a busy machine.
    patched.setenv("RAY_worker_niceness", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_an_address_at_which_nobody_listens_is_refused_at_once(address):
    with pytest.raises(UserError, match="no Ray cluster answers at .*: ray start"):
        RayPool(1, address)


def test_a_lost_worker_costs_no_task(cluster, tmp_path, monkeypatch):
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
    assert {key: one.value[0] for key, one in outcomes.items()} == {
        n: n for n in range(5)
    }
    assert {one.value[2] for one in outcomes.values()} == {"1"}  # the pins came along
    assert len(began(tmp_path)) == 6  # the lost one twice
    assert len({node for _, node in began(tmp_path)[:2]}) == 2


def began(folder) -> list[list[str]]:
    return [line.split() for line in (folder / "began").read_text().splitlines()]


def test_a_task_that_dies_each_time_is_a_failed_one(cluster):
    pool = RayPool(1, cluster.address)
    pool.submit("dies", os._exit, 3)
    pool.submit("refuses", raises, "no")
    pool.submit("lives", abs, -1)
    outcomes = {outcome.key: outcome for outcome in pool.drain()}
    assert "Crashed" in outcomes["dies"].error
    assert outcomes["refuses"].error == "no" and outcomes["lives"].value == 1


def raises(text: str):
    raise UserError(text)


def test_a_search_on_ray_finds_what_a_local_one_finds(cluster, tmp_path):
    from tests.tune.toys import searching, told

    local = searching(tmp_path / "local", trials=2)
    there = searching(tmp_path / "ray", trials=2)
    there.workers = RayPool(2, cluster.address)
    assert told(there.run()) == told(local.run())
