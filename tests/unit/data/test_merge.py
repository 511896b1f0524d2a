"""Duplicates, balance, folds, and a second source."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.class_balance import class_weights, repeats
from pipeline.data.test_split import held_out_split
from tests.helpers.data_fixtures import table_rows, text_rows, write_csv

TABLE = {"columns": {"ignore": ["site"]}}


def indices(result) -> dict[str, np.ndarray]:
    with np.load(result.folder / "splits.npz") as splits:
        names = ("train", "validation", "test")
        return {name: splits[f"{name}_index"] for name in names}


def test_duplicates_between_splits_are_counted_and_dropped_on_request(make, tmp_path):
    rows = text_rows(100)
    rows += [row[:] for row in rows[1:41]]
    source = f"text:{write_csv(tmp_path / 'twice.csv', rows)}"
    counted = make(source=source)
    assert counted.metrics["shared_between_splits"] > 5
    shared = counted.metrics["shared_between_splits"]
    assert f"3 splits that share {shared} examples" in counted.metrics["headline"]
    assert counted.metrics["duplicates"]["dropped_from_train"] == 0
    clean = make(source=source, duplicates="drop")
    assert "3 disjoint splits" in clean.metrics["headline"]
    assert clean.metrics["shared_between_splits"] == 0
    assert clean.metrics["duplicates"]["dropped_from_train"] > 3
    assert np.array_equal(indices(counted)["test"], indices(clean)["test"])
    with np.load(clean.folder / "splits.npz") as splits:
        hashes = [set(splits[f"{n}_hash"]) for n in ("train", "validation", "test")]
    assert sum(map(len, hashes)) == len(set.union(*hashes))


@pytest.mark.parametrize("group", [None, "site"])
def test_each_example_is_in_the_test_split_of_exactly_one_fold(make, table, group):
    params = {"source": f"csv:{table}", "columns": {"ignore": ["site"]}}
    folds = [
        make(**params, split={"folds": 3, "fold": k, "group": group}) for k in range(3)
    ]
    tests = [indices(result)["test"] for result in folds]
    assert np.sort(np.concatenate(tests)).tolist() == list(range(60))
    for result in folds:
        assert sum(result.metrics["examples"].values()) == 60
    if group:
        assert all(len({at % 6 for at in test}) == 2 for test in tests)


def test_more_folds_than_examples_of_a_class_is_an_error(make, tmp_path):
    rows = [row for row in table_rows() if row[2] != "up"] + [[99, 1, "up", "g0"]] * 3
    path = write_csv(tmp_path / "few.csv", rows)
    with pytest.raises(UserError, match=r"5 folds need .*the smallest has 3"):
        make(source=f"csv:{path}", **TABLE, split={"folds": 5})


def test_one_group_cannot_be_split(make, tmp_path):
    rows = [table_rows()[0], *([*row[:3], "home"] for row in table_rows()[1:])]
    path = write_csv(tmp_path / "one.csv", rows)
    with pytest.raises(UserError, match=r"split.group: 1 group is left \(home\)"):
        make(source=f"csv:{path}", split={"group": "site"})


def test_weights_make_every_class_count_the_same():
    y = np.array([0] * 6 + [1] * 3 + [3])
    weights = class_weights(y, 4)
    totals = [weights[k] * (y == k).sum() for k in range(4)]
    assert totals == pytest.approx([10 / 3, 10 / 3, 0, 10 / 3])
    assert np.mean([weights[k] for k in y]) == pytest.approx(1)


def test_repeats_level_the_classes_and_use_every_example_evenly():
    y = np.array([0] * 10 + [1] * 4 + [2] * 3)
    whole = np.concatenate([np.arange(len(y)), repeats(y, 1)])
    assert np.bincount(y[whole]).tolist() == [10, 10, 10]
    assert np.ptp(np.bincount(whole)[10:14]) <= 1
    assert np.ptp(np.bincount(whole)[14:]) <= 1


@pytest.fixture
def uneven(tmp_path):
    rows = [row for k, row in enumerate(table_rows(120)) if row[2] != "up" or k % 3]
    return f"csv:{write_csv(tmp_path / 'uneven.csv', rows)}"


def test_weights_are_recorded_and_read_with_the_training_split(make, uneven):
    result = make(source=uneven, **TABLE, balance="weights")
    counts = np.bincount(result.data.train().y)
    assert result.data.train().class_weights == tuple(sum(counts) / (2 * counts))
    assert result.data.validation().class_weights is None
    assert make(source=uneven, **TABLE).data.train().class_weights is None


def test_resampling_repeats_training_examples_only(make, uneven):
    plain = make(source=uneven, **TABLE)
    result = make(source=uneven, **TABLE, balance="resample")
    counts = np.bincount(plain.data.train().y)
    assert np.bincount(result.data.train().y).tolist() == [counts.max()] * 2
    assert np.array_equal(result.data.train().x[: sum(counts)], plain.data.train().x)
    assert np.array_equal(
        held_out_split(result.folder).x, held_out_split(plain.folder).x
    )
    assert result.metrics["stored_train"] == 2 * counts.max()
    assert result.data.train().class_weights is None


def test_a_second_source_adds_to_every_split_and_moves_nothing(make, tmp_path):
    rows = table_rows(100)
    one = f"csv:{write_csv(tmp_path / 'one.csv', rows[:61])}"
    more = [[a * 3, b, label, site] for a, b, label, site in rows[61:]]
    two = f"csv:{write_csv(tmp_path / 'two.csv', [rows[0], *more])}"
    alone, both = make(source=one, **TABLE), make(source=one, extend=two, **TABLE)
    before, after = indices(alone), indices(both)
    for name in before:
        assert after[name][after[name] < 60].tolist() == before[name].tolist()
        assert (after[name] >= 60).sum() > 0
    assert both.data.spec.preprocess == alone.data.spec.preprocess
    first = both.data.train().x[: len(before["train"])]
    assert np.array_equal(first, alone.data.train().x)


def test_a_second_source_that_does_not_fit_is_an_error(make, tmp_path, texts):
    one = f"csv:{write_csv(tmp_path / 'one.csv', table_rows())}"
    other = [
        [*row[:2], "left" if row[2] == "up" else row[2], row[3]] for row in table_rows()
    ]
    other[0][2] = "label"
    two = f"csv:{write_csv(tmp_path / 'two.csv', other)}"
    with pytest.raises(UserError, match="data.extend .* does not: left"):
        make(source=one, extend=two, **TABLE)
    wide = [[1, *row] for row in table_rows()]
    wide[0][0] = "depth"
    three = f"csv:{write_csv(tmp_path / 'three.csv', wide)}"
    with pytest.raises(UserError, match="columns are not.*unknown: depth"):
        make(source=one, extend=three, **TABLE)


def test_columns_of_a_second_source_are_found_by_their_names(make, tmp_path):
    rows = table_rows(100)
    one = f"csv:{write_csv(tmp_path / 'one.csv', rows[:61])}"
    more = [rows[0], *rows[61:]]
    turned = [[site, b, label, a] for a, b, label, site in more]
    sources = [
        f"csv:{write_csv(tmp_path / name, part)}"
        for name, part in {"same.csv": more, "turned.csv": turned}.items()
    ]
    same, other = (make(source=one, extend=more, **TABLE) for more in sources)
    assert other.data.spec.inputs == ("width", "height")
    for name in ("train_x.npy", "train_y.npy", "validation_x.npy", "splits.npz"):
        assert (other.folder / name).read_bytes() == (same.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["width", "depth"], "missing: height; unknown: depth"),
        (["x", "y"], "missing: width, height; unknown: x, y"),
    ],
)
def test_columns_of_other_names_are_an_error(make, tmp_path, header, message):
    rows = table_rows()
    one = f"csv:{write_csv(tmp_path / 'one.csv', rows)}"
    other = [[*header, *rows[0][2:]], *rows[1:]]
    two = f"csv:{write_csv(tmp_path / 'two.csv', other)}"
    with pytest.raises(UserError, match=f"data.extend .*two.csv.*{message}"):
        make(source=one, extend=two, **TABLE)


def test_a_column_of_a_second_source_that_is_named_twice_is_an_error(make, tmp_path):
    rows = table_rows()
    one = f"csv:{write_csv(tmp_path / 'one.csv', rows)}"
    other = [["width", "width", *rows[0][2:]], *rows[1:]]
    two = f"csv:{write_csv(tmp_path / 'two.csv', other)}"
    with pytest.raises(UserError, match=r"two\.csv: .*names width more than once"):
        make(source=one, extend=two, **TABLE)


def test_a_regression_is_extended_on_the_first_sources_scale(make, tmp_path):
    rows = [["area", "price"], *([at, 2.5 * at + 10] for at in range(90))]
    one = f"csv:{write_csv(tmp_path / 'one.csv', rows[:61])}"
    two = f"csv:{write_csv(tmp_path / 'two.csv', [rows[0], *rows[61:]])}"
    numbers = {"columns": {"label": "price"}, "task": "regression"}
    alone, both = make(source=one, **numbers), make(source=one, extend=two, **numbers)
    target = alone.data.spec.target
    assert both.data.spec.target == target
    at, y = indices(both)["train"], both.data.train().y
    assert (at >= 60).sum() > 0
    prices = y * target["deviation"] + target["mean"]
    assert prices == pytest.approx(2.5 * at + 10, abs=0.01)


def test_the_same_experiment_gives_the_same_bytes(make, clips):
    params = {"source": f"wav:{clips}", "audio": {"seconds": 0.5}}
    one, two, other = make(**params), make(**params), make(seed=6, **params)
    names = sorted(path.name for path in one.folder.iterdir())
    assert names == sorted(path.name for path in two.folder.iterdir())
    for name in names:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert (one.folder / "spec.json").read_bytes() != (
        other.folder / "spec.json"
    ).read_bytes()


def test_a_group_of_both_sources_stays_in_the_split_that_it_is_in(make, tmp_path):
    first = table_rows(120)  # sites g0 .. g5
    more = [first[0], *table_rows(60)[1:], *([9, 1, "up", f"new{k}"] for k in range(6))]
    paths = [write_csv(tmp_path / f"{k}.csv", r) for k, r in enumerate([first, more])]
    one, two = (f"csv:{path}" for path in paths)
    result = make(source=one, extend=two, split={"group": "site"})
    sites = np.array([row[3] for row in [*first[1:], *more[1:]]])
    held = {name: set(sites[at]) for name, at in indices(result).items()}
    assert sum(map(len, held.values())) == len(set.union(*held.values())) == 12
    assert all(any(s.startswith("new") for s in names) for names in held.values())
    few = [more[0], *more[1:8], [9, 1, "up", "new0"]]
    result = make(
        source=one,
        extend=f"csv:{write_csv(tmp_path / 'few.csv', few)}",
        split={"group": "site"},
    )
    sites = np.array([row[3] for row in [*first[1:], *few[1:]]])
    assert "new0" in set(sites[indices(result)["train"]])


def test_folds_of_a_source_that_brings_its_splits_are_refused():
    from pipeline.data.examples import Examples
    from pipeline.data.split import split
    from pipeline.data.split_params import SplitParams

    y = np.arange(40) % 2
    masks = {"own_test": np.arange(40) < 8, "own_validation": np.arange(40) > 31}
    examples = Examples(np.zeros((40, 1)), y, ("a", "b"), **masks)
    with pytest.raises(
        UserError, match="all 5 folds would be the same.*use_source_splits to false"
    ):
        split(examples, SplitParams(folds=5), 1)
    assert (
        len(split(examples, SplitParams(folds=5, use_source_splits=False), 1)["test"])
        == 8
    )


def test_dropping_every_training_example_is_an_error(make, tmp_path):
    rows = text_rows(40)
    rows += [row[:] for row in rows[1:]] * 9
    source = f"text:{write_csv(tmp_path / 'twice.csv', rows)}"
    with pytest.raises(UserError, match="no training example is left.*set it to repo"):
        make(source=source, duplicates="drop")


def test_a_class_of_the_list_without_an_example_is_an_error(make, table):
    source, ignore = f"csv:{table}", {"ignore": ["site"]}
    classes = ["down", "never", "up"]
    with pytest.raises(UserError, match=r"no example of never .*there are: down, up"):
        make(source=source, classes=classes, columns=ignore)


def test_duplicates_between_splits_are_listed_together(make, tmp_path):
    rows = text_rows(100)
    rows += [row[:] for row in rows[1:41]]
    source = f"text:{write_csv(tmp_path / 'twice.csv', rows)}"
    result = make(source=source)
    listed = result.rows("duplicates.csv")
    splits: dict[str, set[str]] = {}
    for row in listed:
        splits.setdefault(row["content"], set()).add(row["split"])
    assert len(splits) == result.metrics["shared_between_splits"]
    assert all(len(held) > 1 for held in splits.values())
    assert listed[0]["example"].startswith("row ")
    assert not (make(source="sklearn:wine").folder / "duplicates.csv").exists()


def without(rows: list[list], column: str) -> list[list]:
    at = rows[0].index(column)
    return [row[:at] + row[at + 1 :] for row in rows]


UP = [table_rows()[0], *(row for row in table_rows() if row[2] == "up")]


@pytest.mark.parametrize(
    ("extend", "message"),
    [
        ("csv:no-such.csv", 'data.extend "csv:no-such.csv": .* does not exist'),
        ("npz:${NO_SUCH_PLACE}/a.npz", "data.extend .*variable NO_SUCH_PLACE is not"),
        (UP, r"data.extend .*two.csv.: holds one class \(up\)"),
        (
            without(table_rows(), "label"),
            "two.csv: no column .label.*data.extend as those",
        ),
        ("sklearn:diabetes", 'data.extend "sklearn:diabetes": is for data.task regr'),
    ],
)
def test_an_error_in_a_second_source_names_data_extend(make, tmp_path, extend, message):
    one = f"csv:{write_csv(tmp_path / 'one.csv', table_rows())}"
    if isinstance(extend, list):
        extend = f"csv:{write_csv(tmp_path / 'two.csv', extend)}"
    with pytest.raises(UserError, match=message) as raised:
        make(source=one, extend=extend, **TABLE)
    assert "data.source " not in str(raised.value).replace(
        "as those of data.source", ""
    )
