"""Fault injection on the real chain: kills in every stage, a full disk, two runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from pipeline.core.errors import Busy
from pipeline.engine.lock import experiment_lock
from pipeline.experiment.stages import STAGES
from tests.helpers.project import ROOT

FROM_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")


def outputs(project) -> dict[str, dict[str, str]]:
    """Stage -> file -> hash, of what is published."""
    paths = {name: project.small / name / "stage.json" for name in STAGES}
    return {
        name: json.loads(path.read_text())["outputs"]
        for name, path in paths.items()
        if path.exists()
    }


@pytest.fixture
def checkout(project):
    """The project with a Makefile, whose Python is this one."""
    for name in ("Makefile", "setup.cfg", "constraints.txt", "pyproject.toml"):
        shutil.copyfile(ROOT / name, project.folder / name)
    (project.folder / "pipeline").symlink_to(ROOT / "pipeline")
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / ".ready").touch()
    return project


def make(project, *arguments: str) -> subprocess.Popen:
    """`make -j2` on the small experiment, in a process group of its own."""
    call = ["make", "-j2", "-o", ".venv/.ready", f"venv_python={sys.executable}"]
    kept = {k: v for k, v in project.environment().items() if k not in FROM_MAKE}
    return subprocess.Popen(
        [*call, "EXP=small", *arguments],
        cwd=project.folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_in(project, stage: str, seconds: float) -> None:
    """Start make, and kill -9 all of it in the middle of `stage`."""
    process = make(project, "all")
    end = time.monotonic() + 900
    partial = project.small / f".{stage}.partial"
    while not partial.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert partial.exists() and not (project.small / stage).exists()
    wait_for_workers(project)


def wait_for_workers(project, seconds: float = 600) -> None:
    """Until the last worker of a killed run has let go of the lock."""
    end = time.monotonic() + seconds
    while True:
        try:
            with experiment_lock(project.small):
                return
        except Busy:
            assert time.monotonic() < end


@pytest.mark.slow
def test_killed_in_every_stage_and_continued_by_make_j2_it_is_the_same_bytes(
    checkout, finished
):
    draws, expected = random.Random(9), outputs(finished[0])
    for stage in STAGES:
        kill_in(checkout, stage, draws.uniform(0.0, 1.2))
        found = outputs(checkout)
        assert found == {name: expected[name] for name in found}, stage
    process = make(checkout, "all")
    out, _ = process.communicate(timeout=1800)
    assert process.returncode == 0, out
    assert outputs(checkout) == expected
    assert not list(checkout.small.glob(".*.partial"))
    assert make(checkout, "lock").wait(60) == 0
    assert make(checkout, "verify").wait(60) == 0


@pytest.fixture
def tight(copied):
    """A finished experiment on a file system that has 300 kB left."""
    aside = copied.folder / "aside"
    copied.small.rename(aside)
    used = sum(p.stat().st_size + 4096 for p in aside.rglob("*")) // 1024
    copied.small.mkdir()
    option = f"size={used + 300}k"
    mount = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(copied.small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    shutil.copytree(aside, copied.small, dirs_exist_ok=True)
    yield copied
    subprocess.run(["umount", "-l", str(copied.small)], check=True)


def test_a_disk_that_is_full_when_the_model_is_saved(tight):
    before = outputs(tight)
    answer = tight.run("run", "train", "--set", "train.epochs=2")
    assert answer.code == 2, answer.out + answer.err
    assert "no space is left on the device" in answer.err
    assert "Traceback" not in answer.err
    assert outputs(tight) == before
    status = tight.run("status")
    assert all(text.startswith("cached") for text in status.lines.values())


def test_two_runs_of_one_experiment_at_once(copied):
    before = outputs(copied)
    shutil.rmtree(copied.small / "augment")
    both = [copied.start("run", "augment", "--exp", "small") for _ in range(2)]
    ends = [process.communicate(timeout=900) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 5], [0, 0]), ends  # [0, 0]: one began when the other had ended
    assert codes == [0, 0] or any("is running this experiment" in e for _, e in ends)
    assert outputs(copied) == before


@pytest.mark.parametrize("name", ["data/train_x.npy", "data/spec.json", "augment"])
def test_a_removed_input_is_made_again(copied, name):
    before = outputs(copied)
    path = copied.small / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    answer = copied.run("run", "augment")
    assert answer.code == 0, answer.err
    assert outputs(copied) == before


def test_a_read_only_experiment_is_named(copied):
    before = outputs(copied)
    bind = ["mount", "--bind", str(copied.small), str(copied.small)]
    if subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("a read-only mount needs root")
    try:
        remount = ["mount", "-o", "remount,ro,bind", str(copied.small)]
        subprocess.run(remount, check=True)
        for words in (["run", "--set", "seed=9"], ["lock"], ["clean"]):
            answer = copied.run(*words)
            assert answer.code == 2 and "read-only" in answer.err, answer.err
            assert "Traceback" not in answer.err
        assert copied.run("status").code == 0
    finally:
        subprocess.run(["umount", "-l", str(copied.small)], check=True)
    assert outputs(copied) == before
