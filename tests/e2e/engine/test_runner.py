"""Successful runs, and runs that fail, crash or are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import replace

import pytest

from pipeline.core.errors import Busy, StageFailed, UserError
from pipeline.core.hashing import hash_file
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import plan
from pipeline.engine.run_record import read_run, write_run
from pipeline.engine.runner import Runner
from pipeline.engine.terminal import Terminal
from tests.helpers.waiting import wait_until


def test_a_stage_is_published_with_its_common_files(toy):
    toy.run()
    names = sorted(path.name for path in (toy.folder / "one").iterdir())
    common = ["log.txt", "metrics.json", "params.json", "run.json", "stage.json"]
    assert names == sorted([*common, "text.txt"])
    assert toy.read("one", "log.txt") == "a library says something\n"
    assert json.loads(toy.read("one", "params.json")) == {
        "text": "hello",
        "trouble": "",
    }
    assert json.loads(toy.read("one", "run.json"))["volatile"]["speed"] > 0
    assert not [path for path in toy.folder.iterdir() if path.name.endswith(".partial")]


def test_two_runs_in_two_places_have_equal_records(toy, tmp_path):
    toy.run()
    first = toy.read("two", "stage.json")
    shutil.rmtree(toy.folder / "one")
    shutil.rmtree(toy.folder / "two")
    toy.run()
    assert toy.read("two", "stage.json") == first


def test_force_runs_a_cached_stage(toy):
    toy.run()
    printed = toy.run(force=True)
    assert "one       cached" in printed
    assert "two       stale    --force" in printed


HOSTILE = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_DYNAMIC": "true",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2",
    "MPLBACKEND": "pdf",
}


def test_only_the_pins_reach_the_stage_of_all_that_change_kernels(toy, monkeypatch):
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    path = toy.root / "toy" / "helper.py"
    path.write_text(
        "import os\nPINS = [f'{k}={v}' for k, v in os.environ.items()]\n"
        "def shout(text):\n    return '\\n'.join(PINS)\n"
    )
    toy.run("one")
    lines = toy.read("one").splitlines()
    assert "TF_NUM_INTRAOP_THREADS=1" in lines
    assert "TF_DETERMINISTIC_OPS=1" in lines
    assert not {f"{name}={value}" for name, value in HOSTILE.items()} & set(lines)


@pytest.mark.parametrize("where", ["working directory", "environment", "home"])
def test_the_style_of_a_picture_does_not_depend_on_the_users_settings(
    toy, monkeypatch, tmp_path, where
):
    path = toy.root / "toy" / "helper.py"
    path.write_text(
        "from matplotlib import rcParams\n"
        "def shout(text):\n    return str(rcParams['axes.facecolor'])\n"
    )
    config = tmp_path / ".config" / "matplotlib"
    config.mkdir(parents=True)
    (config / "matplotlibrc").write_text("axes.facecolor: red\n")
    if where == "working directory":
        monkeypatch.chdir(config)
    elif where == "environment":
        monkeypatch.setenv("MATPLOTLIBRC", str(config / "matplotlibrc"))
    else:
        monkeypatch.setenv("MPLCONFIGDIR", str(config))
    toy.run("one")
    assert toy.read("one") == "white"


FAILURES = [
    ("user", UserError, 2, ["one: one.text: received nonsense; give it sense"]),
    ("failed", StageFailed, 1, ["one: the loss became nan\nN", ".one.failed.log"]),
    ("surprise", StageFailed, 1, ["KeyError: 'surprise'", ".one.failed.log"]),
    ("kill", StageFailed, 1, ["ended by SIGKILL", "out of memory"]),
]


@pytest.mark.parametrize(("trouble", "kind", "code", "parts"), FAILURES)
def test_a_failed_stage_leaves_the_published_one(toy, trouble, kind, code, parts):
    toy.run()
    before = toy.read("one", "stage.json")
    toy.one["trouble"] = trouble
    with pytest.raises(kind) as caught:
        toy.run()
    assert caught.value.exit_code == code
    for part in parts:
        assert part in str(caught.value)
    assert toy.read("one", "stage.json") == before
    assert not (toy.folder / ".one.partial").exists()
    toy.one["trouble"] = ""
    assert all(decision.cached for decision in toy.plan().values())


def test_the_log_of_a_failure_is_kept_until_the_stage_succeeds(toy):
    toy.one["trouble"] = "surprise"
    with pytest.raises(StageFailed):
        toy.run()
    log = toy.folder / ".one.failed.log"
    assert "Traceback" in log.read_text()
    toy.one["trouble"] = ""
    toy.run()
    assert not log.exists()


def test_kill_9_during_a_stage_loses_nothing(toy):
    toy.run()
    before = toy.read("one", "stage.json")
    toy.one["trouble"] = "sleep"
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    process.kill()
    process.communicate()
    assert toy.read("one", "stage.json") == before
    toy.one["trouble"] = ""
    toy.run()
    assert toy.read() == "HELLOHELLO"
    assert not (toy.folder / ".one.partial").exists()


def test_kill_9_ends_the_process_of_the_stage(toy):
    toy.one["trouble"] = "sleep"
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    child = int((toy.folder / "pid").read_text())
    assert is_alive(child)
    process.kill()
    process.communicate()
    wait_until(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """True for a running process, False for one that has ended, collected or not."""
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    result = subprocess.run(ps, capture_output=True, text=True, check=False)
    state = result.stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_a_run_after_kill_9_waits_for_the_end_of_the_first(toy):
    toy.one["trouble"] = "sleep"
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    process.kill()
    process.communicate()
    child = int((toy.folder / "pid").read_text())
    toy.one["trouble"] = ""
    toy.run()
    assert not is_alive(child)
    assert toy.read() == "HELLOHELLO"


def test_code_edited_during_a_run_prevents_publication(toy):
    toy.one["trouble"] = "edit"
    with pytest.raises(StageFailed, match="toy.helper was edited while the stage ran"):
        toy.run()
    assert not (toy.folder / "one").exists()


def test_a_source_that_changed_during_a_run_prevents_publication(toy):
    toy.one["trouble"] = "source"
    source = toy.folder / "input.csv"
    source.write_text("rows")
    one, two = toy.job.chain
    one = replace(one, sources=lambda params: {"csv:input.csv": hash_file(source)})
    runner = Runner(replace(toy.job, chain=(one, two)), toy.code(), Terminal())
    with pytest.raises(StageFailed, match="csv:input.csv changed while the stage ran"):
        runner.bring_up_to_date(("one",))
    assert not (toy.folder / "one").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_removes_unfinished_folders(toy, number):
    toy.one["trouble"] = "sleep"
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the signal is ignored here, as under nohup")
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert not (toy.folder / "one").exists()
    assert not (toy.folder / ".one.partial").exists()
    assert not (toy.folder / ".scratch").exists()


def test_temporary_files_of_a_killed_run_are_removed_by_the_next(toy, monkeypatch):
    system = toy.root / "system"
    system.mkdir()
    monkeypatch.setenv("TMPDIR", str(system))
    monkeypatch.setattr("tempfile.tempdir", str(system))
    toy.one["trouble"] = "sleep"
    process = toy.start()
    wait_until((toy.folder / "asleep").exists)
    process.kill()
    process.communicate(timeout=20)
    assert list(system.iterdir()) or list(toy.folder.glob(".scratch/tmp-*"))
    toy.one.pop("trouble")
    toy.run()
    assert list(system.iterdir()) == []
    assert not (toy.folder / ".scratch").exists()


def test_a_second_run_of_the_same_experiment_is_refused(toy):
    running = pytest.raises(Busy, match=f"process {os.getpid()} is running")
    with experiment_lock(toy.folder), running:
        toy.run()
    toy.run()


def test_a_full_disk_is_reported_and_loses_nothing(toy):
    toy.run()
    before = toy.read("one", "stage.json")
    small = toy.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        toy.one["trouble"] = "full"
        with pytest.raises(UserError, match="no space is left on the device"):
            toy.run()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert toy.read("one", "stage.json") == before


def test_a_file_in_the_place_of_the_folder_is_an_error(toy):
    shutil.rmtree(toy.folder)
    toy.folder.write_text("a file")
    with pytest.raises(NotADirectoryError):
        toy.run()


def test_a_crash_between_the_two_renames_is_repaired(toy):
    toy.run()
    (toy.folder / "two").rename(toy.folder / ".two.old")
    assert "two       cached" in toy.run()


def test_progress_in_a_pipe_is_plain_lines(toy):
    printed = toy.run()
    assert "\r" not in printed and "\x1b" not in printed
    assert "one       new      not run yet" in printed


def test_a_stage_beyond_its_limit_fails_and_keeps_its_work(toy):
    toy.one["trouble"] = "sleep"
    scratch = toy.folder / ".scratch"
    job = replace(toy.job, minutes={"stage": 1 / 60})
    with pytest.raises(
        StageFailed, match="took longer than 0.0166667 minutes"
    ) as error:
        Runner(job, toy.code(), Terminal()).bring_up_to_date(("one",))
    assert "(limits.minutes.stage); it was at: " in str(error.value)
    assert "raise the limit, and the same command resumes it" in str(error.value)
    assert not (toy.folder / "one").exists() and not list(scratch.glob("tmp-*"))
    unlimited = (replace(job.chain[0], limited=False), job.chain[1])
    toy.one["trouble"] = ""
    job = replace(toy.job, chain=unlimited, minutes={"stage": 1e-9})
    Runner(job, toy.code(), Terminal()).bring_up_to_date(("one",))
    assert toy.read("one") == "HELLO"


def test_a_raised_limit_makes_a_stage_stale_whose_work_exceeded_it(toy):
    toy.run()
    folder, stage = toy.folder / "one", toy.job.chain[0]
    facts = {name: fact for name, fact in read_run(folder).items() if name != "digest"}
    write_run(folder, stage, {**facts, "volatile": {"exceeded": {"trial": 2.0}}})

    def decision(limit: float | None) -> tuple[str, str]:
        job = replace(toy.job, minutes={"trial": limit})
        first = plan(job, job.chain[:1], toy.code())[0]
        return first.state, first.reason

    assert [decision(limit)[0] for limit in (1.0, 2.0)] == ["cached", "cached"]
    assert decision(3.0) == ("stale", "limits.minutes.trial 2 -> 3")
    assert decision(None) == ("stale", "limits.minutes.trial 2 -> null")
