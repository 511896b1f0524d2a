"""Where trials run: an engine that is not there is told with its key."""

from __future__ import annotations

import sys

import pytest

from pipeline.engine.errors import UserError
from pipeline.tune.params import TuneParams
from pipeline.tune.stage import _workers


def test_ray_that_is_not_installed_is_told_with_the_keys(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    wanted = "tune.engine ray, tune.address HOST:1: ray is not installed.*local"
    with pytest.raises(UserError, match=wanted):
        _workers(TuneParams(engine="ray", address="HOST:1"))
