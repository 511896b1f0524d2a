"""Splits that are named sources, no test split, rare classes, and no labels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError

COUNTS = {"train": 12, "validation": 6, "test": 4}


@pytest.fixture
def arrays(tmp_path):
    """A file with three splits of two classes; each x holds the number of its split."""
    values = {}
    for number, (name, count) in enumerate(COUNTS.items()):
        values[f"x_{name}"] = np.full((count, 3), number, np.float32)
        values[f"x_{name}"][:, 0] = np.arange(count)
        values[f"y_{name}"] = np.arange(count) % 2
    np.savez(tmp_path / "all.npz", **values)
    return f"npz:{tmp_path / 'all.npz'}"


def test_each_split_is_the_source_that_names_it(make, arrays):
    named = {
        "validation": f"{arrays}#test",
        "test": f"{arrays}#x_validation,y_validation",
    }
    result = make(source=f"{arrays}#train", split_sources=named, preprocessing="none")
    assert result.metrics["examples"] == {"train": 12, "validation": 4, "test": 6}
    assert set(result.data.train().x[:, 1]) == {0}
    assert set(result.data.validation().x[:, 1]) == {2}
    assert result.metrics["origins"] == {"validation": "named", "test": "named"}


def test_without_a_test_split_no_example_is_left_unused(make, arrays):
    split = {"train": 0.5, "validation": 0.5, "test": 0}
    result = make(source=arrays, split=split, preprocessing="none")
    assert result.metrics["examples"] == {"train": 12, "validation": 10, "test": 0}
    assert np.load(result.folder / "test_x.npy").shape == (0, 3)
    assert result.metrics["origins"]["validation"] == "source"
    drawn = make(source=f"{arrays}#train", split=split, preprocessing="none")
    assert drawn.metrics["examples"] == {"train": 6, "validation": 6, "test": 0}
    assert drawn.metrics["origins"]["validation"] == "drawn"


def test_a_part_that_a_file_does_not_hold_is_named(make, arrays):
    with pytest.raises(UserError, match='no array "x_tset"; did you mean "x_test"'):
        make(source=f"{arrays}#tset")


def test_48_examples_of_1000_classes_are_split(make, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 2)).astype(np.float32)
    np.savez(tmp_path / "a.npz", x=x, y=rng.choice(1000, 48, replace=False))
    split = {"train": 0.6, "validation": 0.4, "test": 0, "rare_classes": "allow"}
    result = make(source=f"npz:{tmp_path}/a.npz", split=split, class_count=1000)
    assert len(result.data.spec.classes) == 1000
    assert result.metrics["examples"] == {"train": 29, "validation": 19, "test": 0}


def test_outputs_that_are_no_classes_do_not_count_them(make, tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(60) % 2)
    options = {"task": "anomaly_detection", "normal": ["0"]}
    counted, plain = (
        make(source=f"npz:{tmp_path}/a.npz", **options, class_count=count)
        for count in (4, None)
    )
    assert counted.data.spec.classes == plain.data.spec.classes


def test_rare_classes_leave_the_others_in_proportion(make, tmp_path):
    y = np.array([0] * 50 + [1] * 10 + [2])
    np.savez(tmp_path / "a.npz", x=np.arange(61.0)[:, None], y=y)
    split = {"train": 0.6, "validation": 0.4, "test": 0, "rare_classes": "allow"}
    counts = make(source=f"npz:{tmp_path}/a.npz", split=split).metrics["class_balance"]
    assert counts["validation"][0] in (19, 20, 21)
    assert counts["validation"][1] in (3, 4, 5)
    assert sum(counts["train"]) == 37


def test_an_error_lists_a_few_of_many_missing_classes(make, arrays):
    names = ["0", "1", *(f"class {k}" for k in range(990))]
    with pytest.raises(UserError, match=r"\.\.\. \(978 more\)") as caught:
        make(source=arrays, classes=names)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("count", [20, 300])
def test_examples_without_labels_are_split(make, tmp_path, count):
    x = np.random.default_rng(0).normal(size=(count, 3))
    np.savez(tmp_path / "a.npz", x=x)
    split = {"train": 0.6, "validation": 0.4, "test": 0}
    result = make(source=f"npz:{tmp_path}/a.npz", task="agreement", split=split)
    shared = count == 20
    assert result.metrics["examples"]["validation"] == (20 if shared else 120)
    assert result.metrics["shared_between_splits"] == (20 if shared else 0)
    assert result.metrics["headline"].startswith(f"{count} examples")


def test_grey_files_have_one_channel(make, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "grey" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (4, 5), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    split = {"train": 0.5, "validation": 0.5, "test": 0}
    source = f"images:{tmp_path}/grey"
    assert make(source=source, split=split).data.spec.shape == (4, 5, 1)
    colored = make(source=source, split=split, image={"channels": 3})
    assert colored.data.spec.shape == (4, 5, 3)
    Image.new("RGB", (5, 4)).save(tmp_path / "grey" / "a" / "10.png")
    assert make(source=source, split=split).data.spec.shape == (4, 5, 3)
