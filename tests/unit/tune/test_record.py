"""The record: on the disk at once, whole lines only, of one search only."""

from __future__ import annotations

import errno
import os

import pytest

from pipeline.core.errors import UserError
from pipeline.tune.record import Record

ABOUT = {"space": [1, 2]}
RESULT = {"status": "ok", "score": 0.5}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trials.jsonl"
    record = Record(path, ABOUT)
    for number in range(3):
        record.add(str(number), [number], {**RESULT, "score": number / 10})
    return path


def test_what_was_added_is_found_by_the_next(path):
    again = Record(path, ABOUT)
    assert [again.find(str(n), [n])["score"] for n in range(3)] == [0.0, 0.1, 0.2]
    assert again.find("3", [3]) is None


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_half_a_line_at_the_end_is_forgotten(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    again = Record(path, ABOUT)
    assert again.find("2", [2]) is None and again.find("1", [1])
    again.add("2", [2], RESULT)
    assert Record(path, ABOUT).find("2", [2]) == RESULT


def test_another_search_is_refused(path):
    with pytest.raises(UserError, match="another search.*remove it"):
        Record(path, {"space": [1, 3]})


def test_another_request_is_refused(path):
    with pytest.raises(UserError, match="trial 1 was recorded with other values"):
        Record(path, ABOUT).find("1", [99])


def test_a_damaged_line_is_refused(path):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], b"{rubbish", *lines[2:]]) + b"\n")
    with pytest.raises(UserError, match="trials.jsonl: damaged"):
        Record(path, ABOUT)


@pytest.mark.parametrize("line", [b"3", b"[" * 100_000, b"{}", b'{"key": "1"}'])
def test_a_line_of_another_shape_is_refused(path, line):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], line, *lines[2:]]) + b"\n")
    with pytest.raises(UserError, match="trials.jsonl: damaged .*remove it"):
        Record(path, ABOUT)


def test_a_changed_digit_of_a_result_is_refused(path):
    """Before, the search continued with the other number."""
    text = path.read_text()
    digits = [i for i, letter in enumerate(text) if letter in "0123456789"]
    refused = 0
    for i in digits[:: max(1, len(digits) // 60)]:
        digit = str((int(text[i]) + 1) % 10)
        path.write_text(text[:i] + digit + text[i + 1 :])
        with pytest.raises(UserError, match="damaged|another search"):
            Record(path, ABOUT)
        refused += 1
    print(f"{refused} changed digits refused")


def test_a_full_disk_loses_nothing_of_what_was_there(path, monkeypatch):
    record, write = Record(path, ABOUT), os.write
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:9]))
    with pytest.raises(OSError, match="no space") as raised:
        record.add("3", [3], RESULT)
    assert raised.value.errno == errno.ENOSPC
    assert path.read_bytes() == before


LATE = {"status": "failed", "reason": "took longer than 2 minutes", "exceeded": 2.0}


@pytest.fixture
def late(path):
    """A record whose trial 3 exceeded two minutes, with a finalist after it."""
    record = Record(path, ABOUT)
    record.add("3", [3], LATE)
    record.add("0/1", [0, 1], RESULT)
    return path


@pytest.mark.parametrize("minutes", [2.5, None])
def test_a_raised_limit_forgets_the_late_trial_and_what_follows(late, minutes):
    record = Record(late, ABOUT, minutes)
    assert record.find("2", [2]) and record.last == 2
    assert record.find("3", [3]) is None and record.find("0/1", [0, 1]) is None
    record.add("3", [33], RESULT)  # what follows may be proposed otherwise now
    assert Record(late, ABOUT, minutes).find("3", [33]) == RESULT
    assert record.exceeded == {}


@pytest.mark.parametrize("minutes", [2.0, 0.1])
def test_a_limit_that_is_not_raised_keeps_the_failure(late, minutes):
    record = Record(late, ABOUT, minutes)
    assert record.find("3", [3]) == LATE and record.find("0/1", [0, 1])
    assert record.exceeded == {"trial": 2.0}
