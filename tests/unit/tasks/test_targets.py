"""Numbers to predict, and anomaly detection: from labels to stored targets."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.test_split import held_out_split
from tests.helpers.data_fixtures import write_csv

HEADER = ["area", "price"]
HOUSES = {"columns": {"label": "price"}, "task": "regression"}


@pytest.fixture
def houses(tmp_path):
    """Sixty rows whose price is twice the area, plus ten thousand."""
    rows = [[at, 2 * at + 10_000] for at in range(60)]
    return write_csv(tmp_path / "houses.csv", [HEADER, *rows])


def prices(result, split) -> np.ndarray:
    target = result.data.spec.target
    return split.y * target["deviation"] + target["mean"]


def test_numbers_are_stored_on_the_training_splits_scale_and_can_be_read_back(
    make, houses
):
    result = make(source=f"csv:{houses}", **HOUSES)
    train, spec = result.data.train(), result.data.spec
    assert (spec.task, spec.classes, spec.target["name"]) == ("regression", (), "price")
    assert train.y.dtype == np.float32
    assert (train.y.mean(), train.y.std()) == pytest.approx((0, 1), abs=1e-5)
    scale = next(s for s in spec.preprocess if s["step"] == "standardise")
    area = train.x[:, 0] * scale["deviation"][0] + scale["mean"][0]
    assert prices(result, train) == pytest.approx(2 * area + 10_000, abs=0.01)


def test_every_split_has_small_numbers_and_large_ones(make, houses):
    result = make(source=f"csv:{houses}", **HOUSES)
    splits = [
        result.data.train(),
        result.data.validation(),
        held_out_split(result.folder),
    ]
    assert [len(split) for split in splits] == [36, 12, 12]
    for split in splits:
        assert (
            prices(result, split).min() < 10_050
            and prices(result, split).max() > 10_070
        )
    assert result.metrics["numbers"]["train"]["low"] >= 10_000


def test_a_regression_inside_scikit_learn(make):
    result = make(source="sklearn:diabetes", task="regression")
    assert result.data.spec.shape == (10,)
    assert 120 < result.data.spec.target["mean"] < 180
    assert (result.folder / "preview.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_of_an_npz_file(make, tmp_path):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    np.savez(tmp_path / "n.npz", x=x, y=y)
    result = make(source=f"npz:{tmp_path / 'n.npz'}", task="regression")
    every = [prices(result, s) for s in (result.data.train(), result.data.validation())]
    apart = np.abs(np.concatenate(every)[:, None] - y)
    assert apart.min(axis=1).max() < 1e-5


def test_folds_of_numbers_are_parts_of_the_whole(make, houses):
    tests = [
        held_out_split(
            make(source=f"csv:{houses}", split={"folds": 3, "fold": f}, **HOUSES).folder
        )
        for f in range(3)
    ]
    assert [len(split) for split in tests] == [20, 20, 20]


def test_an_anomaly_detector_is_trained_on_normal_examples_alone(make):
    result = make(source="sklearn:digits", task="anomaly_detection", normal=["0", "1"])
    spec, held_out = result.data.spec, held_out_split(result.folder)
    assert (spec.task, spec.classes) == ("anomaly_detection", ("normal", "anomaly"))
    assert set(result.data.train().y) == set(result.data.calibration().y) == {0}
    for split in (result.data.validation(), held_out):
        assert 0.1 < (split.y == 0).mean() < 0.3
    whole = result.metrics["examples"]
    assert sum(whole.values()) + result.metrics["anomalies_left_out_of_train"] == 1797


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"task": "anomaly_detection"}, "needs normal"),
        ({"normal": ["0"]}, "normal is for task anomaly_detection"),
        ({"task": "regression", "balance": "weights"}, "balance is for classif"),
        ({"task": "regression", "labels": {"noise": 0.1}}, "labels.noise is for class"),
        ({"task": "regression", "classes": ["a", "b"]}, "classes is for classif"),
    ],
)
def test_settings_that_contradict_the_task(params, message):
    with pytest.raises(ValidationError, match=message):
        DataParams(source="sklearn:digits", **params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"source": "sklearn:digits", "task": "regression"}, "is for data.task classi"),
        ({"source": "sklearn:diabetes"}, "is for data.task regression, not classif"),
        (
            {"source": "sklearn:digits", "task": "anomaly_detection", "normal": ["12"]},
            r'no class "12" in "sklearn:digits".*classes: 0, 1',
        ),
        (
            {
                "source": "sklearn:iris",
                "task": "anomaly_detection",
                "normal": ["setosa", "versicolor", "virginica"],
            },
            "every class is normal",
        ),
    ],
)
def test_sources_that_do_not_serve_the_task(make, params, message):
    with pytest.raises(UserError, match=message):
        make(**params)


@pytest.mark.parametrize("price", ["cheap", "nan", ""])
def test_a_label_that_is_not_a_number_is_named_with_its_row(make, tmp_path, price):
    rows = [[at, at] for at in range(40)]
    path = write_csv(tmp_path / "h.csv", [HEADER, *rows, [3, price]])
    with pytest.raises(UserError, match=r"row 42: (its label is|has no label)"):
        make(source=f"csv:{path}", **HOUSES)
    skipped = make(source=f"csv:{path}", on_bad_example="skip", **HOUSES)
    assert skipped.metrics["skipped"] == 1


def test_a_column_of_one_number_leaves_nothing_to_predict(make, tmp_path):
    path = write_csv(tmp_path / "h.csv", [HEADER, *[[at, 7] for at in range(40)]])
    with pytest.raises(UserError, match="every example has the number 7"):
        make(source=f"csv:{path}", **HOUSES)


def test_a_folder_of_classes_has_no_numbers(make, images):
    with pytest.raises(UserError, match="has classes and no numbers to predict"):
        make(source=f"images:{images}", task="regression")


@pytest.fixture
def measured(tmp_path):
    """A label column of eighty measured numbers, as a CSV and an .npz file."""
    rows = [[at, at / 7 + 0.01, "ab"[at % 2]] for at in range(80)]
    np.savez(tmp_path / "m.npz", x=np.ones((80, 3)), y=[row[1] for row in rows])
    write_csv(tmp_path / "m.csv", [["x", "label", "kind"], *rows])
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_measured_numbers_are_not_taken_for_classes(make, measured, kind):
    source = f"{kind}:{measured / f'm.{kind}'}"
    ignored = {"columns": {"ignore": ["kind"]}} if kind == "csv" else {}
    message = "data.source .*80 different numbers .*set data.task: regression"
    with pytest.raises(UserError, match=message) as raised:
        make(source=source, **ignored)
    assert len(str(raised.value).splitlines()) == 1
    assert make(source=source, **ignored, task="regression").data.spec.target


def test_numbers_with_a_fraction_are_counted_apart_from_whole_ones(make, tmp_path):
    labels = [*(f"{at}.5" for at in range(51)), *(f"{at}" for at in range(30))]
    path = write_csv(tmp_path / "m.csv", [["x", "label"], *enumerate(labels)])
    with pytest.raises(UserError, match=r"51 different numbers with a fr.*\(0.5, 1.5,"):
        make(source=f"csv:{path}")


def test_numbers_among_words_are_names(make, tmp_path):
    labels = [*(f"{at}.5" for at in range(51)), *(f"word {at}" for at in range(300))]
    rows = [["x", "label"], *enumerate(labels * 5)]
    result = make(source=f"csv:{write_csv(tmp_path / 'words.csv', rows)}")
    assert len(result.data.spec.classes) == 351


def test_few_numbers_or_whole_ones_may_be_classes(make, tmp_path, measured):
    few = [["x", "label"], *([at, at % 40 + 0.5] for at in range(400))]
    result = make(source=f"csv:{write_csv(tmp_path / 'few.csv', few)}")
    assert len(result.data.spec.classes) == 40 and "0.5" in result.data.spec.classes
    whole = [["x", "label"], *([at, at % 60] for at in range(600))]
    result = make(source=f"csv:{write_csv(tmp_path / 'whole.csv', whole)}")
    assert len(result.data.spec.classes) == 60
    columns = {"label": "kind", "ignore": ["label"]}
    assert make(source=f"csv:{measured / 'm.csv'}", columns=columns).data.spec.classes
