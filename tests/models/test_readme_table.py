"""The README's tables of families and presets say what the builders do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.models import registry
from pipeline.models.catalogue import BUILDER_MODULES, PRESETS
from pipeline.models.building_blocks import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS
from tests.models.cases import spec

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
ROW = r"^\| `(\w+)` \| .* \| ([\d,]+) \((.*?)\) \|$"
FAMILIES = {row[0]: row[1:] for row in re.findall(ROW, README, re.M)}
TASKS = {
    "autoencoder": "anomaly_detection",
    "char_lm": "next_token",
    "unet": "segmentation",
}
TEN = tuple("0123456789")


def data(family: str, on: str):
    task = TASKS.get(family, "classification")
    if match := re.fullmatch(r"(\d+) of ([\d,]+) tokens", on):
        vocabulary = int(match[2].replace(",", ""))
        return spec((int(match[1]),), "text", task, vocabulary, TEN)
    return spec(tuple(int(size) for size in on.split("x")), "audio", task, 0, TEN)


def test_every_family_has_its_row():
    assert set(FAMILIES) == set(BUILDER_MODULES) - {"ensemble"}
    assert "| `ensemble` |" in README


@pytest.mark.parametrize("family", FAMILIES)
def test_the_default_parameters_are_what_it_says(family):
    count, on = FAMILIES[family]
    model = registry.build(family, {}, data(family, on), 1)
    assert f"{model.count_params():,}" == count


def test_every_preset_and_choice_is_named():
    for family, presets in PRESETS.items():
        for preset in presets:
            assert f"| `{family}:{preset}` |" in README
    text = " ".join(README.split())
    for words in (ACTIVATIONS, INITIALIZERS, NORMALIZATIONS):
        assert f"({', '.join(words)})" in text
