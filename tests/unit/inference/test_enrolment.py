"""A folder of files per identity: what is read, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.inference.enrolment import read_enrolment
from pipeline.inference.raw_examples import RawExamples


def read(path: Path) -> RawExamples:
    if path.read_text() == "bad":
        raise UserError(f"{path}: is not an image")
    return RawExamples(str(path), [str(path)], np.array([[float(path.read_text())]]))


def enrol(folder: Path):
    return read_enrolment(folder, read, lambda examples: examples.raw)


@pytest.fixture
def people(tmp_path) -> Path:
    for name, number in (("anna/1", 1), ("anna/2", 2), ("ben/1", 3)):
        path = tmp_path / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    return tmp_path / "people"


def test_every_file_belongs_to_the_identity_of_its_folder(people):
    (people / ".hidden").mkdir()
    found = enrol(people)
    assert found.identities == ["anna", "anna", "ben"]
    assert found.outputs.tolist() == [[1.0], [2.0], [3.0]]
    assert found.names[2].endswith("ben/1")


def test_an_unreadable_file_is_named(people):
    (people / "ben" / "2").write_text("bad")
    with pytest.raises(UserError, match="ben/2: is not an image; fix or remove"):
        enrol(people)


def test_an_empty_folder_is_refused(people, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="holds nothing in the place of a folder"):
        enrol(tmp_path / "none")
    with pytest.raises(UserError, match="no such folder"):
        enrol(tmp_path / "nowhere")
    (people / "carl").mkdir()
    with pytest.raises(UserError, match="carl holds no file"):
        enrol(people)


def test_a_file_outside_of_the_folders_is_refused(people):
    (people / "1.png").write_text("4")
    with pytest.raises(UserError, match="holds the files 1.png in the place"):
        enrol(people)


@pytest.mark.parametrize("name", ["Anna", "anna ", "\uff41nna"])
def test_names_that_clash_are_refused(people, name):
    (people / name).mkdir()
    with pytest.raises(UserError, match="the names .* clash"):
        enrol(people)
