"""Tables: columns by name, notation, categories, gaps, precision, labels."""

from __future__ import annotations

import gzip
import os
import re

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.data.params import DataParams
from pipeline.data.paths import source_state
from pipeline.inference.input_readers import read_raw
from pipeline.inference.predict import preprocess
from pipeline.inference.range_check import RangeCheck
from tests.helpers.data_fixtures import table_rows, write_csv


def write(path, header, rows, separator=","):
    """A file of rows."""
    lines = [separator.join(map(str, row)) + "\n" for row in [header, *rows]]
    path.write_text("".join(lines))
    return path


def numbers(count=60, seed=1):
    """Rows of two numbers and a label."""
    values = np.random.default_rng(seed).normal(size=(count, 2)).round(3)
    return [[a, b, "yes" if a + b > 0 else "no"] for a, b in values.tolist()]


def predicted(result, path, params=None):
    """Examples and notes of a file for `predict`."""
    settings = {"columns": {"label": "label", "ignore": []}, **(params or {})}
    write_json(result.folder / "params.json", settings)
    raw = read_raw(path, result.data)
    return preprocess(raw, result.data), raw.notes


def test_predict_finds_columns_by_their_names(make, tmp_path):
    rows = numbers()
    result = make(source=f"csv:{write(tmp_path / 'a.csv', ['a', 'b', 'label'], rows)}")
    swapped = [[b, a] for a, b, _ in rows]
    path = write(tmp_path / "swapped.csv", ["b", "a"], swapped)
    first = write(tmp_path / "first.csv", ["a", "b"], [row[:2] for row in rows])
    assert np.array_equal(predicted(result, path)[0], predicted(result, first)[0])
    with pytest.raises(UserError, match=r"missing: b; not used: c"):
        predicted(result, write(tmp_path / "c.csv", ["c", "a"], swapped))
    more = write(tmp_path / "more.csv", ["a", "b", "id"], rows)
    assert predicted(result, more)[1] == ("columns that the model does not take: id",)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace(",", ";").replace(".", ",").encode(),
        lambda text: text.replace(",", " , ").encode(),
    ],
)
def test_data_and_predict_read_the_same_notations(make, tmp_path, encode):
    plain = write(tmp_path / "plain.csv", ["a", "b", "label"], numbers())
    other = tmp_path / "other.csv"
    other.write_bytes(encode(plain.read_text()))
    results = [make(source=f"csv:{path}") for path in (plain, other)]
    splits = [result.data.train() for result in results]
    assert np.array_equal(splits[0].x, splits[1].x)
    assert np.array_equal(splits[0].y, splits[1].y)
    rows = [predicted(results[0], path)[0] for path in (plain, other)]
    assert np.array_equal(rows[0], rows[1])


