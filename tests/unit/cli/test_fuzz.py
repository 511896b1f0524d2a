"""Mutated experiment files: whatever stands in one, the answer is not a traceback."""

from __future__ import annotations

import contextlib
import copy
import io
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli.main import main
from pipeline.experiment.schema import Experiment

WHOLE = Experiment.model_validate({"data": {"source": "sklearn:digits"}})
VALUES = WHOLE.model_dump(mode="json")
TEXT = yaml.safe_dump(VALUES, sort_keys=False)
EXAMPLES = 700  # of each of three kinds of mutation
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
COUNT = {"files": 0, "overrides": 0, "refused": 0}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["", "../..", "/", "\0", "1e999", "flip | flip", "!!python/none"]),
    st.dates(),
    st.binary(max_size=4),
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
PIECES = "{}[]:,-#&*!|>'\"%@` \n\t\0\\?~.0123456789eE+_abcxyz\u00e9\u2028\ufeff"


def paths(value, at=()):
    """Every key of a nested value, inner ones too."""
    yield at
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in items:
        yield from paths(inner, (*at, key))


@st.composite
def other_values(draw) -> bytes:
    """The whole file with one to three of its values or sections replaced."""
    values = copy.deepcopy(VALUES)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([p for p in paths(VALUES) if p]))
        inner = values
        for key in path[:-1]:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            replace(draw, inner, path[-1])
    return yaml.dump(values, sort_keys=False, allow_unicode=True).encode()


def replace(draw, section: dict, key: str) -> None:
    how = draw(st.sampled_from(["value", "value", "value", "drop", "rename"]))
    value = section.pop(key, None)
    if how == "value":
        section[key] = draw(anything)
    elif how == "rename":
        section[key + draw(st.text(max_size=2))] = value


@st.composite
def other_characters(draw) -> bytes:
    """The text of the file with characters put in, taken out and exchanged."""
    text = TEXT
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 8))
        text = text[:at] + draw(st.text(PIECES, max_size=4)) + text[at + gone :]
    return text.encode()


@st.composite
def other_bytes(draw) -> bytes:
    """The file with bytes of any value, cut somewhere, or its lines mixed."""
    how = draw(st.sampled_from(["bytes", "cut", "lines"]))
    if how == "lines":
        lines = TEXT.splitlines(keepends=True)
        chosen = draw(st.lists(st.sampled_from(lines), max_size=len(lines)))
        return "".join(chosen).encode()
    content = TEXT.encode()
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.binary(max_size=6)) + b"" * (how == "cut")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "fuzzed").mkdir()
    return folder


def answers(root: Path, content: bytes, *more: str) -> None:
    """Exit code 0 or 2, with a message that names the file, never a traceback."""
    (root / "fuzzed" / "experiment.yaml").write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    call = ["show", "config", "--exp", "fuzzed", "--root", str(root), *more]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(call)
    said = err.getvalue()
    assert code in (0, 2), said
    assert "Traceback" not in said
    assert code == 0 or said.startswith("error: ")
    COUNT["overrides" if more else "files"] += 1
    COUNT["refused"] += code == 2


@pytest.mark.slow
@MANY
@given(other_values())
def test_a_file_with_other_values(root, content):
    answers(root, content)


@pytest.mark.slow
@MANY
@given(other_characters())
def test_a_file_with_other_characters(root, content):
    answers(root, content)


@MANY
@given(other_bytes())
def test_a_file_with_other_bytes(root, content):
    answers(root, content)


@settings(MANY, max_examples=300)
@given(st.sampled_from([".".join(p) for p in paths(VALUES) if p]), st.text(max_size=20))
def test_an_override_of_any_value(root, key, text):
    answers(root, TEXT.encode(), f"--set={key}={text}")


HOSTILE = [
    b"data: !!python/object/apply:os.system ['touch owned']\n",
    b"data: {source: !!python/name:os.system ''}\n",
    b"a: &a [*a]\n",
    b"&a a: *a\n",
    b"a: &a {b: *a}\ndata: *a\n",
    b"x: &x [l, o, l]\ny: &y [*x, *x, *x]\nz: [*y, *y]\n",
    b"? [a, b]\n: c\n",
    b"? {a: b}\n: c\n",
    b"<<: 3\n",
    b"data: {source: 'sklearn:digits', <<: [1]}\n",
    b"%YAML 9.9\n---\na: 1\n",
    b"--- a\n--- b\n",
    b"data: " + b"[" * 3000 + b"\n",
    b"data: " + b"{a: " * 3000 + b"1" + b"}" * 3000 + b"\n",
    b"a0: &a0 [1, 1, 1]\n"
    + b"".join(
        b"a%d: &a%d [*a%d, *a%d, *a%d]\n" % (n, n, *[n - 1] * 3) for n in range(1, 40)
    ),
    b"seed: " + b"9" * 5000 + b"\n",
    b"seed: 2026-01-01\n",
    b"seed: 190:20:30\n",
    b"data: {source: 'sklearn:../../etc'}\n",
    b"\xff\xfe",
    b"",
]


@pytest.mark.parametrize("content", HOSTILE, ids=lambda c: c[:24].decode("latin1"))
def test_a_hostile_file_runs_nothing_and_is_refused(root, content, tmp_path):
    with contextlib.chdir(tmp_path):
        answers(root, content)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["&a [*a]", "{a: " * 900 + "1" + "}" * 900, "!!x y"])
def test_a_hostile_override_is_refused(root, text):
    answers(root, TEXT.encode(), f"--set=train.epochs={text}")
    answers(root, TEXT.encode(), f"--set=x={text}")


FUZZED = (
    test_a_file_with_other_values,
    test_a_file_with_other_characters,
    test_a_file_with_other_bytes,
)


def test_the_count_of_files(capsys, request):
    """At least 2,000 where all three kinds were asked for."""
    with capsys.disabled():
        print(f"\nfuzzed config: {COUNT}")
    chosen = {item.name for item in request.session.items}
    if chosen >= {test.__name__ for test in FUZZED}:
        assert COUNT["files"] >= 2000
        assert 500 < COUNT["refused"] < COUNT["files"] + COUNT["overrides"]
