"""Sealed files are trusted only unchanged, and only where they were written."""

from __future__ import annotations

import os
import shutil

import pytest

from pipeline.engine.import_closure import CodeReader
from pipeline.engine.sealed import read_sealed, write_sealed

VALUE = {"a" * 64: ["b" * 64, ["os", "sys"]], "c": ["d", []]}


@pytest.fixture
def path(tmp_path):
    write_sealed(tmp_path / ".code.json", VALUE)
    return tmp_path / ".code.json"


def test_it_is_read_back_and_replaced_by_a_shorter_one(path):
    assert read_sealed(path) == VALUE
    write_sealed(path, {})
    assert read_sealed(path) == {}
    write_sealed(path, {"x": [1, 2]})
    assert read_sealed(path) == {"x": [1, 2]}
    assert os.listdir(path.parent) == [path.name]


def test_every_changed_byte_is_noticed(path):
    content = path.read_bytes()
    for position, byte in enumerate(content):
        changed = bytes([byte ^ 1])
        with path.open("r+b") as file:  # in place: the inode stays
            file.write(content[:position] + changed + content[position + 1 :])
        assert read_sealed(path) == {}, position
    print(f"{len(content)} changed bytes noticed")
    for length in range(0, len(content), 7):
        os.truncate(path, 0)
        with path.open("r+b") as file:
            file.write(content[:length])
        assert read_sealed(path) == {}, length


def test_a_copy_from_elsewhere_is_not_trusted(path, tmp_path):
    shutil.copy2(path, tmp_path / "copy.json")
    assert read_sealed(tmp_path / "copy.json") == {}
    (tmp_path / "link.json").symlink_to(path)
    assert read_sealed(tmp_path / "link.json") == {}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda p: p.symlink_to(p.name)])
def test_whatever_stands_in_its_place_counts_as_absent(tmp_path, make):
    path = tmp_path / ".code.json"
    make(path)
    assert read_sealed(path) == {}
    write_sealed(path, VALUE)
    assert read_sealed(path) == ({} if make is os.mkdir else VALUE)


@pytest.fixture
def box(tmp_path):
    """A package, and a cache of its digests."""
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__init__.py").touch()
    (tmp_path / "box" / "a.py").write_text("x = 1\n")
    return tmp_path


def test_a_flipped_digit_of_a_cached_digest_has_no_effect(box):
    """Before, it made every stage stale, and was recorded as the digest of the code."""
    cache = box / ".code.json"
    reader = CodeReader(box, cache)
    right = reader.closure(["box.a"])
    reader.save_cache()
    text = cache.read_text()
    digest = right["box.a"]
    assert digest in text
    flipped = f"{'0' if digest[0] != '0' else '1'}{digest[1:]}"
    with cache.open("r+") as file:
        file.write(text.replace(digest, flipped))
    assert CodeReader(box, cache).closure(["box.a"]) == right


def test_a_forged_cache_of_another_folder_hides_no_edit(box, tmp_path):
    """An attacker ships a cache that gives edited code the old digest."""
    reader = CodeReader(box)
    before = reader.closure(["box.a"])
    (box / "box" / "a.py").write_text("x = 2  # edited\n")
    edited = CodeReader(box)
    edited.closure(["box.a"])
    (key,) = edited.parsed.keys() - reader.parsed.keys()
    forged = {key: [before["box.a"], []]}
    (tmp_path / "attacker").mkdir()
    write_sealed(tmp_path / "attacker" / ".code.json", forged)
    shutil.copy2(tmp_path / "attacker" / ".code.json", box / ".code.json")
    assert CodeReader(box, box / ".code.json").closure(["box.a"]) != before
