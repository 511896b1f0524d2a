"""A remembered hash is that of the file as it is, and of no other."""

from __future__ import annotations

import os
import shutil

import pytest

from pipeline.core.hashing import hash_file
from pipeline.data import paths
from pipeline.data.params import DataParams
from pipeline.engine import hash_cache
from pipeline.engine.hash_cache import HASHES, content_hash, remembered_hashes


@pytest.fixture
def hashed(monkeypatch):
    """The names of files that were hashed; every file is remembered at once."""
    names = []

    def counted(path):
        names.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(hash_cache, "hash_file", counted)
    monkeypatch.setattr(paths, "hash_file", counted)
    monkeypatch.setattr(hash_cache, "TICK", -1)
    monkeypatch.setattr(hash_cache, "LARGE", 0)
    return names


def ask(path, verify=False):
    with remembered_hashes(path.parent / HASHES, verify):
        return content_hash(path)


def test_an_unchanged_file_is_hashed_once(tmp_path, hashed):
    path = tmp_path / "x.npz"
    path.write_bytes(b"first")
    assert ask(path) == ask(path) == hash_file(path)
    assert hashed == ["x.npz"]
    assert ask(path, verify=True) == hash_file(path)
    assert hashed == ["x.npz"] * 2
    with remembered_hashes(tmp_path / "other" / HASHES):  # its folder does not exist
        assert content_hash(path) == hash_file(path)
    assert content_hash(path) == hash_file(path) and len(hashed) == 4


CHANGES = {
    "another length": lambda path: path.write_bytes(b"other length"),
    "the same length and time": lambda path: path.write_bytes(b"other"),
    "another file of the same time": lambda path: replace(path),
    "a link to another file": lambda path: link(path),
}


def replace(path):
    other = path.with_name("y")
    other.write_bytes(b"other")
    shutil.copystat(path, other)
    other.replace(path)


def link(path):
    replace(path)
    path.replace(path.with_name("z"))
    path.symlink_to("z")


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_hashed_again(tmp_path, hashed, change):
    path = tmp_path / "x.npz"
    path.write_bytes(b"first")
    before, status = ask(path), path.stat()
    CHANGES[change](path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ask(path) == hash_file(path) != before


def test_a_file_that_was_just_written_is_not_remembered(tmp_path, hashed, monkeypatch):
    monkeypatch.setattr(hash_cache, "TICK", 10**15)
    path = tmp_path / "x.npz"
    path.write_bytes(b"first")
    ask(path)
    ask(path)
    assert len(hashed) == 2 and not (tmp_path / HASHES).exists()


def test_a_forged_memory_is_ignored(tmp_path, hashed):
    path = tmp_path / "x.npz"
    path.write_bytes(b"first")
    digest = ask(path)
    memory = tmp_path / HASHES
    memory.write_text(memory.read_text().replace(digest, "0" * 64))
    assert ask(path) == digest
    memory.unlink()
    memory.mkdir()
    assert ask(path) == digest


def test_a_folder_is_hashed_once_and_again_when_any_file_changes(tmp_path, hashed):
    folder = tmp_path / "data" / "red"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.png").write_text(str(number))
    params = DataParams(source=f"images:{folder.parent}")

    def state():
        with remembered_hashes(tmp_path / HASHES):
            return paths.source_state(params)[params.source]

    first = state()
    assert state() == first and len(hashed) == 3
    status = (folder / "1.png").stat()
    (folder / "1.png").write_text("9")
    os.utime(folder / "1.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert state() != first
    (folder / "1.png").rename(folder / "4.png")
    second = state()
    assert second != first
    (folder / "4.png").unlink()
    assert state() not in (first, second)
