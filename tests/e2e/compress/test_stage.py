"""The stage on real models: what is published, what fails, equal bytes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.params import CompressParams
from pipeline.compress.stage import build_context
from pipeline.compress.variant import Variant
from pipeline.core.json_io import read_json
from pipeline.engine.stage import Inputs
from pipeline.inference.interpreter import LiteModel
from tests.helpers import warm
from tests.helpers.project import ROOT

DRIVE = ROOT / "tests" / "helpers" / "compress_drive.py"
SETTINGS = {"recipes": ["int8", "prune(0.5) | pqat"], "epochs": 2}
# By download: pruning saves nothing in flash.
SETTINGS["budget"] = {"max_drop": 0.05, "size_metric": "gzip"}


def drive(folders: Path, out: Path, **params) -> dict:
    """Run the stage in a process without a history."""
    module = "tests.helpers.compress_drive"
    process = warm.run("-m", module, str(folders), str(out), json.dumps(params))
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def published(folders, tmp_path_factory) -> tuple[Path, dict]:
    """The folder of one run with two workers, and what the run said."""
    out = tmp_path_factory.mktemp("published") / "compress"
    return out, drive(folders, out, workers=2, **SETTINGS)


def test_every_source_gets_every_recipe_in_order(published):
    out, _ = published
    pareto = read_json(out / "pareto.json")
    assert [point["id"] for point in pareto["points"]] == [
        "baseline-float",
        "student-float",
        "baseline-int8",
        "baseline-prune0.5-pqat",
        "student-int8",
        "student-prune0.5-pqat",
    ]
    with (out / "pareto.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [point["id"] for point in pareto["points"]]


def test_a_failing_variant_is_a_row_with_its_reason_and_the_others_finish(published):
    out, answer = published
    points = {p["id"]: p for p in read_json(out / "pareto.json")["points"]}
    failed = points.pop("student-prune0.5-pqat")
    assert failed["status"] == "failed" and failed["file"] is None
    assert "pqat supports no layer" in failed["reason"]
    assert "Conv1D" in failed["reason"]
    assert {point["status"] for point in points.values()} == {"ok"}
    assert answer["metrics"]["variants"] == {"ok": 5, "broken": 0, "failed": 1}
    assert any("failed: pqat supports no layer" in line for line in answer["progress"])


def test_the_rows_are_true_of_the_files(published, spec, validation):
    out, _ = published
    for point in read_json(out / "pareto.json")["points"]:
        if point["status"] == "ok":
            content = (out / point["file"]).read_bytes()
            logits = LiteModel(out / point["file"], spec).logits(validation.x)
            assert point["bytes_raw"] == len(content)
            assert point["accuracy"] == np.mean(logits.argmax(1) == validation.y)


def test_the_chosen_file_is_best_and_within_the_budget(published):
    out, answer = published
    pareto = read_json(out / "pareto.json")
    chosen = {p["id"]: p for p in pareto["points"]}[pareto["chosen"]]
    assert pareto["chosen"] == "baseline-prune0.5-pqat"
    assert chosen["drop"] <= 0.05 and not chosen["dominated"]
    assert chosen["sparsity"] >= 0.5
    best = (out / "best.tflite").read_bytes()
    assert best == (out / chosen["file"]).read_bytes()
    assert answer["metrics"]["headline"].startswith(
        "6 variants, chosen baseline | prune"
    )


def test_labels_and_picture_are_published_and_latency_is_not(published):
    out, answer = published
    assert (out / "labels.txt").read_text() == "a\nb\nc\n"
    assert (out / "pareto.png").read_bytes()[1:4] == b"PNG"
    assert set(answer["volatile"]["latency_ms"]) == {
        path.stem for path in (out / "variants").iterdir()
    }
    assert "median" not in (out / "pareto.json").read_text()


def test_progress_counts_the_variants(published):
    _, answer = published
    first, *lines = answer["progress"]
    assert first == "6 variants, 2 at a time"
    assert [line.split()[1] for line in lines] == [f"{n}/6" for n in range(1, 7)]


def test_the_ledger_tells_every_step(published):
    out, answer = published
    lines = read_json(out / "ledger.json")["variants"]
    steps = [line["step"] for line in lines["baseline-prune0.5-pqat"]]
    assert steps == ["baseline | float", "prune(0.5, free, constant)", "pqat"]
    points = {p["id"]: p for p in read_json(out / "pareto.json")["points"]}
    for name, rows in lines.items():
        last = {key: points[name][key] for key in ("accuracy", "bytes_gzip")}
        assert last.items() <= rows[-1].items()
        assert len(answer["volatile"]["ledger_latency_ms"][name]) == len(rows)
    steps = [line["step"] for line in lines["student-int8"]]
    assert steps == ["baseline | float", "student | float", "int8"]


def test_golden_vectors_are_what_the_file_answers(published):
    out, _ = published
    for path in (out / "golden").iterdir():
        model = Interpreter(str(out / "variants" / f"{path.stem}.tflite"))
        model.allocate_tensors()
        vectors = np.load(path)
        for given, wanted in zip(vectors["inputs"], vectors["outputs"], strict=True):
            model.set_tensor(model.get_input_details()[0]["index"], given[None])
            model.invoke()
            got = model.get_tensor(model.get_output_details()[0]["index"])[0]
            np.testing.assert_array_equal(got, wanted)


def test_latency_is_told_in_words_and_with_its_delegate(published):
    _, answer = published
    told = answer["volatile"]
    assert told["latency_words"]["baseline-float"] == "no measurable difference"
    assert told["latency_conditions"] == {"threads": 1, "delegate": "default"}
    assert all(row["runs"] >= 50 for row in told["latency_ms"].values())
    assert all(row["delegated_parts"] >= 0 for row in told["latency_ms"].values())
    assert set(told["latency_frontier"]) <= set(told["latency_ms"])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_the_kit_holds_the_file_its_classes_and_compiles(published, tmp_path):
    out, _ = published
    code = """
        #include <stdio.h>
        #include "model_data.h"
        int main(void) {
            fwrite(model_data, 1, model_data_len, stdout);
            for (int i = 0; i < MODEL_DATA_CLASSES; i++) puts(model_data_labels[i]);
            float scale = MODEL_DATA_INPUT_SCALE + MODEL_DATA_OUTPUT_SCALE;
            int zero = MODEL_DATA_INPUT_ZERO_POINT;
            return MODEL_DATA_ARENA_BYTES < 1 || scale <= 0 || zero > 127;
        }"""
    (tmp_path / "main.c").write_text(code)
    kit = out / "kit"
    shutil.copy(kit / "model_data.cc", tmp_path / "model_data.c")
    sources = [tmp_path / "main.c", tmp_path / "model_data.c"]
    command = ["gcc", "-std=c11", "-Wall", "-Werror", f"-I{kit}", *sources]
    subprocess.run([*command, "-o", tmp_path / "program"], check=True)
    got = subprocess.run([tmp_path / "program"], check=True, capture_output=True)
    assert got.stdout == (out / "best.tflite").read_bytes() + b"a\nb\nc\n"
    told = read_json(out / "metadata.json")
    assert told["labels"] == ["a", "b", "c"] and told["input"]["shape"] == [1, 8, 8, 1]


@pytest.mark.slow
def test_a_killed_search_goes_on_and_writes_the_same_bytes(
    published, folders, tmp_path
):
    """With one worker and a screen, killed at its first results."""
    out, again = published[0], tmp_path / "again"
    recipes = ["int8", "prune(0.5) | pqat", "prune(0.95)"]
    settings = {**SETTINGS, "recipes": recipes, "sources": ["baseline"]}
    settings |= {"workers": 1, "rungs": [0.5, 1]}
    scratch = tmp_path / "again.scratch"
    _kill_when(
        lambda: len(list(scratch.glob("*/result.json"))) > 1, folders, again, settings
    )
    kept = {path: path.stat().st_mtime_ns for path in scratch.glob("*/result.json")}
    shutil.rmtree(again)
    answer = drive(folders, again, **settings)
    assert len(kept) > 1
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    points = {p["id"]: p for p in read_json(again / "pareto.json")["points"]}
    assert points["baseline-prune0.95"]["status"] == "screened"
    assert "after 1 of 2 epochs" in points["baseline-prune0.95"]["reason"]
    assert answer["metrics"]["variants"]["screened"] == 1
    files = sorted(path.name for path in (again / "variants").iterdir())
    assert "baseline-prune0.5-pqat.tflite" in files and len(files) == 4
    for name in files:
        first, second = (folder / "variants" / name for folder in (out, again))
        assert first.read_bytes() == second.read_bytes(), name


def test_another_budget_trains_nothing_again(published, folders, tmp_path):
    """What was made lies in the scratch folder; only the choice is made anew."""
    out, other = published[0], tmp_path / "other"
    scratch = shutil.copytree(
        out.with_name(f"{out.name}.scratch"), tmp_path / "other.scratch"
    )
    made = {path: path.stat().st_mtime_ns for path in scratch.glob("*/*")}
    settings = {**SETTINGS, "budget": {"max_drop": 0.05, "max_bytes": 1}}
    answer = drive(folders, other, workers=1, **settings)
    assert made == {path: path.stat().st_mtime_ns for path in scratch.glob("*/*")}
    assert "none within the budget" in answer["metrics"]["headline"]
    assert "bytes flash" in answer["metrics"]["headline"]
    for path in (out / "variants").iterdir():
        assert path.read_bytes() == (other / "variants" / path.name).read_bytes()


def test_a_file_that_was_damaged_meanwhile_is_made_again(published, folders, tmp_path):
    out, other = published[0], tmp_path / "mended"
    scratch = shutil.copytree(
        out.with_name(f"{out.name}.scratch"), tmp_path / "mended.scratch"
    )
    (damaged,) = scratch.glob("**/baseline-int8/model.tflite")
    damaged.write_bytes(b"")
    drive(folders, other, workers=1, **SETTINGS)
    for path in (out / "variants").iterdir():
        assert path.read_bytes() == (other / "variants" / path.name).read_bytes()


RECIPES = [
    "prune_channels(0.5) | int8",
    "prune(0.5, two_of_four)",
    "prune(0.6, free, gradual) | int16x8",
    "prune(0.5, block)",
    "cluster(8) | cqat",
    "prune(0.5) | cluster(8) | pcqat",
    "binary",
]


@pytest.mark.slow
def test_every_recipe_gives_the_same_bytes_in_another_process(folders, tmp_path):
    """Once two at a time, once in a row; files and what is said of them are equal."""
    settings = {"recipes": RECIPES, "sources": ["baseline"], "epochs": 1}
    outs = [tmp_path / name for name in ("first", "second")]
    for workers, out in enumerate(outs, 1):
        drive(folders, out, workers=workers, **settings)
    first, second = (
        {path.name: path.read_bytes() for path in (out / "variants").iterdir()}
        for out in outs
    )
    assert len(first) == 2 + len(RECIPES)  # both float files
    assert [name for name in first if first[name] != second[name]] == []
    assert (outs[0] / "pareto.json").read_bytes() == (
        outs[1] / "pareto.json"
    ).read_bytes()


def _kill_when(ready, folders: Path, out: Path, settings: dict) -> None:
    command = [sys.executable, str(DRIVE), str(folders), str(out), json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not ready() and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()


def test_when_no_model_can_be_read_the_stage_says_which(folders, tmp_path):
    broken = shutil.copytree(folders, tmp_path / "broken")
    for path in (
        broken / "train" / "model.keras",
        broken / "distill" / "student.keras",
    ):
        path.write_bytes(path.read_bytes()[:1000])
    answer = drive(broken, tmp_path / "out", recipes=["int8"])
    assert "none of the 4 variants could be built" in answer["error"]
    assert "model.keras" in answer["error"]


@pytest.mark.parametrize("sources", [[], ["student"], ["baseline", "student"]])
def test_which_sources_are_distilled_from_the_float_baseline(
    folders, tmp_path, sources
):
    published = {path.name: path for path in folders.iterdir()}
    inputs = Inputs(published, 1, scratch=tmp_path)
    context = build_context(CompressParams(distilled_sources=sources), inputs)
    trained = [Variant(source, parse_recipe("qat")) for source in context.models]
    assert [v.source for v in trained if context.fine_tuning(v).distillation] == sources
    untrained = [Variant(source, parse_recipe("int8")) for source in context.models]
    assert not any(context.fine_tuning(v).distillation for v in untrained)
