"""Fault injection into the toy chain: no wrong result, and no lost artifact.

Every test counts its cases; `pytest -s` shows the totals.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.errors import Busy, UserError
from pipeline.engine.publish import publish
from pipeline.engine.stage_record import read_record
from tests.helpers.cases import chosen
from tests.helpers.waiting import wait_until

CASES: Counter[str] = Counter()
KILLS = 30
RIGHT = "HELLOHELLO"


def hashes(toy, stages=("one", "two")) -> dict[str, dict[str, str]]:
    """Stage -> hashes of its published files, from a verified record."""
    return {
        name: read_record(toy.folder / name)["outputs"]
        for name in stages
        if (toy.folder / name).exists()
    }


def check_complete(toy) -> None:
    """Check that published stages are complete."""
    for name in ("one", "two"):
        folder = toy.folder / name
        if folder.exists():
            record = read_record(folder)
            assert set(record["outputs"]) <= {p.name for p in folder.iterdir()}
            assert "half" not in (folder / "text.txt").read_text()


def kill_later(toy, seconds: float) -> bool:
    """Start a run and kill it; True when it was still running."""
    process = toy.start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


@pytest.fixture(scope="module", autouse=True)
def count_of_cases() -> Iterator[None]:
    """Print the number of cases after the last one; seen with `pytest -s`."""
    yield
    print(f"\nfault injection: {sum(CASES.values())} cases, {dict(CASES)}")


@pytest.fixture(scope="module")
def durations() -> dict[str, float]:
    return {}


@pytest.mark.parametrize("number", chosen(range(KILLS), 5))
def test_kill_9_at_a_random_moment_and_continue(toy, number, durations):
    """The moments are drawn from a seed, over the duration of a whole run."""
    toy.run()
    before = hashes(toy)
    if "run" not in durations:
        shutil.rmtree(toy.folder / "one"), shutil.rmtree(toy.folder / "two")
        begin = time.monotonic()
        assert toy.start().wait(60) == 0
        durations["run"] = time.monotonic() - begin
    moment = random.Random(number).uniform(0, durations["run"])
    for attempt in range(20):
        if number % 2:  # from scratch; else over a published result
            shutil.rmtree(toy.folder / "one"), shutil.rmtree(toy.folder / "two")
        else:
            toy.one["text"] = f"another {attempt}"
        if kill_later(toy, moment):
            break
        moment /= 2  # the run was faster than the one that was measured
    else:
        pytest.fail("no kill met a running process")
    time.sleep(0.05)
    check_complete(toy)
    if not number % 2:
        assert (toy.folder / "one").exists() or (toy.folder / ".one.old").exists()
    toy.one.pop("text", None)
    toy.run()
    assert hashes(toy) == before and toy.read() == RIGHT
    assert not [
        p for p in toy.folder.iterdir() if p.name.endswith((".partial", ".old"))
    ]
    CASES["kill -9 at a random moment"] += 1


@pytest.mark.parametrize("step", range(8))
def test_a_crash_at_every_step_of_publishing(toy, step, monkeypatch):
    """The process ends instead of its n-th call that changes the disk."""
    toy.run()
    before = hashes(toy)
    (toy.folder / ".one.partial").mkdir()
    shutil.copytree(toy.folder / "one", toy.folder / ".one.partial", dirs_exist_ok=True)
    (toy.folder / ".one.partial" / "text.txt").write_text("OTHER")
    calls = iter(range(100))

    def failing(real):
        def call(*args, **kwargs):
            if next(calls) >= step:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return call

    for owner, name in [(os, "rename"), (os, "fsync"), (shutil, "rmtree")]:
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    with contextlib.suppress(KeyboardInterrupt):
        publish(toy.folder / ".one.partial", toy.folder, "one")
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", f"{toy.root}{os.pathsep}{os.getcwd()}")
    monkeypatch.syspath_prepend(str(toy.root))
    toy.run()
    assert hashes(toy) == before and toy.read() == RIGHT
    CASES["crash at a step of publishing"] += 1


@contextlib.contextmanager
def small_disk(folder: Path, size: str):
    """Mount a small file system over the folder."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free", chosen([0, 1, 2, 3, 4, 6, 8, 12], (0, 4, 12)))
def test_a_disk_that_fills_up_at_every_step(toy, free):
    """A file system with room for `free` pages more than the published run."""
    with small_disk(toy.folder, "256k"):
        toy.run()
        before = hashes(toy)
        toy.one["text"] = "x" * 3000
        filler = toy.folder / "filler"
        fill(filler, free)
        refusal = None
        try:
            toy.run()
        except UserError as error:
            refusal = str(error)
        if refusal is not None:
            assert "no space is left on the device" in refusal
            check_complete(toy)
            assert hashes(toy)["one"] == before["one"] or toy.read("one") == "X" * 3000
        else:
            assert toy.read() == "X" * 6000
        filler.unlink()
        toy.run()
        assert toy.read() == "X" * 6000
    CASES["disk full"] += 1


