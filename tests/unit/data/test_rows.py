"""Files read by position give what numpy would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.data.rows import ConcatenatedRows, Rows, RowWriter, chunks

VALUES = np.arange(50 * 6, dtype=np.int32).reshape(50, 3, 2)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "x.npy"
    with RowWriter(path, (3, 2), "int32") as writer:
        for part in np.array_split(VALUES, 7):
            writer.append(part)
    return path


def test_what_is_written_in_pieces_is_a_plain_npy_file(stored):
    assert np.array_equal(np.load(stored), VALUES)


def test_it_is_the_same_file_as_numpys_own(stored, tmp_path):
    np.save(tmp_path / "own.npy", VALUES)
    assert np.array_equal(np.load(tmp_path / "own.npy"), Rows(stored)[:])


@given(at=st.lists(st.integers(0, 49), max_size=60))
def test_any_positions_in_any_order(stored, at):
    at = np.array(at, np.int64)
    assert np.array_equal(Rows(stored)[at], VALUES[at])
    joined = ConcatenatedRows([VALUES[:20], Rows(stored), VALUES[:3]])
    whole = np.concatenate([VALUES[:20], VALUES, VALUES[:3]])
    assert len(joined) == 73
    assert np.array_equal(joined[at + 20], whole[at + 20])


def test_rows_in_reach_are_read_in_one_piece(stored, monkeypatch):
    """A split of a table takes many short runs, which would be a read each."""
    reads = []
    original = rows._read_into
    monkeypatch.setattr(
        rows, "_read_into", lambda *args: (reads.append(1), original(*args))
    )
    for positions in ([3, 5, 6, 9], [0, 7], [49, 3], [4, 4, 5], [0, 49]):
        reads.clear()
        positions = np.array(positions)
        assert np.array_equal(Rows(stored)[positions], VALUES[positions])
        in_reach = positions.tolist() in ([3, 5, 6, 9], [0, 7])
        assert (len(reads) == 1) == in_reach


def test_chunks_are_small_and_together_are_the_whole(stored, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK_BYTES", 100)
    parts = list(chunks(Rows(stored), np.arange(5, 40)))
    assert {len(part) for part in parts[:-1]} == {4}
    assert np.array_equal(np.concatenate(parts), VALUES[5:40])


def test_a_file_that_was_cut_short_is_an_error(stored, tmp_path):
    (tmp_path / "cut.npy").write_bytes(stored.read_bytes()[:-5])
    with pytest.raises(OSError, match="ends before its last example"):
        Rows(tmp_path / "cut.npy")[:]


def test_a_batch_of_another_shape_or_kind_is_refused(tmp_path):
    with RowWriter(tmp_path / "x.npy", (2,), "int32") as writer:
        for batch in (np.zeros((1, 3), np.int32), np.zeros((1, 2), np.int64)):
            with pytest.raises(ValueError, match=r"among \(2,\)"):
                writer.append(batch)