def test_parquet_is_read_as_csv(make, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = numbers()
    plain = write(tmp_path / "plain.csv", ["a", "b", "label"], rows)
    columns = dict(zip(["a", "b", "label"], map(list, zip(*rows))))
    path = tmp_path / "table.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    results = [make(source=f"csv:{plain}"), make(source=f"parquet:{path}")]
    assert np.array_equal(*[result.data.train().x for result in results])
    assert np.array_equal(*[predicted(results[0], p)[0] for p in (plain, path)])


def test_a_comma_that_may_be_of_thousands_is_asked_for(read, tmp_path):
    rows = [["1,250", "2,500", k % 2] for k in range(20)]
    path = write(tmp_path / "a.csv", ["a", "b", "label"], rows, ";")
    with pytest.raises(UserError, match=r"1,250 may be .* set data\.columns\.decimal"):
        read(source=f"csv:{path}")
    examples = read(source=f"csv:{path}", columns={"decimal": ","}).examples
    assert examples.x[0:1].tolist() == [[1.25, 2.5]]


def test_a_column_that_is_named_twice_is_refused(make, read, tmp_path):
    rows = [[a, b, label, label] for a, b, label in numbers()]
    path = write(tmp_path / "a.csv", ["a", "b", "label", "label"], rows)
    with pytest.raises(UserError, match="names label more than once"):
        read(source=f"csv:{path}")
    good = make(
        source=f"csv:{write(tmp_path / 'b.csv', ['a', 'b', 'label'], numbers())}"
    )
    with pytest.raises(UserError, match="names a more than once"):
        predicted(good, write(tmp_path / "c.csv", ["a", "a", "b"], rows))


def test_a_column_that_numbers_the_rows_is_no_input(make, tmp_path):
    rows = sorted(numbers(), key=lambda row: row[2])
    indexed = [[k, *row] for k, row in enumerate(rows)]
    path = write(tmp_path / "a.csv", ["", "a", "b", "label"], indexed)
    result = make(source=f"csv:{path}")
    assert result.data.spec.inputs == ("a", "b")
    assert "column 1 has no name and numbers the rows" in result.metrics["headline"]
    assert predicted(result, path)[0].shape == (60, 2)
    other = [[7, *row] for row in rows]
    path = write(tmp_path / "b.csv", ["", "a", "b", "label"], other)
    with pytest.raises(UserError, match=r"column 1 has no name \(7, 7, 7"):
        make(source=f"csv:{path}")


def test_an_input_that_is_the_label_is_a_warning(make, tmp_path):
    rows = sorted(numbers(200), key=lambda row: row[2])
    numbered = [[k, *row] for k, row in enumerate(rows)]
    path = write(tmp_path / "a.csv", ["id", "a", "b", "label"], numbered)
    (warning,) = make(source=f"csv:{path}").metrics["warnings"]
    assert warning.startswith('the input "id" alone predicts the label')
    ignored = make(source=f"csv:{path}", columns={"ignore": ["id"]})
    assert "warnings" not in ignored.metrics


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_seconds_since_1970_keep_their_differences(make, tmp_path, kind):
    seconds = 1_700_000_000 + np.arange(60) * 2.0
    y = np.arange(60) % 2
    path = tmp_path / f"a.{kind}"
    if kind == "npz":
        np.savez(path, x=seconds[:, None], y=y)
    else:
        write(path, ["time", "label"], zip(seconds.astype(int), y))
    result = make(source=f"{kind}:{path}")
    x = result.data.train().x[:, 0]
    assert x.dtype == np.float32 and len(np.unique(x)) == len(x)
    step = result.data.spec.preprocess[-1]
    assert step["precision"] == "float64"
    if kind == "csv":
        stored = predicted(result, path)[0][:, 0]
        assert np.allclose(np.diff(stored), np.diff(stored)[0], rtol=1e-3)
        single = write(tmp_path / "one.csv", ["time"], [[int(seconds[7])]])
        assert predicted(result, single)[0][0, 0] == stored[7]


def test_ordinary_tables_stay_in_32_bits(read, table):
    examples = read(source=f"csv:{table}", columns={"ignore": ["site"]}).examples
    assert examples.x.dtype == np.float32


def test_a_column_of_tiny_numbers_is_not_constant(make, tmp_path):
    rng = np.random.default_rng(1)
    rows = [[f"{v:.3e}", k % 2] for k, v in enumerate(rng.random(60) * 1e-9)]
    result = make(source=f"csv:{write(tmp_path / 'a.csv', ['farad', 'label'], rows)}")
    assert result.data.train().x.std() == pytest.approx(1, abs=0.01)


def test_a_whole_number_is_one_class_in_every_notation(read, tmp_path):
    labels = ["1", "1.0", " 1", "2", "2.", "2.00"] * 10
    rows = [[k, label] for k, label in enumerate(labels)]
    path = write(tmp_path / "a.csv", ["a", "label"], rows)
    assert read(source=f"csv:{path}").examples.classes == ("1", "2")


@pytest.mark.parametrize("text", ["nan", "NA", "?", "NULL"])
def test_a_label_that_is_missing_is_no_class(read, tmp_path, text):
    rows = [[k, text if k == 5 else k % 2] for k in range(40)]
    path = write(tmp_path / "a.csv", ["a", "label"], rows)
    expected = re.escape(f"row 7: its label is '{text}': a missing value")
    with pytest.raises(UserError, match=expected):
        read(source=f"csv:{path}")


def test_none_and_a_minus_are_classes_and_others_where_they_are_named(read, tmp_path):
    for first, second, classes in (("none", "-", None), ("NA", "EU", ["EU", "NA"])):
        rows = [[k, (first, second)[k % 2]] for k in range(40)]
        path = write(tmp_path / "a.csv", ["a", "label"], rows)
        examples = read(source=f"csv:{path}", classes=classes).examples
        assert set(examples.classes) == {first, second}


def mixed_rows(count=60):
    """A city, an age that is missing sometimes, a number, and a label."""
    rng = np.random.default_rng(3)
    return [
        [["Rome", "Oslo", "Bonn"][k % 3], "" if k % 5 == 0 else k % 40, a, k % 2]
        for k, a in enumerate(rng.normal(size=count).round(3).tolist())
    ]


HEADER = ["city", "age", "size", "label"]
SETTINGS = {"columns": {"categories": ["city"], "gaps": "median"}}


def test_categories_and_gaps_become_numbers(make, tmp_path):
    rows = mixed_rows()
    rows[7][0] = "Nowhere"  # a category of one row is unknown
    path = write(tmp_path / "a.csv", HEADER, rows)
    result = make(source=f"csv:{path}", **SETTINGS)
    spec = result.data.spec
    assert spec.inputs == (
        *("city = [unknown]", "city = Bonn", "city = Oslo", "city = Rome"),
        *("age", "age is missing", "size"),
    )
    x = result.data.train().x
    assert x.shape[1:] == spec.shape == (7,)
    assert set(np.unique(x[:, :4])) == {0, 1} and (x[:, :4].sum(axis=1) == 1).all()
    missing = x[:, 5] == 1
    assert 0 < missing.mean() < 0.5 and len(np.unique(x[missing, 4])) == 1
    assert np.allclose(x[:, 6].mean(), 0, atol=1e-5)


def test_predict_encodes_as_training_did(make, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, mixed_rows())
    result = make(source=f"csv:{path}", **SETTINGS)
    stored, _ = predicted(result, path, SETTINGS)
    with np.load(result.folder / "splits.npz") as splits:
        train = splits["train_index"]
    assert np.array_equal(stored[train], result.data.train().x)
    path = write(tmp_path / "b.csv", ["size", "city", "age"], [[0, "Paris", "NA"]])
    row, notes = predicted(result, path, SETTINGS)
    assert row[0, :4].tolist() == [1, 0, 0, 0] and row[0, 5] == 1
    assert notes == (
        '"city" is Paris, which the training examples do not hold: it is encoded as '
        "unknown",
    )


def test_a_number_far_outside_is_doubted_beside_encoded_columns(make, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, mixed_rows())
    result = make(source=f"csv:{path}", **SETTINGS)
    path = write(tmp_path / "b.csv", HEADER, [["Rome", 9, 1000, 0]])
    stored, _ = predicted(result, path, SETTINGS)
    raw = read_raw(path, result.data).raw
    problem = RangeCheck(result.data).problem(raw, stored)
    assert problem.startswith('"size" is 1000, ')


def test_gaps_and_words_name_the_key_that_takes_them(read, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, mixed_rows())
    with pytest.raises(UserError, match=r"data\.columns\.categories: \[city\]"):
        read(source=f"csv:{path}")
    with pytest.raises(UserError, match=r"row 2: .*data\.columns\.gaps: median"):
        read(source=f"csv:{path}", columns={"categories": ["city"]})


def test_gaps_of_an_array(make, tmp_path):
    x = np.random.default_rng(1).normal(size=(60, 2))
    x[::7, 1] = np.nan
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(60) % 2)
    columns = {"gaps": "median"}
    result = make(source=f"npz:{tmp_path}/a.npz", columns=columns)
    assert result.data.spec.inputs == ("column 0", "column 1", "column 1 is missing")
    assert np.isfinite(result.data.train().x).all()


