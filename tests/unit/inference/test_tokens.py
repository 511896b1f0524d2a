"""Token numbers for `predict`: whole, not negative, and known to the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data
from pipeline.inference.input_readers import check_range
from pipeline.inference.interpreter import quantize
from pipeline.inference.range_check import RangeCheck
from tests.helpers import published


@pytest.fixture
def data(tmp_path: Path) -> Data:
    spec = replace(
        published.SPEC, shape=(3,), dtype="float32", modality="text", vocabulary=40
    )
    return Data(tmp_path, spec)


@pytest.mark.parametrize("value", [2.5, -1, np.nan])
def test_what_is_no_token_is_refused(data, value):
    tokens = np.array([[1, value, 2]], np.float32)
    with pytest.raises(UserError, match=f"a.npy: holds {value:g}, but tokens are whol"):
        check_range(tokens, data, "a.npy")


def test_whole_numbers_are_tokens_in_every_dtype(data):
    for dtype in (np.float32, np.int64, np.uint8):
        check_range(np.array([[0, 39, 2]], dtype), data, "a.npy")


def test_a_token_that_the_data_do_not_hold_is_doubted(data):
    tokens = np.array([[1, 99, 2]], np.int32)
    assert "holds the token 99, but those of the data are 0 to 39" in RangeCheck(
        data
    ).problem(tokens, tokens)
    assert RangeCheck(data).problem(tokens % 40, tokens % 40) == ""


@pytest.mark.filterwarnings("error")
def test_a_number_that_is_none_gives_no_warning_of_numpy():
    details = {"quantization": (0.5, 3), "dtype": np.int8, "name": "input"}
    assert quantize(np.float32([np.nan, 1]), details)[1] == 5
