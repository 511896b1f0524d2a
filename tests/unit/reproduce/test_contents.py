"""What is inside an artifact, and which tensor differs most."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.reproduce import contents


def npy(path: Path, value: float) -> None:
    np.save(path, np.array([1.0, 2.0, value], np.float32))


def npz(path: Path, value: float) -> None:
    np.savez(path, same=np.arange(3), other=np.array([0.0, value]))


def document(path: Path, value: float) -> None:
    path.write_text(json.dumps({"a": {"b": [1, value]}, "word": "x"}))


def table(path: Path, value: float) -> None:
    path.write_text(f"epoch,loss,why\n1,0.5,\n2,{value},late\n")


KINDS = [
    (npy, "a.npy", "array", "1 of 3 values"),
    (npz, "a.npz", "other", "1 of 2 values"),
    (document, "a.json", "a.b.1", ""),
    (table, "a.csv", "loss", "1 of 2 values"),
]


@pytest.mark.parametrize(("write", "name", "tensor", "count"), KINDS)
def test_the_tensor_that_differs_is_named_with_its_largest_difference(
    tmp_path, write, name, tensor, count
):
    before, after = tmp_path / f"1{name}", tmp_path / f"2{name}"
    write(before, 3.0)
    write(after, 3.25)
    (found,) = contents.compare(before, after)
    assert (found.name, found.size) == (tensor, 0.25)
    assert found.text == ", ".join(filter(None, [count, "largest difference 0.25"]))
    assert contents.compare(before, before) == []


@pytest.mark.parametrize(
    ("write", "name", "tensor"), [(npz, "a.npz", "other"), (table, "a.csv", "loss")]
)
def test_hashes_alone_name_the_tensor_that_changed(tmp_path, write, name, tensor):
    path = tmp_path / name
    write(path, 3.0)
    known = contents.digests(path)
    assert contents.has_locked_tensors(name) and contents.changed(path, known) == []
    write(path, 3.25)
    assert contents.changed(path, known) == [f"{tensor} changed"]


def test_the_largest_difference_comes_first(tmp_path):
    np.savez(tmp_path / "1.npz", a=np.zeros(2), b=np.zeros(2))
    np.savez(tmp_path / "2.npz", a=np.ones(2), b=np.full(2, 5.0))
    found = contents.compare(tmp_path / "1.npz", tmp_path / "2.npz")
    assert [each.name for each in found] == ["b", "a"]


OTHER_FORMS = [
    ({"a": 1}, {"a": 1, "b": 2}, "b: is new"),
    ({"a": 1, "b": 2}, {"a": 1}, "b: was removed"),
    ({"a": "x"}, {"a": "yy"}, "a: x -> yy"),
    ({"a": 1}, {"a": "1"}, "a: 1 -> 1"),
]


@pytest.mark.parametrize(("old", "new", "text"), OTHER_FORMS)
def test_another_form_is_told_in_words(tmp_path, old, new, text):
    (tmp_path / "1.json").write_text(json.dumps(old))
    (tmp_path / "2.json").write_text(json.dumps(new))
    found = contents.compare(tmp_path / "1.json", tmp_path / "2.json")
    assert [str(each) for each in found] == [text]


def test_another_shape_is_told(tmp_path):
    np.save(tmp_path / "1.npy", np.zeros(3))
    np.save(tmp_path / "2.npy", np.zeros((3, 1)))
    (found,) = contents.compare(tmp_path / "1.npy", tmp_path / "2.npy")
    assert found.text == "float64 (3) -> float64 (3, 1)"


@pytest.mark.parametrize("suffix", ["npy", "npz", "keras", "tflite", "json", "csv"])
def test_a_damaged_file_is_a_difference_and_no_traceback(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"\xff\xfe nonsense")
    (found,) = contents.compare(path, path)
    assert "not readable" in found.text


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"code": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        contents.read(tmp_path / "a.npy")


def test_digests_tell_tensors_apart_by_dtype_shape_and_bytes(tmp_path):
    arrays = {
        "a": np.zeros(4, np.float32),
        "b": np.zeros((2, 2), np.float32),
        "c": np.zeros(4, np.int32),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    digests = contents.digests(tmp_path / "a.npz")
    assert len(set(digests.values())) == 3
    np.savez(tmp_path / "b.npz", **{**arrays, "c": np.ones(4, np.int32)})
    assert contents.changed(tmp_path / "b.npz", digests) == ["c changed"]
