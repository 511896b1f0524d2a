"""Temporary folders lie in `.scratch`, and the next run sweeps those of killed ones."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipeline.core.errors import UserError
from pipeline.engine import temporary
from pipeline.engine.temporary import sweep, temporary_folder
from tests.helpers.project import ROOT

HOLD = """
import os, signal, sys
from pathlib import Path
from pipeline.engine.temporary import temporary_folder
with temporary_folder(Path(sys.argv[1]), short=len(sys.argv) > 2) as path:
    (path / "a").mkdir()
    (path / "a" / "big.bin").write_bytes(bytes(1000))
    print(path, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def holder(folder, *options):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def test_it_is_removed_at_the_end_and_after_an_error(tmp_path):
    with temporary_folder(tmp_path) as path:
        assert path.parent == tmp_path / ".scratch"
        (path / "file").touch()
    with pytest.raises(KeyError), temporary_folder(tmp_path):
        raise KeyError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("options", [(), ("short",)])
def test_a_killed_process_leaves_one_that_the_next_run_sweeps(
    tmp_path, monkeypatch, options
):
    system = tmp_path / "system"
    system.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(system))
    monkeypatch.setenv("TMPDIR", str(system))
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    process, path = holder(folder, *options)
    assert ("/system/" in path) == bool(options)
    sweep(folder)
    assert os.path.exists(path)  # a living process holds it
    process.communicate("")
    assert os.path.exists(path)
    sweep(folder)
    assert os.listdir(folder) == [] and os.listdir(system) == []


def test_the_system_folder_of_another_user_or_a_link_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    (tmp_path / "outside").mkdir()
    temporary._place(folder).symlink_to(tmp_path / "outside")
    with pytest.raises(PermissionError), temporary_folder(folder, short=True):
        pass
    sweep(folder)
    assert os.listdir(tmp_path / "outside") == []


def test_a_link_in_the_place_of_scratch_is_refused(tmp_path):
    (tmp_path / "outside" / "tmp-01234567").mkdir(parents=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".scratch").symlink_to(tmp_path / "outside")
    for call in (sweep, lambda folder: temporary_folder(folder).__enter__()):
        with pytest.raises(UserError, match="is a symbolic link"):
            call(folder)
    assert os.listdir(tmp_path / "outside") == ["tmp-01234567"]
