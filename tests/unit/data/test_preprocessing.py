"""`data.preprocessing: none`: a model gets the numbers of the source."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.features import Standardise
from pipeline.data.params import DataParams

SHAPES = [
    ((9,), "table"),
    ((8, 5), "table"),
    ((6, 6, 1), "image"),
    ((4, 4, 2), "table"),
]


def arrays(path, shape, kind=np.float32):
    """Forty examples of 0 .. 255, none twice; the last number is the class."""
    x = np.random.default_rng(1).integers(0, 256, (40, *shape)).astype(kind)
    np.savez(path, x=x, y=np.arange(40) % 2)
    return x


@pytest.mark.parametrize(("shape", "modality"), SHAPES)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_model_gets_what_the_array_holds(make, tmp_path, shape, modality, kind):
    x = arrays(tmp_path / "a.npz", shape, kind)
    result = make(source=f"npz:{tmp_path}/a.npz", preprocessing="none")
    spec, train = result.data.spec, result.data.train()
    assert (spec.shape, spec.modality, spec.preprocess) == (shape, modality, ())
    with np.load(result.folder / "splits.npz") as splits:
        np.testing.assert_array_equal(
            spec.to_input(train.x[:]), x[splits["train_index"]].astype(np.float32)
        )


def test_without_it_the_same_arrays_are_prepared(make, tmp_path):
    arrays(tmp_path / "a.npz", (9,))
    prepared = make(source=f"npz:{tmp_path}/a.npz").data
    assert isinstance(prepared.steps()[0], Standardise)
    assert np.abs(prepared.train().x[:]).max() < 10
    arrays(tmp_path / "b.npz", (6, 6, 1), np.uint8)
    pixels = make(source=f"npz:{tmp_path}/b.npz").data
    assert pixels.spec.to_input(pixels.train().x[:]).max() <= 1
    arrays(tmp_path / "c.npz", (4, 4, 2))
    with pytest.raises(
        UserError, match="data.preprocessing: none takes arrays of any shape"
    ):
        make(source=f"npz:{tmp_path}/c.npz")


def test_a_table_of_a_csv_file_is_not_standardised(make, tmp_path):
    rows = [f"{at},{1000 + at},{'ab'[at % 2]}" for at in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["one,two,label", *rows]))
    train = make(source=f"csv:{tmp_path}/t.csv", preprocessing="none").data.train()
    np.testing.assert_array_equal(train.x[:, 1] - train.x[:, 0], 1000)


def test_what_is_no_number_is_refused(make, tmp_path):
    rows = [f"{'good' if at % 2 else 'bad'} {at},{at % 2}" for at in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    with pytest.raises(
        UserError, match="data.preprocessing: none is imp.* text is converted"
    ):
        make(source=f"text:{tmp_path}/t.csv", preprocessing="none")


def test_the_default_prepares_examples():
    assert DataParams(source="sklearn:digits").preprocessing == "auto"


def test_gaps_are_not_left_in_numbers_that_nothing_fills(make, tmp_path):
    x = np.array([[1.0, np.nan], [2.0, 3.0]] * 15, np.float32)
    np.savez(tmp_path / "a.npz", x=x, y=["a", "b"] * 15)
    source, columns = f"npz:{tmp_path}/a.npz", {"gaps": "median"}
    with pytest.raises(UserError, match=r"data\.columns\.gaps: median is impossible"):
        make(source=source, columns=columns, preprocessing="none")


def test_a_scale_is_not_ignored_where_rows_are_tokens(make, tmp_path):
    x = np.tile(np.arange(4, dtype=np.int32), (30, 1))
    np.savez(tmp_path / "a.npz", x=x, y=["a", "b"] * 15)
    with pytest.raises(UserError, match="word numbers, which have no scale"):
        make(source=f"npz:{tmp_path}/a.npz", tokens=True, scale=0.5)
