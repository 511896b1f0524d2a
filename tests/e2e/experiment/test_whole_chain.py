"""The real chain through the real command line: runs, no-ops, reasons, damage."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline.experiment.stages import STAGES
from tests.helpers.cases import chosen
from tests.helpers.waiting import wait_until


def outputs(project) -> dict[str, dict[str, str]]:
    """Stage name -> file -> hash, as published."""
    records = {name: project.small / name / "stage.json" for name in STAGES}
    return {
        name: json.loads(path.read_text())["outputs"] for name, path in records.items()
    }


def test_the_whole_chain_runs_and_ends_in_a_page(finished):
    project, answer = finished
    assert answer.code == 0, answer.out + answer.err
    assert "Traceback" not in answer.err
    for name in STAGES:
        assert answer.lines[name].startswith("done"), answer.out
    page = project.small / "report" / "index.html"
    assert "small" in page.read_text()


def test_it_publishes_what_the_plan_of_the_house_promises(finished):
    project, _ = finished
    for name in [
        "data/spec.json",
        "data/splits.npz",
        "data/preview.png",
        "augment/policy.json",
        "augment/preview.png",
        "tune/trials.csv",
        "tune/best.json",
        "train/model.keras",
        "train/history.csv",
        "train/curves.png",
        "distill/student.keras",
        "distill/history.csv",
        "compress/pareto.json",
        "compress/pareto.png",
        "compress/best.tflite",
        "evaluate/evaluation.json",
        "report/index.html",
        "report/model_card.md",
        "report/summary.json",
    ]:
        assert (project.small / name).stat().st_size > 0, name
    for name in STAGES:
        for common in ("params", "metrics", "stage", "run"):
            json.loads((project.small / name / f"{common}.json").read_text())


def test_the_chosen_file_answers_in_the_runtime(finished):
    from ai_edge_litert.interpreter import Interpreter

    project, _ = finished
    path = project.small / "compress" / "best.tflite"
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    assert list(given["shape"]) == [1, 8, 8, 1]
    interpreter.set_tensor(given["index"], np.zeros((1, 8, 8, 1), given["dtype"]))
    interpreter.invoke()
    (answer,) = interpreter.get_output_details()
    assert interpreter.get_tensor(answer["index"]).shape == (1, 10)


def test_a_second_run_runs_nothing(copied):
    before = {path: path.read_bytes() for path in copied.small.rglob("run.json")}
    answer = copied.run("run")
    assert all(text.startswith("cached") for text in answer.lines.values())
    assert {p: p.read_bytes() for p in copied.small.rglob("run.json")} == before


def test_the_verdict_is_the_reports(finished):
    project, _ = finished
    answer = project.run("show")
    summary = json.loads(project.run("show", "--json").out)
    assert answer.code == 0, answer.err
    assert f"\nchosen    {summary['chosen']['source']} | " in answer.out
    rows = [line for line in answer.out.splitlines() if " | " in line]
    assert len(rows) == len(summary["variants"]) + 1
    assert f"{summary['chosen']['accuracy']:.3f} on test" in answer.out


def states(answer) -> dict[str, str]:
    return {name: text.split()[0] for name, text in answer.lines.items()}


REASONS = [
    ("train.epochs=7", "train", "train.epochs 6 -> 7"),
    ("tune.trials=3", "tune", "tune.trials 2 -> 3"),
    ("augment.policy=", "augment", 'augment.policy shift(1) -> ""'),
    ("seed=4", "data", "seed 3 -> 4"),
    ("compress.recipes=[int8]", "compress", "compress.recipes "),
    ("distill.width=0.25", "distill", "distill.width 0.5 -> 0.25"),
]


@pytest.mark.parametrize(("setting", "stage", "reason"), REASONS)
def test_status_says_why(finished, setting, stage, reason):
    answer = finished[0].run("status", "--set", setting)
    assert answer.lines[stage].startswith("stale")
    assert reason in answer.lines[stage]
    at = STAGES.index(stage)
    if setting != "seed=4":
        assert set(list(states(answer).values())[:at]) <= {"cached"}
    assert set(list(states(answer).values())[at:]) == {"stale"}


@pytest.mark.slow
def test_other_recipes_run_compress_and_what_follows_alone(copied):
    answer = copied.run("run", "--set", "compress.recipes=[int8]")
    assert answer.code == 0, answer.err
    ran = [name for name, state in states(answer).items() if state == "done"]
    assert ran == ["compress", "evaluate", "report"]


@pytest.mark.slow
def test_another_budget_makes_no_file_again(copied):
    scratch = copied.small / ".scratch"
    made = {path: path.stat().st_mtime_ns for path in scratch.rglob("result.json")}
    assert made
    answer = copied.run("run", "--set", "compress.budget.max_drop=0.9")
    assert states(answer)["compress"] == "done", answer.err
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert "  kept\n" in answer.out  # the last variant's line, which is always printed
    copied.run("run", "compress", "--set", "compress.budget.max_bytes=1")
    told = copied.run("show").out
    again = "python -m pipeline run report --exp small"
    assert f"the report is older than compress; run: {again}" in told


def test_a_dry_run_and_a_plain_status_change_nothing(copied):
    copied.run("status")  # renews the sealed cache of digests, as this is a copy
    before = {p: p.stat().st_mtime_ns for p in copied.small.rglob("*") if p.is_file()}
    answer = copied.run("run", "--dry-run", "--set", "train.epochs=7")
    assert "train.epochs 6 -> 7" in answer.out
    copied.run("status")
    after = {p: p.stat().st_mtime_ns for p in copied.small.rglob("*") if p.is_file()}
    assert after == before


def test_status_as_json_says_the_same(finished):
    rows = json.loads(finished[0].run("status", "--json").out)
    assert [row["stage"] for row in rows] == list(STAGES)
    assert {row["state"] for row in rows} == {"cached"}


@pytest.mark.parametrize(
    "name",
    chosen(["data/train_x.npy", "train/model.keras", "distill/student.keras"], 1),
)
def test_a_byte_changed_in_a_published_file_is_noticed_and_mended(copied, name):
    path = copied.small / name
    before = path.read_bytes()
    damaged = bytearray(before)
    damaged[len(before) // 2] ^= 1
    path.write_bytes(damaged)
    stage, _, file = name.partition("/")
    assert f"{file} was altered" in copied.run("status").lines[stage]
    answer = copied.run("run")
    assert answer.code == 0, answer.err
    assert path.read_bytes() == before
    ran = [key for key, state in states(answer).items() if state == "done"]
    # Its result is the same, so nothing after it runs; but the page tells its times.
    assert ran == [stage, "report"]


def test_kill_9_in_the_middle_of_a_stage_and_a_run_after_it(copied, finished):
    shutil.rmtree(copied.small / "train")
    process = copied.start("run", "--exp", "small", "--set", "train.epochs=500")
    partial = copied.small / ".train.partial"
    wait_until(lambda: partial.exists())
    time.sleep(3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (copied.small / "train").exists()
    answer = copied.run("run")
    assert answer.code == 0, answer.err
    assert outputs(copied) == outputs(finished[0])
    assert not partial.exists()


def test_ctrl_c_leaves_what_was_published(copied):
    before = outputs(copied)
    process = copied.start(
        "run", "train", "--exp", "small", "--set", "train.epochs=500"
    )
    wait_until(lambda: (copied.small / ".train.partial").exists())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    assert outputs(copied) == before


@pytest.mark.slow
def test_a_stage_is_the_same_bytes_with_one_worker_and_in_another_folder(
    project, finished
):
    answer = project.run(
        "run", "--set", "tune.workers=1", "--set", "compress.workers=1"
    )
    assert answer.code == 0, answer.err
    assert outputs(project) == outputs(finished[0])


@pytest.mark.slow
def test_nothing_within_the_budget_is_said_and_the_exit_code_is_3(copied):
    settings = ["--set", "compress.budget.max_bytes=10"]
    answer = copied.run("run", *settings)
    assert answer.code == 0, answer.err
    shown = copied.run("show", *settings)
    assert shown.code == 3
    assert "nothing" in shown.out and "nearest" in shown.out
    assert (copied.small / "compress" / "pareto.json").exists()
    assert not (copied.small / "compress" / "best.tflite").exists()


OWN = """
import keras

