"""Spawned processes, which a GPU needs, publish what forked ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pipeline.core.determinism import pins
from tests.helpers.project import ROOT


@pytest.mark.slow
def test_spawned_processes_publish_the_same_bytes(tmp_path):
    call = [sys.executable, "-m", "tests.helpers.train_spawn_drive", str(tmp_path)]
    fixed = {**os.environ, **pins(1, "native"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, cwd=ROOT, env=fixed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    hashes = json.loads(done.stdout.splitlines()[-1])
    assert hashes["spawn"] == hashes["fork"]
