"""Nothing is written or deleted through a link inside a folder."""

from __future__ import annotations

import os

import pytest

from pipeline.core import safe_path
from pipeline.core.errors import UserError
from pipeline.core.safe_path import SafeFolder, is_inside


@pytest.fixture
def places(tmp_path):
    """A folder to write in, and a folder outside that must stay as it was."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside" / "sub").mkdir(parents=True)
    (tmp_path / "outside" / "precious.txt").write_text("precious")
    (tmp_path / "outside" / "sub" / "deep.txt").write_text("deep")
    yield tmp_path / "inside", tmp_path / "outside"
    assert (tmp_path / "outside" / "precious.txt").read_text() == "precious"
    assert (tmp_path / "outside" / "sub" / "deep.txt").read_text() == "deep"
    assert sorted(os.listdir(tmp_path / "outside")) == ["precious.txt", "sub"]


THROUGH = {
    "make": lambda folder: folder.make("link/new"),
    "make the link": lambda folder: folder.make("link"),
    "remove a file": lambda folder: folder.remove("link/precious.txt"),
    "remove a folder": lambda folder: folder.remove("link/sub"),
    "list": lambda folder: folder.names("link"),
    "open": lambda folder: folder.open("link/precious.txt", os.O_RDWR | os.O_TRUNC),
    "write": lambda folder: folder.write("link/precious.txt", b"lost"),
    "rename from": lambda folder: folder.rename("link/sub", "mine"),
    "rename to": lambda folder: folder.rename("own", "link/own"),
    "make anew": lambda folder: folder.make_new("link/sub"),
}


@pytest.mark.parametrize("name", THROUGH)
def test_a_link_in_the_place_of_a_folder_is_an_error_that_names_it(places, name):
    inside, outside = places
    (inside / "own").mkdir()
    (inside / "link").symlink_to(outside)
    with pytest.raises(UserError, match="inside/link: is a symbolic link to .*remove"):
        THROUGH[name](SafeFolder(inside))


@pytest.mark.parametrize("target", ["outside", "outside/precious.txt", "nowhere", "x"])
def test_a_link_is_removed_as_a_link(places, target):
    inside, outside = places
    (inside / "x").symlink_to(outside.parent / target if target != "x" else "x")
    SafeFolder(inside).remove("x")
    assert os.listdir(inside) == []


def test_a_folder_is_removed_without_what_its_links_lead_to(places):
    inside, outside = places
    (inside / "a" / "b").mkdir(parents=True)
    (inside / "a" / "b" / "link").symlink_to(outside)
    (inside / "a" / "file").symlink_to(outside / "precious.txt")
    SafeFolder(inside).remove("a")
    assert os.listdir(inside) == []


@pytest.mark.parametrize("target", ["precious.txt", "", "sub", "absent"])
def test_a_file_is_written_in_the_place_of_a_link(places, target):
    inside, outside = places
    for name in ("written", "opened"):
        (inside / name).symlink_to(outside / target)
    SafeFolder(inside).write("written", b"new")
    os.close(SafeFolder(inside).open("opened", os.O_RDWR | os.O_TRUNC))
    assert (inside / "written").read_text() == "new"
    assert sorted(os.listdir(inside)) == ["opened", "written"]
    assert not any(path.is_symlink() for path in inside.iterdir())


def test_a_pipe_in_the_place_of_a_file_does_not_block(places):
    os.mkfifo(places[0] / "pipe")
    os.close(SafeFolder(places[0]).open("pipe", os.O_WRONLY))
    assert (places[0] / "pipe").is_file()


def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder(places):
    folder = SafeFolder(places[0])
    folder.make("folder")
    folder.write("file", b"")
    with pytest.raises(UserError, match="inside/folder: is a folder in the place of"):
        folder.open("folder", os.O_RDWR)
    with pytest.raises(UserError, match="inside/file: is a file in the place of"):
        folder.make("file/more")
    assert folder.make_new("file").is_dir()


@pytest.mark.parametrize("name", ["", "..", "a/../../b", "/etc/passwd"])
def test_a_name_must_stay_inside(places, name):
    for call in (SafeFolder(places[0]).remove, SafeFolder(places[0]).make):
        with pytest.raises(ValueError, match="not a name inside"):
            call(name)


def test_an_error_names_the_whole_path(places):
    inside = places[0]
    with pytest.raises(FileNotFoundError) as caught:
        SafeFolder(inside).rename("absent", "new")
    assert caught.value.filename == str(inside / "new")
    SafeFolder(inside).remove("absent/deeper")
    assert SafeFolder(inside).names("absent") == []


def test_folders_that_are_nested_too_deeply_are_named(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    monkeypatch.setattr(safe_path.shutil, "rmtree", _too_deep)
    with pytest.raises(UserError, match="deep: holds folders that are nested too"):
        SafeFolder(tmp_path).remove("deep")


def _too_deep(*arguments, **options):
    raise RecursionError


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x"])
def test_a_name_that_leads_out_is_not_inside(name):
    assert not is_inside(name)