def fill(path: Path, free: int) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    size = max(0, path.stat().st_size - 4096 * free)
    os.truncate(path, size)


@pytest.mark.parametrize("stage", ["one", "two"])
def test_a_read_only_file_system(toy, stage):
    toy.run()
    before = hashes(toy)
    toy.one["text"] = "another"
    bind = ["mount", "--bind", str(toy.folder), str(toy.folder)]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("a read-only mount needs root")
    try:
        remount = ["mount", "-o", "remount,ro,bind", str(toy.folder)]
        subprocess.run(remount, check=True)
        with pytest.raises((UserError, OSError), match="[Rr]ead-only"):
            toy.run(stage)
        assert hashes(toy) == before
    finally:
        subprocess.run(["umount", "-l", str(toy.folder)], check=True)
    toy.run()
    assert toy.read() == "ANOTHERANOTHER"
    CASES["read-only folder"] += 1


REMOVED = ["text.txt", "metrics.json", "stage.json", "params.json", "run.json", ""]


@pytest.mark.parametrize("name", REMOVED)
def test_a_removed_input(toy, name):
    toy.run()
    before = hashes(toy)
    path = toy.folder / "one" / name
    path.unlink() if name else shutil.rmtree(path)
    toy.run()
    assert hashes(toy) == before and toy.read() == RIGHT
    CASES["removed input"] += 1


FLIPPED = ["text.txt", "metrics.json", "stage.json"]


@pytest.mark.parametrize("name", chosen(FLIPPED, 1))
@pytest.mark.parametrize("stage", ["one", "two"])
@pytest.mark.parametrize("fraction", chosen([0.0, 0.3, 0.6, 0.99], (0.3, 0.99)))
def test_a_flipped_byte(toy, stage, name, fraction):
    toy.run()
    before = hashes(toy)
    path = toy.folder / stage / name
    content = bytearray(path.read_bytes())
    content[int(fraction * len(content))] ^= 1
    path.write_bytes(content)
    toy.run()
    assert hashes(toy) == before and toy.read() == RIGHT
    CASES["flipped byte"] += 1


def test_an_input_removed_while_its_reader_runs(toy):
    path = toy.root / "toy" / "two" / "stage.py"
    text = path.read_text()
    path.write_text(
        text.replace(
            '    text = (inputs["one"]',
            '    (inputs["one"] / "text.txt").unlink()\n    text = (inputs["one"]',
        )
    )
    with pytest.raises(UserError, match="two failed: FileNotFoundError"):
        toy.run()
    assert not (toy.folder / "two").exists()
    path.write_text(text)
    toy.run()
    assert toy.read() == RIGHT
    CASES["removed input"] += 1


@pytest.mark.parametrize("number", range(3))
def test_two_runs_at_once_one_is_refused_and_the_result_is_right(toy, number):
    processes = [toy.start() for _ in range(2)]
    ends = [
        (process.communicate(timeout=300)[1], process.returncode)
        for process in processes
    ]
    assert 0 in [code for _, code in ends]
    for message, code in ends:
        assert code == 0 or "is running this experiment" in message
    assert toy.read() == RIGHT
    CASES["two runs at once"] += 1


def test_two_runs_one_in_the_middle_of_a_stage(toy):
    toy.one["trouble"] = "sleep"
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    with pytest.raises(Busy):
        toy.run()
    process.kill()
    process.communicate()
    CASES["two runs at once"] += 1


YEAR = 365 * 24 * 3600


@pytest.mark.parametrize("years", chosen([-40, -1, 1, 60], 2))
def test_files_from_another_time(toy, years):
    """A wrong clock leaves files of the future, or very old ones."""
    toy.run()
    before = hashes(toy)
    for path in [toy.folder, toy.root / "toy", *toy.root.rglob("*")]:
        when = time.time() + years * YEAR
        os.utime(path, (when, when))
    assert all(decision.cached for decision in toy.plan().values())
    helper = toy.root / "toy" / "helper.py"
    stat = helper.stat()
    helper.write_text(helper.read_text().replace("upper", "lower"))
    os.utime(helper, (stat.st_atime, stat.st_mtime))
    assert toy.plan()["one"].reason == "toy.helper changed"
    toy.run()
    assert toy.read() == "hellohello" and hashes(toy) != before
    CASES["clock set back"] += 1


def test_the_clock_in_the_stage_is_set_back_between_two_runs(toy):
    """The clock of the stage influences run.json only."""
    toy.run()
    before = hashes(toy)
    (toy.root / "sitecustomize.py").write_text(
        "import time\nreal = time.time\ntime.time = lambda: real() - 10**9\n"
    )
    shutil.rmtree(toy.folder / "one")
    shutil.rmtree(toy.folder / "two")
    assert toy.start().wait(60) == 0
    assert json.loads(toy.read("one", "run.json"))["started"] < "2010"
    assert hashes(toy) == before
    CASES["clock set back"] += 1
