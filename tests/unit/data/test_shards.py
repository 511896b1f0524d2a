"""Examples in compressed shards are what an array of them would be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import shards
from pipeline.data.rows import ConcatenatedRows
from pipeline.data.shards import ShardRows, ShardWriter, copy_records
from pipeline.data.stored import rows_writer, stored_rows

RNG = np.random.default_rng(1)
VALUES = {
    "gray": RNG.integers(0, 256, (40, 6, 5), np.uint8),
    "color": RNG.integers(0, 256, (40, 6, 5, 3), np.uint8),
    "deep": RNG.integers(0, 65_536, (40, 6, 5, 1), np.uint16),
    "clips": RNG.normal(size=(40, 30)).astype(np.float32),
}
COLOR = VALUES["color"]


def write(path, values, per_shard=7, threads=1):
    with ShardWriter(path, values.shape[1:], values.dtype, threads) as writer:
        writer.per_shard = per_shard
        for part in np.array_split(values, 3):
            writer.append(part)
    return writer.rows()


@pytest.fixture(scope="module")
def color(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shards") / "x", COLOR)


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_number_comes_back(kind, tmp_path):
    values = VALUES[kind]
    rows = write(tmp_path / "x", values)
    assert rows.shape == values.shape and rows.dtype == values.dtype
    assert rows.nbytes == values.nbytes and rows.ndim == values.ndim
    assert np.array_equal(rows[:], values) and np.array_equal(rows, values)
    assert len(list(tmp_path.glob("*.shard"))) == 6


@given(positions=st.lists(st.integers(-40, 39), max_size=60))
def test_any_positions_in_any_order(color, positions):
    positions = np.array(positions, np.int64)
    assert np.array_equal(color[positions], COLOR[positions])


def test_it_is_indexed_as_an_array(color):
    mask = np.arange(40) % 3 == 0
    for index in (5, slice(3, 30, 4), slice(None, None, -1), mask):
        assert np.array_equal(color[index], COLOR[index])
    assert all(map(np.array_equal, color, COLOR))
    with pytest.raises(IndexError):
        color[[40]]
    joined = ConcatenatedRows([COLOR[:3], color])
    assert np.array_equal(joined[np.array([2, 3, 20])], COLOR[[2, 0, 17]])


def test_shards_follow_one_another(color, tmp_path):
    other = write(tmp_path / "y", COLOR[:9])
    joined = ShardRows(*color.paths, *other.paths)
    assert np.array_equal(joined[:], np.concatenate([COLOR, COLOR[:9]]))


def test_threads_do_not_change_the_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MIN_PARALLEL", 1)
    write(tmp_path / "one", COLOR)
    write(tmp_path / "two", COLOR, threads=3)
    for number in range(6):
        content = [
            (tmp_path / f"{name}-0000{number}.shard").read_bytes()
            for name in ("one", "two")
        ]
        assert content[0] == content[1]


def test_copied_records_are_those_that_would_be_written(color, tmp_path):
    order = RNG.permutation(40)[:25]
    with ShardWriter(tmp_path / "copy", (6, 5, 3), "uint8") as writer:
        copy_records(color, order, writer)
    with ShardWriter(tmp_path / "new", (6, 5, 3), "uint8") as other:
        other.append(COLOR[order])
    copied, new = (tmp_path / f"{n}-00000.shard" for n in ("copy", "new"))
    assert copied.read_bytes() == new.read_bytes()


def test_a_damaged_shard_is_an_error(tmp_path):
    write(tmp_path / "x", COLOR)
    file = tmp_path / "x-00001.shard"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ValueError, match="x-00001"):
        ShardRows(tmp_path / "x")


def test_another_shape_is_refused(tmp_path):
    with ShardWriter(tmp_path / "x", (6, 5, 3), "uint8") as writer:
        for batch in (COLOR[:, :5], COLOR.astype(np.int16)):
            with pytest.raises(ValueError, match="among"):
                writer.append(batch)


def test_an_empty_split_has_a_shape(tmp_path):
    with ShardWriter(tmp_path / "test_x", (6, 5, 3), "uint8"):
        pass
    rows = stored_rows(tmp_path, "test")
    assert rows.shape == (0, 6, 5, 3) and rows[:].shape == (0, 6, 5, 3)


def test_rows_of_a_table_stay_an_array(tmp_path):
    with rows_writer(tmp_path / "train_x", (30,), "float32", compressed=True) as writer:
        writer.append(VALUES["clips"])
    assert np.array_equal(np.load(tmp_path / "train_x.npy"), VALUES["clips"])
