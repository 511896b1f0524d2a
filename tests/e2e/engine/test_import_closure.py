"""Which modules a stage runs, found without importing them."""

from __future__ import annotations

import ast
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.import_closure import CodeReader, parse, shape
from tests.helpers.project import ROOT

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
    write(tmp_path, FILES)
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


# What the Pythons from 3.11 to 3.13 say in different ways, or once did.
SOURCE = r"""
import os
class A(B, metaclass=C):
    def f(self, a, /, b: int = -1, *c, d=None, **e) -> None:
        return f"{a!r:>{b}}" f"{b:{c}}" f"{d=}" "" f"" u"é", b"\0", 1_000, 1e400 - 2j
async def g(): return [*x, None, {**y, 1: ...}]
match p:
    case None | [1, *_] | {"k": v, **rest}: del q[1:, ::2]
try: pass
except* OSError as error: raise
"""
SHAPE = "8e70ceb30048"


def test_the_digest_is_the_same_on_every_python():
    """A figure, made on 3.11.7 and the same on 3.12.1 and 3.13.0."""
    assert parse(SOURCE.encode(), "", "here").digest[:12] == SHAPE


CALL = """
import ast, json, sys
sys.path.insert(0, sys.argv[1])
from pipeline.engine.import_closure import parse
names = json.load(sys.stdin)
print(json.dumps([parse(open(name, "rb").read(), "", name).digest for name in names]))
"""


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    """Path -> digest by this Python, for every module of the house."""
    names = sorted(map(str, (ROOT / "pipeline").rglob("*.py")))
    return {name: parse(Path(name).read_bytes(), "", name).digest for name in names}


OTHERS = {"3.11", "3.12", "3.13"} - {f"3.{sys.version_info.minor}"}


@pytest.mark.parametrize("version", sorted(OTHERS))
def test_every_module_has_the_digest_that_another_python_gives(digests, version):
    """Where this machine has that Python, which needs no library to read code."""
    installed = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for python in [f"python{version}", *map(str, installed)]:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            call = [python, "-c", CALL, str(ROOT)]
            told = subprocess.run(
                call,
                input=json.dumps(list(digests)),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            break
    else:
        pytest.skip(f"no python{version} on this machine")
    assert json.loads(told) == list(digests.values())


DIFFERENT = [
    "x = 1", "x = True", "x = 1.0", "x = '1'", "x = b'1'", "x = f'1'", "x = None",
    "x = {**a}", "x = {None: a}", "x = [a]", "x = (a,)", "x = a", "x: a = 1", "x += 1",
    "def f(a, /): pass", "def f(a): pass", "def f(*a): pass", "def f(*, a): pass",
    "def f(*, a=None): pass", "from . import x", "from .. import x", "import x",
    "match x:\n case None: pass", "match x:\n case True: pass", "x = f'{a}'",
    "x = f'{a:}'", "x = f'{a!r}'", "x = f'{a:b}'", "x = -1", "x = a if b else c",
]  # fmt: skip


def test_other_code_has_another_digest():
    """Leaving empty fields out confuses no two of these."""
    shapes = {shape(ast.parse(text)) for text in DIFFERENT}
    assert len(shapes) == len(DIFFERENT)


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


DATA = {
    "box/c/templates/page.html.j2": "{{ title }}",
    "box/c/templates/tasks/one/part.html.j2": "{{ one }}",
    "box/c/static/page.css": "p { margin: 0 }",
}


class TestPackageData:
    """Files in `templates` and `static` beside a module of the closure."""

    @pytest.fixture
    def filled(self, box):
        write(box, DATA)
        return box

    def test_data_beside_a_module_is_in_the_closure(self, filled):
        assert set(DATA) < set(CodeReader(filled).closure(["box.c.e"]))

    def test_data_of_other_packages_is_not(self, filled):
        assert not set(DATA) & set(CodeReader(filled).closure(["box.f"]))

    @pytest.mark.parametrize("name", DATA)
    def test_a_changed_byte_changes_the_digest_of_that_file_alone(self, filled, name):
        before = CodeReader(filled).closure(["box.a"])
        write(filled, {name: DATA[name] + " "})
        after = CodeReader(filled).closure(["box.a"])
        assert {key for key in before if before[key] != after[key]} == {name}

    def test_a_fresh_reader_sees_the_change_and_the_old_one_does_not(self, filled):
        reader = CodeReader(filled)
        before = reader.closure(["box.a"])
        write(filled, {"box/c/static/page.css": ""})
        assert reader.closure(["box.a"]) == before
        assert reader.fresh().closure(["box.a"]) != before

    @pytest.mark.parametrize("other", ["more.html.j2", "deep/in/more.html.j2"])
    def test_a_new_file_is_seen(self, filled, other):
        name = f"box/c/templates/{other}"
        before = CodeReader(filled).closure(["box.a"])
        write(filled, {name: ""})
        assert set(CodeReader(filled).closure(["box.a"])) - set(before) == {name}

    @pytest.mark.parametrize(
        "name", [".page.html.j2.swp", "page.html.j2~", "m.pyc", ".git/x", "one/two.py"]
    )
    def test_hidden_files_backups_and_modules_do_not_count(self, filled, name):
        before = CodeReader(filled).closure(["box.a"])
        write(filled, {f"box/c/templates/{name}": "x = 1"})
        assert CodeReader(filled).closure(["box.a"]) == before

    def test_a_loose_module_of_a_root_folder_brings_no_data(self, filled):
        write(filled, {"mine.py": "", "static/logo.svg": "", "here/mine.py": ""})
        write(filled, {"here/static/logo.svg": ""})
        reader = CodeReader(filled, also=(filled / "here",))
        assert set(reader.closure(["mine"])) == {"mine"}
        (filled / "mine.py").unlink()
        assert set(reader.fresh().closure(["mine"])) == {"mine"}

    def test_libraries_and_files_know_data_from_modules(self, filled):
        reader = CodeReader(filled)
        names = reader.closure(["box.a"])
        assert set(reader.libraries(["box.a"])) == {"python", "numpy"}
        assert {path.name for path in reader.files(names)} >= {"page.css", "e.py"}
        assert reader.files(["box/c/static/absent.css"]) == []


def write(root: Path, files: dict[str, str]) -> None:
    """Write text files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
