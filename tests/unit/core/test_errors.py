"""Suggestions for misspelt names; exit codes; translated disk errors."""

from __future__ import annotations

import errno

import pytest

from pipeline.core.errors import (
    Busy,
    StageFailed,
    UserError,
    did_you_mean,
    error_with_code,
    from_os_error,
)


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
