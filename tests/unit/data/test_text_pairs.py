"""Pairs of texts from tables and from the embedded dates; rows that are none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.merge import read_sources
from pipeline.data.params import DataParams
from pipeline.data.sources import dates_dataset, text_pairs_dataset
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.pair_tokens import SEPARATOR


def context(source: str, **data) -> ReadContext:
    params = DataParams(source=source, task="seq2seq", **data)
    return ReadContext(params, Path("unused"), source=source)


@pytest.fixture
def read(tmp_path):
    """Read a file with this content."""

    def examples(content: str, name: str = "pairs.csv", **data):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        settings = context(f"text_pairs:{path}", **data)
        return text_pairs_dataset.read(settings), settings

    return examples


def pairs(examples) -> list[tuple[str, ...]]:
    return [tuple(pair.split(SEPARATOR)) for pair in examples.x]


class TestFiles:
    def test_the_two_columns_of_a_file_are_input_and_target(self, read):
        examples, _ = read("word,plural\n mouse ,mice\nox,oxen\n")
        assert pairs(examples) == [("mouse", "mice"), ("ox", "oxen")]
        assert examples.y.tolist() == [4, 4] and examples.name(0) == "row 2"

    def test_columns_are_found_by_name_in_any_order(self, read):
        examples, _ = read("target\tinput\nmice\tmouse\n", "pairs.tsv")
        assert pairs(examples) == [("mouse", "mice")]
        named = {"input": "b", "target": "c"}
        examples, _ = read("a;b;c\n1;mouse;mice\n", pairs=named)
        assert pairs(examples) == [("mouse", "mice")]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("input\nox\n", "has one column (input), and pairs need two"),
            ("a,b,c\n1,2,3\n", 'no column "input" (there are: a, b, c)'),
            ("input,target\nox,\n", "row 2: its target is empty"),
            ("input,target\n  ,oxen\n", "row 2: its input is empty"),
            ("input,target\nox,oxen\nox\n", "row 3: has 1 values, the header 2"),
            (
                "input,target\nox," + "n" * 33 + "\n",
                "has 33 characters, more than data.",
            ),
            ("input,target\n" + "o" * 49 + ",x\n", "data.pairs.length (48)"),
            ("input,target\no\x1fx,oxen\n", "its input holds the control character"),
            ("input,target\n", "no row can be used"),
        ],
    )
    def test_what_is_no_pair_is_one_error(self, read, content, reason):
        with pytest.raises(UserError) as error:
            read(content)
        assert reason in str(error.value) and "\n" not in str(error.value)

    def test_one_column_for_both_is_an_error(self, read):
        with pytest.raises(UserError, match=r"are one column \(a\)"):
            read("a,b\n1,2\n", pairs={"input": "a", "target": "a"})

    def test_bad_rows_can_be_skipped(self, read):
        content = "input,target\nox,oxen\nfox,\nmouse," + "m" * 40 + "\n"
        examples, settings = read(content, on_bad_example="skip")
        assert len(examples) == 1
        assert [place for _, place, _ in settings.skipped] == ["row 3", "row 4"]

    def test_an_input_with_several_targets_is_noted(self, read):
        _, settings = read("input,target\nox,oxen\nox,oxes\n")
        assert "1 input of" in settings.notes[0] and "several" in settings.notes[0]

    def test_equal_inputs_are_in_one_split(self, tmp_path):
        rows = [f"w{k % 20},t{k}" for k in range(100)]
        path = tmp_path / "pairs.csv"
        path.write_text("\n".join(["input,target", *rows]))
        params = DataParams(source=f"text_pairs:{path}", task="seq2seq")
        merged = read_sources(params, ReadContext(params, tmp_path, seed=1), 1)
        inputs = [
            {pair.split(SEPARATOR)[0] for pair in merged.examples.x[positions]}
            for positions in merged.indices.values()
        ]
        assert sum(map(len, inputs)) == 20 and all(inputs)


def read_all(source, task, scratch):
    """Check the settings, and read the source."""
    params = DataParams(source=source, task=task)
    return read_sources(params, ReadContext(params, scratch), 1)


class TestTasks:
    def test_pairs_are_for_one_task_and_it_for_pairs(self, tmp_path):
        path = tmp_path / "pairs.csv"
        path.write_text("text,label\nox,oxen\n" + "fox,foxes\n" * 9)
        for source, task, reason in (
            (f"text:{path}", "seq2seq", "use a source of text_pairs:, dates:"),
            (f"text_pairs:{path}", "classification", "set data.task to seq2seq"),
        ):
            with pytest.raises(UserError, match=reason):
                read_all(source, task, tmp_path)


class TestDates:
    def test_each_format_is_the_date_of_its_target(self):
        day = date(2024, 3, 7)
        written = [of_format(day) for of_format in dates_dataset.FORMATS]
        assert len(set(written)) == len(written)
        assert "Thursday, 7 March 2024" in written and "3/7/2024" in written
        assert "2024-03-07" in written and "the 7th of March 2024" in written

    def test_no_input_and_no_target_occurs_twice(self):
        drawn = dates_dataset.dates(70_000)
        inputs, targets = map(set, zip(*drawn))
        assert len(inputs) == len(targets) == len(drawn)
        assert max(map(len, inputs)) <= 32 and set(map(len, targets)) == {10}

    def test_a_smaller_count_is_the_beginning_of_a_larger_one(self):
        assert dates_dataset.dates(100) == dates_dataset.dates(200)[:100]

    def test_ordinals(self):
        days = (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)
        endings = ("st", "nd", "rd", *["th"] * 4, "st", "nd", "rd", "st")
        assert list(map(dates_dataset.ordinal, days)) == [
            f"{day}{ending}" for day, ending in zip(days, endings)
        ]

    def test_the_source_is_read_in_its_order(self):
        examples = dates_dataset.read(context("dates:iso", pairs={"count": 150}))
        assert pairs(examples) == dates_dataset.dates(150)
        assert np.array_equal(examples.names, np.arange(1, 151))

    def test_a_limit_below_a_date_and_an_unknown_set_are_errors(self):
        with pytest.raises(UserError, match="target_length \\(8\\)"):
            dates_dataset.read(context("dates:iso", pairs={"target_length": 8}))
        with pytest.raises(UserError, match=r"unknown.*known: iso"):
            dates_dataset.read(context("dates:us"))
