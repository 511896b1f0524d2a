"""Which modules a stage runs, found without importing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.closure import CodeReader
from pipeline.engine.errors import UserError

FILES = {
    "box/__init__.py": "",
    "box/a.py": "from box import b\nimport json\n",
    "box/b.py": "def f():\n    from .c.d import g\n    import numpy as np\n",
    "box/c/__init__.py": "from . import e\n",
    "box/c/d.py": "from ..f import thing\n",
    "box/c/e.py": "",
    "box/f.py": "thing = 1\n",
    "box/lonely.py": "import box.a\n",
}


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_closure_follows_every_form_of_import(box):
    names = set(CodeReader(box).closure(["box.a"]))
    assert names == {"box", "box.a", "box.b", "box.c", "box.c.d", "box.c.e", "box.f"}


def test_imports_in_a_circle_end(box):
    (box / "box/f.py").write_text("import box.a\n")
    assert "box.b" in CodeReader(box).closure(["box.a"])


SAME = [
    "thing = 1  # a comment\n",
    '"""A docstring."""\n\n\nthing = 1\n',
    "thing   =   1\n\n\n",
]


@pytest.mark.parametrize("text", SAME)
def test_comments_docstrings_and_spaces_leave_the_digest(box, text):
    before = CodeReader(box).closure(["box.f"])
    (box / "box/f.py").write_text(text)
    assert CodeReader(box).closure(["box.f"]) == before


@pytest.mark.parametrize("text", ["thing = 2\n", "thing = 1.0\n", "thing = '1'\n"])
def test_a_changed_value_changes_the_digest_of_its_module_alone(box, text):
    before = CodeReader(box).closure(["box.a"])
    (box / "box/f.py").write_text(text)
    after = CodeReader(box).closure(["box.a"])
    assert {name for name in before if before[name] != after[name]} == {"box.f"}


def test_libraries_are_those_of_the_closure_with_their_versions(box):
    libraries = CodeReader(box).libraries(["box.a"])
    assert set(libraries) == {"python", "numpy"}


def test_the_cache_answers_as_parsing_does(box, tmp_path):
    cache = tmp_path / "cache.json"
    reader = CodeReader(box, cache)
    fresh = reader.closure(["box.a"])
    reader.save_cache()
    assert cache.exists()
    assert CodeReader(box, cache).closure(["box.a"]) == fresh
    (box / "box/f.py").write_text("thing = 2\n")
    assert CodeReader(box, cache).closure(["box.a"]) != fresh


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}'])
def test_a_damaged_cache_is_ignored(box, tmp_path, content):
    cache = tmp_path / "cache.json"
    cache.write_text(content)
    assert CodeReader(box, cache).closure(["box.a"]) == CodeReader(box).closure(
        ["box.a"]
    )


def test_unreadable_code_is_named_with_its_line(box):
    (box / "box/f.py").write_text("x = 1\nthing = = 1\n")
    with pytest.raises(UserError, match=r"f\.py, line 2"):
        CodeReader(box).closure(["box.a"])


def test_an_unknown_module_is_an_error(box):
    with pytest.raises(UserError, match="no module box.z"):
        CodeReader(box).closure(["box.z"])
