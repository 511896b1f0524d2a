"""Interactions and triples as examples: splits by time, what is left out, errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.data.sources import csv_dataset
from pipeline.data.sources.reader import ReadContext

TAKEN = [
    *("ann,a,1", "ann,b,2", "ann,c,3", "ann,d,4"),
    *("bob,b,1", "bob,a,2", "bob,d,3", "bob,c,4"),
    *("cat,c,5", "cat,d,6", "cat,a,7", "cat,b,8"),
]
EDGES = [
    f"{head},{relation},{tail}"
    for head in "abcdef"
    for relation, tails in (("likes", "abcd"), ("knows", "efab"))
    for tail in tails
]


def read(
    tmp_path: Path, rows: list[str], header: str = "user,item,time", **data
) -> tuple[Examples, ReadContext]:
    path = tmp_path / "table.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    params = DataParams(source=f"csv:{path}", task="ranking", **data)
    context = ReadContext(params, tmp_path, source=params.source)
    return csv_dataset.read(context), context


def triples(tmp_path: Path, rows: list[str], **data) -> tuple[Examples, ReadContext]:
    header = "head,relation,tail"
    return read(tmp_path, rows, header, **{"triples": {}, **data})


def targets(examples: Examples, split: int) -> list[str]:
    items = examples.steps[0].items
    return [items[k] for k in examples.y[examples.splits == split, 0]]


class TestSplits:
    def test_the_last_interaction_of_each_user_is_the_test(self, tmp_path):
        examples, _ = read(tmp_path, TAKEN)
        assert targets(examples, 2) == ["d", "c", "b"]
        assert targets(examples, 1) == ["c", "d", "a"]
        assert targets(examples, 0) == ["a", "b", "b", "a", "c", "d"]

    def test_rows_are_sorted_by_time(self, tmp_path):
        shuffled = [TAKEN[k] for k in np.random.default_rng(1).permutation(len(TAKEN))]
        first, _ = read(tmp_path, TAKEN)
        second, _ = read(tmp_path, shuffled)
        assert np.array_equal(first.x, second.x) and np.array_equal(first.y, second.y)

    def test_a_history_ends_with_the_item_before_the_target(self, tmp_path):
        examples, _ = read(tmp_path, TAKEN, interactions={"length": 2})
        step, test = examples.steps[0], examples.splits == 2
        texts = [step.describe(row) for row in examples.x[test]]
        assert texts == ["b, c", "a, d", "d, a"]
        assert (examples.x[0] == 0).all()  # of the first item of a user

    def test_items_that_the_user_took_are_left_out_of_the_ranking(self, tmp_path):
        examples, _ = read(tmp_path, TAKEN)
        items = examples.steps[0].items
        left = [{items[k] for k in row[1:] if k >= 0} for row in examples.y]
        ann = dict(zip(targets(examples, 0)[:2], left))
        assert ann == {"a": {"b"}, "b": {"a"}}  # of training, training only
        assert left[3] == {"a", "b", "c"}  # of the test, all before it

    def test_a_user_can_be_the_input(self, tmp_path):
        examples, _ = read(tmp_path, TAKEN, interactions={"input": "user"})
        assert examples.x.shape == (12, 1) and examples.vocabulary == 2 + 3
        assert len({int(row[0]) for row in examples.x[:4]}) == 1

    def test_a_time_may_be_a_date(self, tmp_path):
        rows = [row[:-1] + f"2026-01-0{row[-1]}" for row in TAKEN]
        examples, _ = read(tmp_path, rows)
        assert targets(examples, 2) == ["d", "c", "b"]


class TestLeftOut:
    def test_a_repeated_interaction_counts_once_and_is_listed(self, tmp_path):
        examples, context = read(tmp_path, [*TAKEN, "ann,a,9"])
        assert targets(examples, 2)[0] == "d"
        assert context.skipped[0][1:] == (
            "row 14",
            "repeats the interaction of row 2",
        )

    def test_repeats_can_be_kept(self, tmp_path):
        rows = [*TAKEN, "ann,a,9", "ann,a,9"]
        examples, context = read(tmp_path, rows, interactions={"repeats": "keep"})
        assert targets(examples, 2)[0] == "a" and examples.y.shape[1] == 1
        assert len(context.skipped) == 1  # of the same time

    def test_an_item_that_training_lacks_cannot_be_ranked(self, tmp_path):
        examples, context = read(tmp_path, [*TAKEN, "ann,new,9"])
        assert "new" not in examples.steps[0].items
        assert targets(examples, 2) == ["c", "b"]
        (row,) = context.skipped
        assert row[1] == "row 14" and 'item "new" is in no training' in row[2]
        assert "left out (skipped.csv)" in context.notes[-1]

    def test_users_with_one_interaction_are_in_training_only(self, tmp_path):
        examples, context = read(tmp_path, [*TAKEN, "dan,a,1", "eve,e,2"])
        assert targets(examples, 0)[-2:] == ["a", "e"]
        assert len(targets(examples, 2)) == 3
        assert "2 users with fewer than 3 interactions" in context.notes[0]

    def test_low_ratings_do_not_count(self, tmp_path):
        rows = [*(f"{row},4" for row in TAKEN), "ann,e,9,0", "bob,e,9,0.5"]
        options = {"value": "stars", "min_value": 1}
        examples, context = read(
            tmp_path, rows, "user,item,time,stars", interactions=options
        )
        assert targets(examples, 2) == ["d", "c", "b"]
        assert context.notes[0] == "2 rows below min_value left out"

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (",a,1", "its user is empty"),
            ("ann,,1", "its item is empty"),
            ("ann,a,soon", 'its time "soon" is not written as the first'),
            ("ann,a", "has 2 values, the header 3"),
        ],
    )
    def test_a_bad_row_is_one_error_or_is_listed(self, tmp_path, row, reason):
        with pytest.raises(UserError, match="row 14") as error:
            read(tmp_path, [*TAKEN, row])
        assert reason in str(error.value)
        examples, context = read(tmp_path, [*TAKEN, row], on_bad_example="skip")
        assert len(examples) == 12 and context.skipped[0][1] == "row 14"


class TestErrors:
    def test_a_missing_column_is_named(self, tmp_path):
        with pytest.raises(UserError, match=r'no column "item".*set data.interactions'):
            read(tmp_path, TAKEN, "user,items,time")

    def test_an_empty_split_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="validation split would be empty"):
            read(tmp_path, ["ann,a,1", "ann,b,2", "bob,a,1"])

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"split": {"folds": 3}}, "data.split.folds"),
            ({"duplicates": "drop"}, "data.duplicates"),
        ],
    )
    def test_other_splits_are_refused(self, tmp_path, data, reason):
        with pytest.raises(UserError, match=reason):
            read(tmp_path, TAKEN, **data)

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"source": "text:a.csv"}, "no rows of users and items"),
            ({"interactions": {"user": "item"}}, "two roles"),
            ({"interactions": {"min_value": 3}}, "min_value needs value"),
            ({"split": {"group": "user"}}, "mix past and future"),
            ({"triples": {"head": "tail"}}, "two roles"),
        ],
    )
    def test_settings_that_contradict_are_refused(self, data, reason):
        with pytest.raises(ValueError, match=reason):
            DataParams(**{"source": "csv:a.csv", "task": "ranking", **data})


class TestTriples:
    def test_each_triple_is_read_forwards_and_backwards(self, tmp_path):
        examples, _ = triples(tmp_path, EDGES)
        step = examples.steps[0]
        assert len(examples) == 2 * len(EDGES) and len(step.contexts) == 4
        texts = [step.describe(row) for row in examples.x[:2]]
        assert texts == ["a, likes", "a, likes (backwards)"]
        assert examples.x.max() < examples.vocabulary == 2 + 6 + 4

    def test_other_true_tails_are_left_out(self, tmp_path):
        examples, _ = triples(tmp_path, EDGES)
        step = examples.steps[0]
        for x, y in zip(examples.x, examples.y):
            if step.describe(x) == "a, likes" and examples.splits[0] == 2:
                assert {step.items[k] for k in y if k >= 0} == set("abcd")

    def test_splits_do_not_depend_on_the_order_of_the_rows(self, tmp_path):
        def tests(rows: list[str]) -> set[tuple[str, str]]:
            examples, _ = triples(tmp_path, rows)
            step, test = examples.steps[0], examples.splits == 2
            pairs = zip(examples.x[test], examples.y[test])
            return {(step.describe(x), step.items[y[0]]) for x, y in pairs}

        assert tests(EDGES) == tests(EDGES[::-1])

    def test_an_unknown_relation_or_entity_is_listed(self, tmp_path):
        rows = [*EDGES, *(f"a,rare{k},b" for k in range(9)), "zoe,likes,a", EDGES[0]]
        examples, context = triples(tmp_path, rows)
        reasons = " ".join(reason for _, _, reason in context.skipped)
        assert "repeats the triple of row 2" in reasons
        assert 'relation "rare' in reasons and "is in no training triple" in reasons
        assert len(examples) < 2 * len(rows)