def build(hp, spec):
    x = image = keras.Input(spec.shape, name="image")
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(image, keras.layers.Dense(10, name="logits")(x), name="own")
"""


@pytest.mark.slow
def test_a_builder_of_ones_own_trains_and_its_code_is_part_of_the_fingerprint(copied):
    module = copied.folder / "own_models.py"
    module.write_text(OWN)
    settings = ["--set", "tune.builder=own_models:build", "--set", "train.epochs=1"]
    answer = copied.run("run", "train", *settings)
    assert answer.code == 0, answer.err
    assert copied.run("status", *settings).lines["tune"].startswith("cached")
    module.write_text(OWN + "\nUNUSED = 1\n")
    assert "own_models changed" in copied.run("status", *settings).lines["tune"]
    answer = copied.run("run", "train", *settings)
    assert states(answer) == {**states(answer), "tune": "done", "train": "done"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tune.values={width: -1.0}", "tune.values.width: must be more than 0"),
        ("tune.builder=text_cnn", "tune.builder: text_cnn needs texts"),
    ],
)
def test_a_model_that_does_not_fit_is_bad_input(copied, setting, said):
    answer = copied.run("run", "tune", "--set", setting)
    assert answer.code == 2
    assert said in answer.err and "Traceback" not in answer.err


def test_clean_keeps_the_experiment_file_alone(copied):
    answer = copied.run("clean")
    assert answer.code == 0
    left = {path.name for path in copied.small.iterdir()}
    assert left <= {"experiment.yaml", ".lock"}


@pytest.mark.parametrize("verb", [["--help"], ["status", "--exp", "small"]])
def test_the_quick_verbs_leave_tensorflow_alone(finished, verb):
    project, _ = finished
    code = (
        "import sys; from pipeline.cli.main import main\n"
        f"try: main({verb!r})\nexcept SystemExit: pass\n"
        "print('tensorflow' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "False False", done.stderr


@pytest.mark.slow  # builds eleven files
def test_debug_explains_an_int8_variant(copied):
    pareto = json.loads((copied.small / "compress" / "pareto.json").read_text())
    variants = [row["id"] for row in pareto["points"] if row["recipe"] == "int8"]
    answer = copied.cli("debug", "small", variants[0], "--layers", "2")
    assert answer.code == 0, answer.err
    assert f"{variants[0]}: accuracy" in answer.out
    assert "2 of " in answer.out and "\nequalize | int8" in answer.out
    path = copied.small / "debug" / f"{variants[0]}.json"
    document = json.loads(path.read_text())
    assert {row["layer"] for row in document["layers"]}
    accuracy = next(r["accuracy"] for r in pareto["points"] if r["id"] == variants[0])
    assert document["int8"] == pytest.approx(accuracy, abs=0.01)  # other thread counts


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("baseline-int9", 'did you mean "baseline-int8"'),
        ("baseline-float", "its activations are not int8, but float"),
        ("baseline-prune0.5-pqat", "it is fine-tuned"),
    ],
)
def test_debug_names_the_variants_that_it_can_explain(finished, variant, words):
    answer = finished[0].cli("debug", "small", variant)
    assert answer.code == 2 and words in answer.err
    assert "baseline-int8" in answer.err and "Traceback" not in answer.err
