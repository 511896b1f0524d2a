"""The group of each stored example is published, for later splits to keep."""

from __future__ import annotations

import numpy as np

from tests.helpers.data_fixtures import write_csv


def rows(count: int) -> list[list]:
    """Of ten people; one in four is of the rare class."""
    return [
        [at, f"p{at % 10}", "rare" if at % 4 == 0 else "usual"] for at in range(count)
    ]


def test_groups_are_of_the_stored_examples_in_their_order(make, tmp_path):
    path = write_csv(tmp_path / "t.csv", [["x", "who", "label"], *rows(80)])
    result = make(source=f"csv:{path}", split={"group": "who"}, balance="resample")
    train, held = result.data.train(), result.data.validation()
    groups = result.data.groups()
    assert len(groups) == len(train) + len(held)
    step = next(s for s in result.data.spec.preprocess if s["step"] == "standardise")
    x = np.concatenate([train.x, held.x])[:, 0]
    number = np.round(x * step["deviation"][0] + step["mean"][0]).astype(int)
    people = {group: set(number[groups == group] % 10) for group in set(groups)}
    assert all(len(numbers) == 1 for numbers in people.values())  # one person per group
    assert not set(groups[: len(train)]) & set(groups[len(train) :])


def test_copies_of_an_example_are_a_group_and_nothing_else_is(make, tmp_path):
    path = write_csv(tmp_path / "t.csv", [["x", "who", "label"], *rows(80)])
    source = {"source": f"csv:{path}", "columns": {"ignore": ["who"]}}
    assert make(**source).data.groups() is None
    result = make(balance="resample", **source)
    train, groups = result.data.train(), result.data.groups()
    assert len(set(groups)) < len(groups)
    for group in set(groups[: len(train)]):
        assert len(np.unique(train.x[groups[: len(train)] == group], axis=0)) == 1
