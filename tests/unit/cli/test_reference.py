"""docs/reference.md is what the schema says, and says something of every key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipeline.cli.commands.reference import meanings, render
from pipeline.cli.main import main
from pipeline.experiment.schema import Experiment
from tests.helpers.project import ROOT

FILE = ROOT / "docs" / "reference.md"


class Inner(BaseModel):
    """A part.

    Args:
        low, high: where it ends,
            both ways.
    """

    low: int = Field(1, ge=0)
    high: float | None = None


class Outer(BaseModel):
    """A whole.

    Args:
        kinds: which ones; a | b is text.
    """

    kinds: list[Annotated[float, Field(gt=0)]] = Field([0.5], min_length=1)
    mode: Literal["a", "b"] = Field("a", description="how: it is done.")
    inner: Inner = Inner()
    name: str


def test_the_file_is_current():
    assert FILE.read_text() == render(Experiment), "run: make reference"


def test_every_key_has_a_meaning():
    rows = [line for line in FILE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []


def test_types_defaults_ranges_and_meanings_are_told():
    text = render(Outer)
    for row in (
        "| `kinds` | list of number | `[0.5]` | at least 1 long, each > 0 "
        "| which ones; a \\| b is text. |",
        '| `mode` | `a` or `b` | `"a"` |  | how: it is done. |',
        "| `name` | text | required |  |  |",
        "| `inner.low` | integer | `1` | ≥ 0 | where it ends, both ways. |",
        "| `inner.high` | number or null | `null` |  | where it ends, both ways. |",
    ):
        assert row in text.splitlines()


def test_a_key_that_only_a_base_documents_has_its_meaning():
    class Child(Inner):
        """A part of a part."""

        high: float | None = 2.0

    assert meanings(Child)["high"] == "where it ends, both ways."


def test_the_command_writes_it(tmp_path, capsys):
    path = tmp_path / "new" / "reference.md"
    assert main(["reference", "--output", str(path)]) == 0
    assert path.read_text() == FILE.read_text()
