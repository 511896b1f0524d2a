"""Whatever process makes a variant, the stage publishes the same bytes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from pipeline.compress import search
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.params import CompressParams
from pipeline.compress.variant import BuildContext, Variant
from pipeline.core.determinism import pins
from pipeline.data.artifact import Data
from pipeline.engine.stage import Inputs
from pipeline.engine.workers.pool import Pool
from tests.helpers.project import ROOT

RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not RAY, reason="needs the optional extra `ray`")
VARIANTS = {"baseline-float", "student-float", "student-prune0.5"}


@pytest.fixture(scope="module")
def published(folders, tmp_path_factory) -> dict:
    """Way -> what was published with processes that begin so, and when it was made."""
    out = tmp_path_factory.mktemp("pools")
    ways = ["fork", "spawn", *(["ray"] if RAY else [])]
    command = [
        sys.executable,
        "-m",
        "tests.helpers.compress_pools_drive",
        folders,
        out,
        *ways,
    ]
    fixed = {**os.environ, **pins(1, "native"), "PYTHONPATH": str(ROOT)}
    fixed["RAY_worker_niceness"] = "0"  # it is 15: a busy machine would starve them
    done = subprocess.run(command, cwd=ROOT, env=fixed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_spawned_processes_publish_what_forked_ones_do(published):
    """As where there is a GPU."""
    names = {f"variants/{name}.tflite" for name in VARIANTS}
    assert names <= set(published["fork"]["files"])
    assert published["spawn"]["files"] == published["fork"]["files"]


@pytest.mark.slow
@needs_ray
def test_tasks_of_ray_publish_what_local_processes_do(published):
    assert published["ray"]["files"] == published["fork"]["files"]


@pytest.mark.slow
def test_a_second_run_makes_no_finished_variant_again(published):
    last = published["ray" if RAY else "spawn"]
    assert set(last["written"]) == VARIANTS
    assert published["again"] == last


class Apart(Pool):
    """Tasks whose files are written elsewhere, as on a machine with other disks."""

    def submit(self, key, function, *args):
        """Only the answer comes back."""
        super().submit(key, dict)


def test_a_machine_with_other_folders_is_told(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "pool_of", lambda *_: Apart(1))
    settings = CompressParams()
    data, folder = Data(tmp_path, spec), tmp_path / "scratch"
    context = BuildContext({}, data, None, settings, (), 0.0, 1.0, 1, 1, True, folder)
    variant = Variant("baseline", parse_recipe("float"))
    (result,) = search.search([variant], context, settings, Inputs({}, 1))
    assert result.row.status == "failed"
    assert "baseline-float: built by a machine that does not share" in result.row.reason
