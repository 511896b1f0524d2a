"""Vela, the compiler for Ethos-U."""

from __future__ import annotations

import pytest

from pipeline.compress.targets import registry
from pipeline.compress.tflite.arena import estimate
from tests.helpers.device_files import FOLDER, read

TARGET = registry.get("ethos-u55-128")
needs_vela = pytest.mark.skipif(
    not TARGET.installed, reason=f"Vela is not installed: {TARGET.install}"
)


@needs_vela
def test_keyword_spotting_runs_on_the_processor_alone():
    result = TARGET.measure(read(FOLDER / "mlperf-keyword_spotting.tflite.gz"), None)
    # At least input and output of the first layer; 21.67 KiB with the real weights.
    assert 16_000 <= (result.arena or 0) <= 21.67 * 1024
    assert result.facts["host_operators"] == []
    assert 0.05 < result.facts["milliseconds"] < 0.2
    assert result.file is not None and result.flash == len(result.file)
    assert result.estimated == ()


@needs_vela
def test_a_float_file_stays_on_the_host():
    content = read(FOLDER / "cnn-float.tflite.gz")
    result = TARGET.measure(content, None)
    assert "CONV_2D" in result.facts["host_operators"]
    assert (result.arena, result.estimated) == (estimate(content).total, ("arena",))


def test_without_vela_costs_are_marked_as_estimates(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    content = read(FOLDER / "mlperf-resnet8.tflite.gz")
    result = TARGET.measure(content, None)
    assert result.estimated == ("flash", "arena")
    assert (result.flash, result.file) == (len(content), None)
