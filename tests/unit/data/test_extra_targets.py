"""Extra targets: where they come from, how they are stored, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.artifact import extra_target_path
from pipeline.data.params import DataParams
from tests.helpers.data_fixtures import table_rows, text_rows, write_csv


def test_a_column_is_a_target_and_no_input(make, table):
    result = make(
        source=f"csv:{table}", extra_targets={"site": "class", "height": "number"}
    )
    spec, train = result.data.spec, result.data.extra_targets("train")
    assert spec.inputs == ("width",)
    assert [one["name"] for one in spec.also] == ["site", "height"]
    assert spec.also[0]["classes"] == [f"g{k}" for k in range(6)]
    at = np.load(result.folder / "splits.npz")["train_index"]
    assert train["site"].tolist() == [k % 6 for k in at]
    heights = np.array([row[1] for row in table_rows()[1:]])[at]
    assert abs(train["height"].mean()) < 1e-6 and train["height"].std() > 0.999
    scaled = train["height"] * spec.also[1]["deviation"] + spec.also[1]["mean"]
    assert np.allclose(scaled, heights, atol=1e-5)
    assert len(result.data.extra_targets("validation")["site"]) == len(
        result.data.validation()
    )
    assert extra_target_path(result.folder, "test", 1).is_file()
    with pytest.raises(ValueError, match="only pipeline.data.test_split"):
        result.data.extra_targets("test")
    assert result.metrics["extra_targets"] == {"site": 6, "height": "number"}


def test_without_extra_targets_nothing_of_them_is_written(make, table):
    result = make(source=f"csv:{table}", columns={"ignore": ["site"]})
    assert '"also"' not in (result.folder / "spec.json").read_text()
    assert not list(result.folder.glob("*_also*"))


def test_parts_of_file_names_texts_and_arrays_have_them_too(make, clips, npz, tmp_path):
    sound = make(
        source=f"wav:{clips}",
        audio={"seconds": 0.5},
        file_name="{speaker}_{take}",
        extra_targets={"speaker": "class", "take": "number"},
    )
    assert sound.data.spec.also[0]["classes"] == list("abcde")
    texts = [["text", "label", "k"]]
    texts += [[*row, k % 3] for k, row in enumerate(text_rows()[1:])]
    path = write_csv(tmp_path / "also.csv", texts)
    words = make(source=f"text:{path}", extra_targets={"k": "class"})
    assert words.data.spec.also[0]["classes"] == ["0", "1", "2"]
    with np.load(npz) as arrays:
        both = {name: arrays[name] for name in arrays.files}
    np.savez(npz, **both, age=np.arange(60), kind=np.arange(60) % 2)
    arrays = make(source=f"npz:{npz}", extra_targets={"kind": "class", "age": "number"})
    assert set(arrays.data.extra_targets("train")["kind"].tolist()) == {0, 1}


def test_a_second_source_brings_its_own_and_new_classes(make, tmp_path):
    one, rows = table_rows(), table_rows()
    more = [rows[0], *([a * 2, b, c, "new"] for a, b, c, _ in rows[1:])]
    paths = [write_csv(tmp_path / f"{k}.csv", r) for k, r in enumerate([one, more])]
    result = make(
        source=f"csv:{paths[0]}",
        extend=f"csv:{paths[1]}",
        extra_targets={"site": "class"},
    )
    assert result.data.spec.also[0]["classes"][-1] == "new"
    assert (result.data.extra_targets("train")["site"] == 6).sum() > 20


def test_repeated_examples_keep_theirs(make, tmp_path):
    rows = [row for k, row in enumerate(table_rows(120)) if row[2] != "up" or k % 3]
    source = f"csv:{write_csv(tmp_path / 'uneven.csv', rows)}"
    result = make(source=source, extra_targets={"site": "class"}, balance="resample")
    assert len(result.data.extra_targets("train")["site"]) == len(result.data.train())


@pytest.mark.parametrize(
    ("change", "targets", "words"),
    [
        (
            (5, "also"),
            {"nothing": "class"},
            'no column "nothing".*set data.extra_targets',
        ),
        ((5, ""), {"site": "class"}, """row 5: column "site" is '', not a class"""),
        ((5, "far"), {"site": "number"}, """column "site" is 'g0', not a number"""),
    ],
)
def test_a_value_that_is_not_there_is_an_error(make, tmp_path, change, targets, words):
    rows = table_rows()
    rows[change[0] - 1][3] = change[1]
    path = write_csv(tmp_path / "bad.csv", rows)
    with pytest.raises(UserError, match=words):
        make(source=f"csv:{path}", extra_targets=targets)


def test_one_class_is_nothing_to_learn(make, tmp_path):
    rows = [[*row[:3], "home" if k else "site"] for k, row in enumerate(table_rows())]
    path = write_csv(tmp_path / "one.csv", rows)
    words = 'data.extra_targets "site": the training split has a single class .home.'
    with pytest.raises(UserError, match=words):
        make(source=f"csv:{path}", extra_targets={"site": "class"})


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"source": "sklearn:digits"}, "a source of kind sklearn has none"),
        ({"source": "wav:x"}, 'not a field of file_name ""'),
        ({"source": "csv:x", "split": {"group": "site"}}, "is split.group"),
        (
            {"source": "csv:x", "columns": {"label": "site"}},
            "is the label column itself",
        ),
        (
            {"source": "csv:x", "task": "anomaly_detection", "normal": ["a"]},
            "does not support auxiliary heads",
        ),
        ({"source": "csv:x", "extra_targets": {"site": "text"}}, "'class' or 'number'"),
    ],
)
def test_what_has_no_extra_targets_is_refused(params, words):
    with pytest.raises(ValidationError, match=words):
        DataParams(**{"extra_targets": {"site": "class"}, **params})
