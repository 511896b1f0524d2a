"""TensorFlow Lite Micro itself, on files of MLPerf Tiny and of every family."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from pipeline.compress.targets import micro_runtime, registry
from pipeline.compress.targets.micro_runtime import MicroRun, Refusal, refusal
from pipeline.compress.targets.target import Examples
from pipeline.compress.tflite.arena import MARGIN, estimate, peak, timeline
from pipeline.models.catalogue import BUILDER_MODULES
from tests.helpers.device_files import FOLDER, read

MICRO = registry.get("micro")
needs_runtime = pytest.mark.skipif(
    not MICRO.installed, reason=f"{MICRO.runtime} is not installed: {MICRO.install}"
)
FILES = sorted(FOLDER.glob("*.tflite.gz"))
NAMES = [path.name.removesuffix(".tflite.gz") for path in FILES]
# Head, and smallest arena on a 64-bit host, of MLPerf Tiny's own files.
MLPERF = {
    "anomaly": (768, 4_638),
    "streaming_wake_word": (6_656, 16_668),
    "person_detection": (73_728, 103_686),
    "keyword_spotting": (16_000, 24_282),
    "resnet8": (49_152, 55_986),
    "resnet_large": (122_880, 133_759),
}
REFUSED = ("char_lm",)  # GELU


def content(name: str) -> bytes:
    """A file without its weights."""
    return read(FOLDER / f"{name}.tflite.gz")


@functools.cache
def measured(name: str) -> MicroRun | Refusal:
    """A file in the runtime."""
    return micro_runtime.run(content(name))


def test_every_family_has_its_files():
    assert {f"{name}-int8" for name in BUILDER_MODULES} <= set(NAMES)


@pytest.mark.parametrize("name", MLPERF)
def test_the_estimate_of_mlperf_tiny_is_close_and_never_too_low(name):
    head, smallest = MLPERF[name]
    arena = estimate(content(f"mlperf-{name}"))
    assert arena.head == head
    assert smallest <= arena.total <= 1.2 * smallest


@needs_runtime
@pytest.mark.parametrize("name", MLPERF)
def test_the_arena_of_mlperf_tiny_is_measured(name):
    head, smallest = MLPERF[name]
    run = measured(f"mlperf-{name}")
    assert isinstance(run, MicroRun) and run.head == head
    assert smallest <= run.arena <= smallest + 2 * MARGIN


@needs_runtime
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.endswith("float") else [])
        for name in NAMES
        if not name.startswith(REFUSED)
    ],
)
def test_no_estimate_is_below_the_truth(name):
    run, arena = measured(name), estimate(content(name))
    assert isinstance(run, MicroRun)
    assert arena.head >= run.head and arena.tail >= run.tail
    assert run.arena <= arena.total <= 1.5 * run.arena


@needs_runtime
def test_an_operator_that_the_runtime_lacks_is_named():
    result = MICRO.measure(content("char_lm-int8"), None)
    assert result.refused == (
        "broken for micro: it has no operator GELU (number 50: 1x6x32)"
    )
    assert result.estimated == ("arena",)


def test_a_runtime_that_aborts_its_process_is_a_reason_not_a_crash(
    tmp_path, monkeypatch
):
    script = tmp_path / "child.py"
    script.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(micro_runtime, "CHILD", script)
    run = micro_runtime.run(content("mlp-int8"))
    assert run == Refusal("the runtime's process ended with code -6")


@needs_runtime
def test_parity_counts_the_examples_that_were_run():
    file = content("cnn-int8")
    inputs = np.zeros((5, 6, 5, 1), np.int8)
    run = micro_runtime.run(file, inputs)
    assert isinstance(run, MicroRun) and run.outputs is not None
    examples = Examples(inputs, run.outputs, classes=True)
    result = MICRO.measure(file, examples)
    assert result.facts["parity"] == {
        "examples": 5,
        "largest": 0,
        "different": 0,
        "changed_predictions": 0,
    }
    assert result.facts["peak"]["operator"] == "MAX_POOL_2D (number 1)"


def test_a_log_without_a_pattern_keeps_its_last_lines():
    assert refusal("one\ntwo\nthree\nfour\n", b"") == "two; three; four"
    assert refusal("\n", b"") == "it gave no reason"


def test_the_peak_is_the_operator_with_most_memory():
    file = content("mlperf-person_detection")
    use, most = timeline(file), peak(file)
    assert most["bytes"] == max(use) == 55_296
    assert most["operator"] == "CONV_2D (number 2)"
    assert most["tensors"][0] == "1x48x48x16 int8, 36864 bytes"


def test_without_the_runtime_costs_are_marked_as_estimates(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    file = content("mlperf-resnet8")
    result = MICRO.measure(file, None)
    assert result.estimated == ("flash", "arena")
    assert (result.flash, result.arena) == (len(file), estimate(file).total)