def test_a_number_with_an_underscore_is_a_name(read, tmp_path):
    rows = [[k, f"{k}_0", k % 2] for k in range(30)]
    path = write(tmp_path / "a.csv", ["a", "code", "label"], rows)
    with pytest.raises(UserError, match="no number in column code"):
        read(source=f"csv:{path}")


def test_a_small_file_that_decompresses_to_much_is_refused(read, tmp_path):
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("a,label\n")
        file.write(f"{' ' * 2_000_000}1,0\n2,1\n")
    limits = {"decompressed_megabytes": 1}
    with pytest.raises(
        UserError, match=r"more than 1 MB when decompressed; raise data"
    ):
        read(source=f"csv:{path}", limits=limits)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/proc/kmsg", "must be a regular file"),
        ("~nobody-of-this-name/x", "is not the home folder of a user"),
        ("n" * 300, "must be a regular file"),
    ],
)
def test_a_path_that_is_no_file_is_named_at_once(read, name, message):
    with pytest.raises(UserError, match=message):
        read(source=f"csv:{name}")
    assert source_state(DataParams(source=f"csv:{name}")) == {f"csv:{name}": None}


def test_a_pipe_is_not_read(read, make, table, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UserError, match="must be a regular file"):
        read(source=f"csv:{tmp_path}/pipe.csv")
    result = make(source=f"csv:{table}", columns={"ignore": ["site"]})
    with pytest.raises(UserError, match="is not a regular file"):
        predicted(result, tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["a\x1b[31mb", "two\nlines", "x" * 300])
def test_names_that_cannot_stand_in_a_line_are_refused(read, tmp_path, name):
    rows = [[k, f'"{name}"' if k % 2 else "other"] for k in range(40)]
    path = write(tmp_path / "a.csv", ["a", "label"], rows)
    with pytest.raises(UserError, match='the class ".*" (holds|has)') as caught:
        read(source=f"csv:{path}")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


def test_what_is_quoted_is_cut(read, tmp_path):
    rows = table_rows()
    rows[7][1] = "\x1b]0;title\x07" + "x" * 100_000
    path = write_csv(tmp_path / "a.csv", rows)
    with pytest.raises(UserError) as caught:
        read(source=f"csv:{path}", columns={"ignore": ["site"]})
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500
