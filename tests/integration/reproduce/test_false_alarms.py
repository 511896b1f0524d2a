"""The settings of `make bench-false-alarms` reach the stages that it runs in forks."""

from __future__ import annotations

import json

import pytest

from benchmarks import false_alarms, processors


def reported(name, folder):
    """What a stage of the benchmark reports under a setting."""
    variables = false_alarms.chain_variables(false_alarms.SETTINGS[name])
    call = ["-m", "tests.helpers.imitated_stage", str(folder)]
    return json.loads(processors.run_python(call, variables))


@pytest.mark.parametrize("name", ["two threads", "libraries up to SSE4.2"])
def test_variables_reach_a_stage(name, tmp_path):
    environment = reported(name, tmp_path)["environment"]
    assert false_alarms.SETTINGS[name].items() <= environment.items()
    assert environment["TMPDIR"] == str(tmp_path)


def test_cache_sizes_reach_a_stage(tmp_path):
    assert reported("small caches", tmp_path)["caches"] == [16384, 131072, 1048576]
