"""Reading JSON: one error for whatever stands in the place of a file."""

from __future__ import annotations

import os

import pytest
from pydantic import BaseModel

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_checked, read_json, write_json

CONTENTS = [
    b"",
    b"{",
    b"[NaN]",
    b"[1e999]",
    b"[-Infinity]",
    b"\xff\xfe",
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 5000,
    b"{} {}",
]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_unreadable_content_is_one_error_that_names_the_file(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match="a.json: not readable as JSON") as caught:
        read_json(tmp_path / "a.json")
    assert len(str(caught.value)) < 400


def link_to_itself(path):
    path.symlink_to(path.name)


def huge(path):
    path.touch()
    os.truncate(path, 10**13)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, link_to_itself, huge])
def test_whatever_stands_in_the_place_of_a_file_is_one_error(tmp_path, make):
    make(tmp_path / "a.json")
    with pytest.raises(UserError, match="a.json: cannot be read"):
        read_json(tmp_path / "a.json")


class Schema(BaseModel):
    outputs: dict[str, str]
    number: float = 1.0


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        3,
        "text",
        {"outputs": 3},
        {"outputs": {"a": 3}},
        {"outputs": ["a"]},
        {"outputs": {}, "number": "1"},
    ],
)
def test_the_wrong_shape_is_one_error(tmp_path, value):
    write_json(tmp_path / "a.json", value)
    with pytest.raises(UserError, match=r"a\.json: the file was altered \("):
        read_checked(tmp_path / "a.json", Schema)


def test_the_right_shape_is_returned_unchanged(tmp_path):
    value = {"outputs": {"a": "b"}, "number": 3, "more": [1, None]}
    write_json(tmp_path / "a.json", value)
    assert read_checked(tmp_path / "a.json", Schema) == value
    assert isinstance(value["number"], int)
