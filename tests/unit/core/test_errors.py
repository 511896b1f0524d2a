"""Suggestions for misspelt names; exit codes; translated disk errors."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from pipeline.core.errors import (
    Busy,
    StageFailed,
    UserError,
    did_you_mean,
    error_with_code,
    from_os_error,
    naming,
)
from tests.helpers.project import ROOT


@pytest.mark.parametrize(
    ("word", "allowed", "near"),
    [
        ("epoch", ["epochs", "ema"], "epochs"),
        ("flpi", ["flip", "pad"], "flip"),
        ("cmn", ["cnn", "mlp"], "cnn"),
        ("CNN", ["cnn", "rnn"], "cnn"),
        ("Label", ["width", "LABEL"], "LABEL"),
        ("depth", ["width"], None),
        ("trial", ["train"], None),
        ("negative", ["positive"], None),
        ("a", ["ab"], None),
        ("cat", ["dog", "eel"], None),
    ],
)
def test_only_a_misspelt_name_has_a_suggestion(word, allowed, near):
    assert did_you_mean(word, allowed) == (f'; did you mean "{near}"?' if near else "")


@pytest.mark.parametrize(
    ("kind", "code"), [(UserError, 2), (StageFailed, 1), (Busy, 5)]
)
def test_an_error_of_another_process_keeps_its_class(kind, code):
    assert kind.exit_code == code
    error = error_with_code("train: the loss became nan", code)
    assert type(error) is kind and str(error) == "train: the loss became nan"


def test_an_unknown_code_is_a_failure():
    assert type(error_with_code("x", 77)) is StageFailed


def test_a_wrapped_disk_error_is_recognized_by_its_text():
    wrapped = OSError("cannot write (error message = 'No space left on device')")
    assert "no space is left" in str(from_os_error(wrapped))
    assert "a.npy: permission" in str(
        from_os_error(PermissionError(errno.EACCES, "x", "a.npy"))
    )
    assert from_os_error(FileNotFoundError(errno.ENOENT, "x")) is None


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EROFS]
)
def test_an_error_without_a_name_is_that_of_the_file_being_written(tmp_path, code):
    path = tmp_path / "a.npy"
    with pytest.raises(OSError) as caught, naming(path):  # noqa: PT011
        raise OSError(code, os.strerror(code))
    assert str(from_os_error(caught.value)).startswith(f"{path}: ")


def test_a_name_that_is_known_is_kept_unless_it_is_relative_to_a_handle(tmp_path):
    for always, place in ((False, "other"), (True, str(tmp_path))):
        with pytest.raises(OSError) as caught, naming(tmp_path, always):  # noqa: PT011
            raise OSError(errno.EIO, "x", "other")
        assert caught.value.filename == place


WRITER = """
import errno, os
from pathlib import Path
from pipeline.core.errors import from_os_error, watch_written_files
watch_written_files()
Path("first.txt").write_text("a")
Path("first.txt").read_text()
with open("last.bin", "wb") as file:
    open("first.txt").close()
    print(from_os_error(OSError(errno.ENOSPC, "no space left on device")))
"""


def test_a_library_that_names_no_file_is_helped_out(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WRITER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("last.bin: no space is left on the device")
