"""A changed source file makes the data stage stale; a missing one does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.paths import expand, source_state


def state(source: str, **params) -> dict:
    return dict(source_state(DataParams(source=source, **params)))


def test_a_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one")
    source = f"csv:{path}"
    first = state(source)[source]
    path.write_text("two")
    assert state(source)[source] != first
    path.write_text("one")
    assert state(source)[source] == first


def test_a_folder_is_known_by_names_and_contents(tmp_path, images):
    source = f"images:{images}"
    first = state(source)[source]
    picture = images / "red" / "4.png"
    content = picture.read_bytes()
    picture.write_bytes(content[:-1] + b"x")
    assert state(source)[source] != first
    picture.write_bytes(content)
    assert state(source)[source] == first
    (images / "red" / "3.png").rename(images / "blue" / "99.png")
    assert state(source)[source] != first


def test_what_is_not_here_and_what_has_no_path(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    assert state("csv:${NOWHERE}/a.csv") == {"csv:${NOWHERE}/a.csv": None}
    assert state(f"csv:{tmp_path}/a.csv") == {f"csv:{tmp_path}/a.csv": None}
    assert state("sklearn:digits") == {}


def test_both_sources_count(table, texts):
    assert len(state(f"csv:{table}", extend=f"csv:{texts}")) == 2


def test_variables_are_replaced(monkeypatch):
    monkeypatch.setenv("HERE", "/x")
    assert expand("${HERE}/y/${HERE}", "data.source") == "/x/y//x"
    assert expand("$HERE/{a}", "data.source") == "$HERE/{a}"
    with pytest.raises(UserError, match="variable without a name is not set"):
        expand("${}", "data.source")


def test_the_plan_says_which_source_changed(project, table):
    project.write(f"data: {{source: 'csv:{table}', columns: {{ignore: [site]}}}}\n")
    assert project.run("run", "data").code == 0
    assert "cached" in project.run("status").lines["data"]
    whole = table.read_bytes()
    table.unlink()
    assert "cached" in project.run("status").lines["data"]
    table.write_bytes(whole[:-1])
    assert f"stale    csv:{table} changed" in project.run("status").lines["data"]


def test_one_changed_byte_of_a_folder_counts_whatever_its_size(images):
    source = f"images:{images}"
    first = state(source)[source]
    picture = images / "red" / "4.png"
    content = picture.read_bytes()
    picture.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert state(source)[source] != first


def test_the_place_of_a_folder_is_looked_up_once_for_all_of_its_files(
    tmp_path, monkeypatch
):
    (tmp_path / "red").mkdir()
    for number in range(20):
        (tmp_path / "red" / f"{number}.png").write_text("a")
    (tmp_path / "red" / "link.png").symlink_to("/proc/self/status")
    places, resolve = [], Path.resolve

    def counted(path, strict=False):
        places.append(path)
        return resolve(path, strict)

    monkeypatch.setattr(Path, "resolve", counted)
    source = f"images:{tmp_path}"
    assert state(source)[source] is not None
    assert len(places) <= 5  # both folders, the link and its folder
