"""Limits of memory that contradict the size of the images."""

from __future__ import annotations

import pytest

from pipeline.experiment.budget_rules import misfits
from pipeline.experiment.schema import Experiment

BYTES = 96 * 96 * 3
IMAGES = {"source": "images:photos", "image": {"size": [96, 96], "channels": 3}}


def _misfits(data, limit, key="compress"):
    section = {
        "compress": {"compress": {"budget": {"max_arena": limit}}},
        "tune": {"tune": {"limits": {"activation_bytes": limit}}},
    }[key]
    return list(misfits(Experiment.model_validate({"data": data, **section})))


@pytest.mark.parametrize("section", ["compress", "tune"])
def test_a_limit_below_one_input_is_named_with_both_numbers(section):
    ((key, reason),) = _misfits(IMAGES, BYTES - 1, section)
    assert key[0] == section
    assert reason.startswith(
        "27,647 bytes, but one input of 96 x 96 x 3 takes 27,648 in int8; allow more"
    )
    assert not _misfits(IMAGES, BYTES, section)


def test_unknown_channels_count_as_the_fewest():
    data = {"source": "images:photos", "image": {"size": [10, 10]}}
    assert _misfits(data, 99) and not _misfits(data, 100)


@pytest.mark.parametrize(
    "data", [{"source": "images:photos"}, {"source": "csv:rows.csv"}]
)
def test_a_size_that_is_not_known_limits_nothing(data):
    assert not _misfits(data, 1)
