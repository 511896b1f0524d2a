"""Arrays in .npz and .npy files: every usual layout, and what is refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.array_files import read_npy

RNG = np.random.default_rng(1)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = np.arange(60) % 3
IMAGES = RNG.integers(0, 256, (60, 3, 8, 8), np.uint8)


def save(tmp_path, **arrays):
    """An .npz file, as the name of a source."""
    np.savez(tmp_path / "a.npz", **arrays)
    return f"npz:{tmp_path}/a.npz"


def test_fortran_order_is_read_row_by_row(read, tmp_path):
    x = np.asfortranarray(X)
    assert np.array_equal(read(source=save(tmp_path, x=x, y=Y)).examples.x[:], X)


@pytest.mark.parametrize(
    "y", [Y[:, None], np.eye(3)[Y], np.eye(3, dtype=bool)[Y], Y.astype("S1")]
)
def test_labels_of_every_shape(read, tmp_path, y):
    examples = read(source=save(tmp_path, x=X, y=y)).examples
    assert examples.classes == ("0", "1", "2")
    assert np.array_equal(examples.y, Y)


def test_one_hot_labels_may_have_names(read, tmp_path):
    source = save(tmp_path, x=X, y=np.eye(3)[Y])
    examples = read(source=source, classes=["cat", "dog", "eel"]).examples
    assert examples.classes == ("cat", "dog", "eel")
    assert np.array_equal(examples.y, Y)


def test_a_column_of_numbers_to_predict(read, tmp_path):
    source = save(tmp_path, x=X, y=X[:, :1] * 80 + 300)
    examples = read(source=source, task="regression").examples
    assert np.allclose(examples.y, X[:, 0] * 80 + 300)


def test_own_splits_of_the_source(read, tmp_path):
    parts = {"train": slice(0, 30), "val": slice(30, 45), "test": slice(45, 60)}
    arrays = {f"x_{name}": X[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": Y[part] for name, part in parts.items()}
    merged = read(source=save(tmp_path, **arrays))
    assert np.array_equal(merged.examples.x[:], X)
    assert {name: len(p) for name, p in merged.indices.items()} == {
        "train": 30,
        "validation": 15,
        "test": 15,
    }
    assert merged.indices["test"].tolist() == list(range(45, 60))


def test_pairs_of_npy_files(read, tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    examples = read(source=f"npy:{folder}").examples
    assert np.array_equal(examples.x[:], X) and np.array_equal(examples.y, Y)


def test_a_damaged_npy_file_of_a_pair_is_named(read, tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "x.npy", X)
    (folder / "y.npy").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"arrays: not readable as \.npy files"):
        read(source=f"npy:{folder}")


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"x": IMAGES, "y": Y}, "x = x.transpose(0, 2, 3, 1)"),
        ({"x": IMAGES.transpose(0, 2, 3, 1), "y": Y.astype(object)}, "y.astype(str)"),
        ({"x": X[:, 0], "y": Y}, "x = x[:, None]"),
        ({"data": X, "y": Y}, 'numpy.savez("a.npz", x=x, y=y)'),
        ({"x": np.ones((60, 4, 4, 4)), "y": Y}, "x = x[..., :3]"),
    ],
)
def test_what_is_refused_names_the_line_that_converts_it(read, tmp_path, arrays, line):
    with pytest.raises(UserError) as caught:
        read(source=save(tmp_path, **arrays))
    assert line in str(caught.value)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_labels_that_are_no_numbers_are_bad_examples(read, tmp_path, task, bad):
    y = Y.astype(float)
    y[5] = bad
    source = save(tmp_path, x=X, y=y)
    with pytest.raises(UserError, match=f"row 5: its label is {bad}"):
        read(source=source, task=task)
    merged = read(source=source, task=task, on_bad_example="skip")
    assert len(merged.skipped) == 1 and len(merged.examples) == 59
    assert "nan" not in merged.examples.classes


@pytest.mark.parametrize("shape", [(0, 3), (60, 0)])
def test_an_array_without_numbers_is_refused(read, tmp_path, shape):
    source = save(tmp_path, x=np.ones(shape), y=Y[: shape[0]])
    with pytest.raises(UserError, match='"x" holds no numbers'):
        read(source=source)


def test_numbers_beyond_32_bits_are_bad_examples(read, tmp_path):
    x = X.astype(np.float64)
    x[4, 1] = 1e300
    with pytest.raises(UserError, match="row 4: holds NaN or infinity"):
        read(source=save(tmp_path, x=x, y=Y))


def encrypted(path):
    """Set the bit that marks the members of an archive as encrypted."""
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = content.find(magic)
        while begin >= 0:
            content[begin + offset] |= 1
            begin = content.find(magic, begin + 1)
    path.write_bytes(content)


def huge(path):
    """Write a header that promises more than there is."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00\xff\xff{")
        archive.writestr("y.npy", b"\x93NUMPY\x09\x00\xff\xff{")


@pytest.mark.parametrize("spoil", [encrypted, huge, lambda path: path.write_bytes(b"")])
def test_a_damaged_archive_is_named(read, tmp_path, spoil):
    source = save(tmp_path, x=X, y=Y)
    spoil(tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"a\.npz: not a readable \.npz file"):
        read(source=source)


def test_an_archive_that_decompresses_to_much_is_refused(read, tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros((2000, 200)), y=np.arange(2000) % 2)
    with pytest.raises(UserError, match="more than 1 MB when decompressed"):
        read(source=f"npz:{path}", limits={"decompressed_megabytes": 1})


@pytest.mark.parametrize(
    "array",
    [
        np.float32(3),
        np.empty((0, 4)),
        np.array([{"a": 1}], object),
        np.ones(3, np.complex64),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(3, [("a", "f4"), ("b", "i4")]),
    ],
)
def test_an_array_of_another_kind_is_refused_by_name(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=r"a\.npy: "):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x10\x00{'a': 1}"]
)
def test_a_damaged_npy_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npy: not a readable"):
        read_npy(tmp_path / "a.npy")
