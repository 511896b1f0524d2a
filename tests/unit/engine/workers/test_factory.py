"""The keys `workers`, `engine` and `address` of tune and compress."""

from __future__ import annotations

import sys

import pytest

from pipeline.compress.params import CompressParams
from pipeline.core.errors import UserError
from pipeline.engine.workers.factory import pool_of
from pipeline.engine.workers.pool import Pool
from pipeline.tune.params import TuneParams

SECTIONS = pytest.mark.parametrize(
    ("name", "section"), [("tune", TuneParams), ("compress", CompressParams)]
)


@SECTIONS
def test_local_processes_start_by_the_given_method(name, section):
    pool = pool_of(section(workers=3), name, "spawn")
    assert isinstance(pool, Pool) and pool.workers == 3
    assert pool.context.get_start_method() == "spawn"


@SECTIONS
def test_a_missing_ray_is_reported_with_the_keys(name, section, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    wanted = f"{name}.engine ray, {name}.address HOST:1: ray is not installed.*"
    with pytest.raises(UserError, match=f"{wanted}remove {name}.engine and"):
        pool_of(section(engine="ray", address="HOST:1"), name, "fork")


@SECTIONS
def test_an_address_without_ray_is_refused(name, section):
    wanted = "address HOST:1 needs engine: ray, but engine is local; set engine"
    with pytest.raises(ValueError, match=wanted):
        section(address="HOST:1")


@SECTIONS
def test_the_keys_of_workers_are_not_hashed(name, section):
    elsewhere = section(engine="ray", address="HOST:1", workers=7)
    assert elsewhere.hashed() == section().hashed()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("a..b:6379", "no Ray cluster answers at a..b:6379"),
        ("x" * 70 + ":1", "no Ray cluster answers"),
        ("localhost:²", "must be HOST:PORT, auto or local"),
        ("localhost:6379x", "must be HOST:PORT"),
        ("localhost", "must be HOST:PORT"),
        ("localhost:99999", "no Ray cluster answers"),
    ],
)
def test_an_invalid_address_is_refused_at_once(address, message):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=f"tune.engine ray, .*{message}"):
        pool_of(TuneParams(engine="ray", address=address), "tune", "fork")
