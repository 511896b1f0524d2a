"""Every system call that writes fails: published results stay whole.

All calls of a small stage, from its lock to its publication, with each of the errors of
a full disk, a broken disk, a forbidden folder and an interrupted call; and with all
later calls too, as on a disk that stays full. The message names the file.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.helpers.cases import slow
from tests.helpers.project import ROOT

DAILY = [errno.ENOSPC, f"{errno.ENOSPC}+"]  # `+`: of all later calls too
OTHERS = [errno.EIO, errno.EACCES, errno.EINTR]
COMPILER = shutil.which("cc")
TEXTS = {"OLD", "NEW"}  # the published results before and after


@pytest.fixture
def cases(toy, tmp_path, request):
    """The outcome of every case."""
    library, control = tmp_path / "faults.so", tmp_path / "control"
    source = ROOT / "tests" / "helpers" / "faults.c"
    flags = ["-shared", "-fPIC", "-O1", "-w"]
    command = [COMPILER, *flags, str(source), "-o", str(library), "-ldl"]
    subprocess.run(command, check=True)
    control.write_bytes(bytes(1 << 13))
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.faults_drive", str(tmp_path)]
        + [str(code) for code in request.param],
        cwd=ROOT,
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAULT_ROOT": str(toy.folder),
            "FAULT_CONTROL": str(control),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("cases", [DAILY, slow(OTHERS)], indirect=True, ids=str)
@pytest.mark.skipif(not COMPILER or sys.platform != "linux", reason="needs cc, Linux")
def test_published_results_stay_whole_and_the_message_names_the_file(cases):
    failed = [case for case in cases if case["error"]]
    calls = Counter(case["call"] for case in cases)
    print(f"{len(cases)} failing calls, {len(failed)} failed runs: {dict(calls)}")
    assert len(cases) > 60 and len(failed) > 40
    assert {"write", "fsync", "mkdirat", "renameat", "openat"} <= set(calls)
    for case in cases:
        assert case["state"] in TEXTS, case
        assert case["error"] or case["state"] == "NEW", case
        assert case.get("again", "NEW") == "NEW", case
    for case in failed:
        assert "unexpected" not in case, case
        # Where all later calls fail too, it is one of theirs that ends the run.
        lasting = case["error_number"].endswith("+")
        place = case["path"].partition("/experiments/")[0] if lasting else case["path"]
        assert place in case["error"], case
        assert "published results are unchanged" in case["error"], case
