"""Measurements on a target: what is estimated, and what is kept."""

from __future__ import annotations

import pytest

from pipeline.compress import device
from pipeline.compress.params import CompressParams
from pipeline.compress.targets.target import DeviceResult

RESULT = DeviceResult(
    300, 1024, b"TFL3 with tables", ("arena",), facts={"tables": ["k: 4 bits"]}
)


@pytest.mark.parametrize("result", [RESULT, DeviceResult(200, None, refused="no EXP")])
def test_measurements_are_read_back_equal(tmp_path, result):
    cache = tmp_path / "result.micro-1.0.json"
    assert device._read(cache) is None
    device._write(cache, result)
    assert device._read(cache) == result


@pytest.mark.parametrize("name", ["result.micro-1.0.json", "result.micro-1.0.tflite"])
def test_a_damaged_measurement_is_measured_again(tmp_path, name):
    cache = tmp_path / "result.micro-1.0.json"
    device._write(cache, RESULT)
    content = (tmp_path / name).read_bytes()
    changed = content.replace(b"300", b"100").replace(b"with", b"wrth")
    for damaged in (changed, content[:-5], b"", b"[]", b"{}"):
        (tmp_path / name).write_bytes(damaged)
        assert device._read(cache) is None
    (tmp_path / name).unlink()
    assert device._read(cache) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target": "micro"}, "compress.target micro: TensorFlow Lite Micro is not"),
        ({"target": "ethos-u55-128"}, "compress.target ethos-u55-128: Ethos-U55 with"),
        ({"budget": {"max_arena": 9_000}}, "compress.budget.max_arena: TensorFlow"),
    ],
)
def test_a_runtime_that_is_not_installed_is_one_line(
    settings, words, monkeypatch, capsys
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    device.warn_about_estimates(CompressParams(**settings))
    out = capsys.readouterr().out
    assert out.startswith(f"warning: {words}") and out.count("\n") == 1
    assert "estimate" in out and "install it with: pip install" in out


def test_what_needs_no_runtime_warns_of_nothing(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    device.warn_about_estimates(CompressParams())
    assert capsys.readouterr().out == ""
