"""Where tasks run, as tune and compress say it: what is refused, and in which words."""

from __future__ import annotations

import sys

import pytest

from pipeline.compress.params import CompressParams
from pipeline.core.errors import UserError
from pipeline.engine.workers.pool import Pool
from pipeline.engine.workers.factory import pool_of
from pipeline.tune.params import TuneParams

SECTIONS = pytest.mark.parametrize(
    ("name", "section"), [("tune", TuneParams), ("compress", CompressParams)]
)


@SECTIONS
def test_processes_of_this_machine_begin_as_they_are_told(name, section):
    pool = pool_of(section(workers=3), name, "spawn")
    assert isinstance(pool, Pool) and pool.workers == 3
    assert pool.context.get_start_method() == "spawn"


@SECTIONS
def test_ray_that_is_not_installed_is_told_with_the_keys(name, section, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    wanted = f"{name}.engine ray, {name}.address HOST:1: ray is not installed.*"
    with pytest.raises(UserError, match=f"{wanted}leave {name}.engine and"):
        pool_of(section(engine="ray", address="HOST:1"), name, "fork")


@SECTIONS
def test_an_address_without_ray_is_refused(name, section):
    wanted = "address HOST:1 is that of a Ray cluster, and engine is local: set engine"
    with pytest.raises(ValueError, match=wanted):
        section(address="HOST:1")


@SECTIONS
def test_where_tasks_run_is_not_hashed(name, section):
    elsewhere = section(engine="ray", address="HOST:1", workers=7)
    assert elsewhere.hashed() == section().hashed()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("a..b:6379", "no Ray cluster answers at a..b:6379"),
        ("x" * 70 + ":1", "no Ray cluster answers"),
        ("localhost:²", "is no HOST:PORT, and none of auto, local"),
        ("localhost:6379x", "is no HOST:PORT"),
        ("localhost", "is no HOST:PORT"),
        ("localhost:99999", "no Ray cluster answers"),
    ],
)
def test_an_address_that_cannot_be_one_is_an_error_at_once(address, told):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=f"tune.engine ray, .*{told}"):
        pool_of(TuneParams(engine="ray", address=address), "tune", "fork")
