"""lock, verify, reproduce, diff and lineage on the real chain, by the command line."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.hashing import hash_file
from pipeline.engine.file_types import undeclared
from pipeline.engine.stage_record import fingerprint
from pipeline.experiment.stages import CHAIN, STAGES
from tests.helpers.cases import chosen
from tests.helpers.project import ROOT, Answer


def lock_of(project) -> Path:
    return project.small / "experiment.lock"


def states(answer) -> dict[str, str]:
    """Stage -> the word after it, in the first lines that begin with a stage."""
    rows = [line.split() for line in answer.out.splitlines() if line[:1] != " "]
    found: dict[str, str] = {}
    for row in rows:
        if row[0] in STAGES:
            found.setdefault(row[0], row[1])
    return found


def test_a_lock_holds_what_the_issue_of_a_run_is(locked):
    lock = json.loads(lock_of(locked).read_text())
    assert lock["chain"] == list(STAGES) and sorted(lock["stages"]) == sorted(STAGES)
    for name, stage in lock["stages"].items():
        record = json.loads((locked.small / name / "stage.json").read_text())
        assert stage["outputs"] == record["outputs"]
        assert stage["fingerprint"] == record["fingerprint"]
    tensors = lock["stages"]["train"]["tensors"]["model.keras"]
    assert any("vars" in name for name in tensors)
    exported = lock["stages"]["compress"]["tensors"]["best.tflite"]
    assert len(exported) > 2
    assert "val_loss" in lock["stages"]["train"]["tensors"]["history.csv"]
    assert {"processor", "libraries", "pins"} <= set(lock["environment"])
    assert str(locked.folder) not in lock_of(locked).read_text()


def test_a_lock_of_the_same_run_is_the_same_bytes(locked):
    before = lock_of(locked).read_bytes()
    locked.run("lock")
    assert lock_of(locked).read_bytes() == before


def test_verify_is_quick_and_says_equal(locked):
    """In the time of the processor, and not longer than a few times `status`."""
    times = [spent_by_children()]
    for word in ("status", "verify"):
        process = locked.start(word, "--exp", "small")  # not of the warm parent
        answer = Answer(0, *process.communicate())
        assert process.returncode == 0, answer.out
        times.append(spent_by_children())
    assert 0 < times[2] - times[1] < 4 * (times[1] - times[0])
    assert set(states(answer).values()) == {"equal"} and len(states(answer)) == 8


@pytest.mark.parametrize("how", [["--set", "seed=4"], ["--sets", "seed=4"]])
def test_verify_refuses_an_override_that_it_would_not_look_at(locked, how):
    answer = locked.run("verify", *how)
    assert answer.code == 2 and "verify --set seed=4" in answer.err


def spent_by_children() -> float:
    """Seconds of processor, user's and system's, of all that has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


FILES = [
    "data/train_x.npy",
    "data/splits.npz",
    "augment/policy.json",
    "tune/trials.csv",
    "train/model.keras",
    "train/curves.png",
    "compress/best.tflite",
    "compress/labels.txt",
    "compress/kit/Makefile",
    "compress/kit/README.md",
    "compress/kit/golden.c",
    "compress/kit/model_data.cc",
    "compress/kit/model_data.h",
    "evaluate/metrics.json",
    "report/plotly.min.js",
]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.slow
def test_a_flipped_byte_in_each_kind_of_artifact_is_found(locked):
    assert {Path(name).suffix for name in FILES} >= kinds(locked)
    for name in FILES:
        path = locked.small / name
        before = path.read_bytes()
        flip(path)
        answer = locked.run("verify")
        path.write_bytes(before)
        stage, _, file = name.partition("/")
        assert answer.code == 4 and "Traceback" not in answer.err
        assert answer.lines[stage] == "damaged" + " " * 33 + f"{file} was altered"
    print(f"{len(FILES)} kinds of artifact, each damage found")


def kinds(project) -> set[str]:
    """The suffixes of all hashed files."""
    records = [project.small / name / "stage.json" for name in STAGES]
    names = [n for path in records for n in json.loads(path.read_text())["outputs"]]
    return {Path(name).suffix for name in names}


def test_every_published_file_is_of_a_stable_kind_or_volatile_with_a_reason(finished):
    project, _ = finished
    for stage in CHAIN:
        assert undeclared(project.small / stage.name, stage.volatile_files) == []
        assert all(stage.volatile.values())


def test_a_file_of_an_unknown_kind_is_not_locked(locked):
    folder = locked.small / "report"
    (folder / "graph.pb").write_bytes(b"?")
    record = json.loads((folder / "stage.json").read_text())
    record["outputs"]["graph.pb"] = hash_file(folder / "graph.pb")
    (folder / "stage.json").write_text(json.dumps(record))
    answer = locked.run("lock")
    assert answer.code == 2 and "graph.pb: neither of a kind" in answer.err


def test_what_is_missing_is_told(locked):
    shutil.rmtree(locked.small / "tune")
    answer = locked.run("verify")
    assert answer.code == 4 and states(answer)["tune"] == "missing"
    assert locked.run("lock").code == 2


def test_without_a_lock_the_command_that_makes_one_is_named(copied):
    for verb in ("verify", "reproduce"):
        answer = copied.run(verb)
        assert answer.code == 2
        assert "python -m pipeline lock --exp small" in answer.err


def test_a_lock_of_an_unfinished_run_is_refused(copied):
    answer = copied.run("lock", "--set", "train.epochs=7")
    assert answer.code == 2 and "train is stale (train.epochs 6 -> 7)" in answer.err
    assert not lock_of(copied).exists()


def test_data_and_augment_are_reproduced_elsewhere(locked):
    locked.run("status")  # it caches what the code and the data are
    before = {p: p.stat().st_mtime_ns for p in locked.small.rglob("*") if p.is_file()}
    answer = locked.run("reproduce", "augment")
    assert answer.code == 0, answer.out + answer.err
    assert states(answer) == {"data": "equal", "augment": "equal"}
    assert "verdict     reproduced" in answer.out
    after = {p: p.stat().st_mtime_ns for p in locked.small.rglob("*") if p.is_file()}
    assert {p for p in after if after[p] != before.get(p)} <= {locked.small / ".lock"}


def test_another_parameter_is_another_experiment_and_nothing_is_run(locked):
    answer = locked.run("reproduce", "--set", "seed=4")
    assert answer.code == 4 and "seed 3 -> 4" in answer.out
    assert "nothing was run" in answer.out


def forge(project, change) -> None:
    """Change a lock, and make its fingerprints true again."""
    lock = json.loads(lock_of(project).read_text())
    change(lock)
    for stage in lock["stages"].values():
        parts = {
            key: stage[key] for key in ("params", "inputs", "sources", "libraries")
        }
        parts["settings"] = lock["settings"]
        parts["code"] = {name: lock["code"][name] for name in stage["modules"]}
        stage["fingerprint"] = fingerprint(parts)
    lock_of(project).write_text(json.dumps(lock))


def test_another_seed_is_seen_in_the_bytes(locked):
    forge(locked, lambda lock: lock["settings"].update(seed=4))
    answer = locked.run("reproduce", "data", "--set", "seed=4")
    assert answer.code == 4, answer.out
    assert states(answer)["data"].startswith("differs")
    assert "train_x.npy" in answer.out and "largest difference" in answer.out


PATCH = """
import sklearn.datasets as sets
load = sets.load_digits
def patched(*args, **kwargs):
    made = load(*args, **kwargs)
    made["images"][5, 3, 3] = 15 - made["images"][5, 3, 3]
    made["data"][5, 27] = made["images"][5, 3, 3]
    return made
sets.load_digits = patched
"""


@pytest.fixture
def one_pixel(locked, tmp_path, monkeypatch):
    """From now on one pixel of one of the digits is another."""
    path = tmp_path / "patch" / "sitecustomize.py"
    path.parent.mkdir()
    path.write_text(PATCH)
    monkeypatch.setattr(
        type(locked),
        "environment",
        staticmethod(lambda: with_path(path.parent, ROOT)),
    )
    return locked


@pytest.mark.slow
def test_one_changed_pixel_is_found(one_pixel):
    answer = one_pixel.run("reproduce", "data")
    assert answer.code == 4, answer.out + answer.err
    assert "the data that data reads changed" in answer.out
    assert "1 of " in answer.out and "largest difference" in answer.out


def on_another_processor(lock) -> None:
    lock["environment"]["processor"]["model"] = "other/1/2/3"


def test_one_changed_pixel_is_found_on_another_processor(one_pixel):
    forge(one_pixel, on_another_processor)
    answer = one_pixel.run("reproduce", "data")
    assert answer.code == 4, answer.out + answer.err
    assert "the data that data reads changed" in answer.out
    assert "tolerance   kept" in answer.out


def with_path(*folders: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


@pytest.mark.parametrize("change", chosen([on_another_processor, lambda lock: None], 1))
def test_one_changed_line_in_an_imported_module_is_found(
    locked, tmp_path, monkeypatch, change
):
    forge(locked, change)
    code = tmp_path / "code"
    shutil.copytree(ROOT / "pipeline", code / "pipeline")
    path = code / "pipeline" / "core" / "determinism.py"
    text = path.read_text()
    assert "(2**31 - 1) + 1" in text
    path.write_text(text.replace("(2**31 - 1) + 1", "(2**31 - 3) + 1"))
    monkeypatch.setattr(
        type(locked), "environment", staticmethod(lambda: with_path(code))
    )
    answer = locked.run("reproduce", "data")
    assert answer.code == 4, answer.out + answer.err
    assert "pipeline.core.determinism changed" in answer.out


def with_library(name: str):
    """A change of a lock: another version of one library, and other bits."""

    def change(lock) -> None:
        lock["environment"]["libraries"][name] = "1.0"
        for stage in lock["stages"].values():
            stage["libraries"] |= {name: "1.0"} if name in stage["libraries"] else {}
        lock["stages"]["data"]["outputs"]["preview.png"] = "0" * 64

    return change


def test_another_version_of_an_imported_library_excuses_no_other_bits(locked):
    forge(locked, with_library("numpy"))
    answer = locked.run("reproduce", "data")
    assert answer.code == 4, answer.out
    assert "libraries.numpy 1.0 -> " in answer.out
    assert "required: no environment excuses libraries.numpy 1.0" in answer.out
    assert "verdict     NOT reproduced" in answer.out


def test_another_version_of_any_other_library_asks_for_a_tolerance_only(locked):
    forge(locked, with_library("contourpy"))  # which matplotlib requires
    answer = locked.run("reproduce", "data")
    assert answer.code == 0, answer.out
    assert "bits        different not required:" in answer.out
    verdict = "within tolerance on another environment: libraries.contourpy 1.0 -> "
    assert f"verdict     {verdict}" in answer.out


def test_on_the_same_machine_other_bits_are_an_error(locked):
    def other(lock) -> None:
        lock["stages"]["data"]["outputs"]["preview.png"] = "0" * 64

    forge(locked, other)
    answer = locked.run("reproduce", "data")
    assert answer.code == 4
    assert "bits        different required" in answer.out


def of_another_machine(lock) -> None:
    """What a lock made elsewhere holds: another processor, and other bits."""
    on_another_processor(lock)
    lock["stages"]["data"]["outputs"]["preview.png"] = "0" * 64
    lock["stages"]["train"]["outputs"]["model.keras"] = "0" * 64


@pytest.mark.slow
def test_a_lock_requires_the_bits_of_any_environment_that_it_records(locked):
    forge(locked, of_another_machine)
    first = json.loads(lock_of(locked).read_text())
    assert "within tolerance" in locked.run("reproduce", "data").out
    answer = locked.run("lock", "--add")
    assert answer.code == 0 and ", 2 environments;" in answer.out, answer.err
    both = json.loads(lock_of(locked).read_text())
    (added,) = both.pop("more_environments")
    assert both == first
    assert added["environment"]["processor"]["model"] != "other/1/2/3"
    assert set(states(locked.run("verify")).values()) == {"equal"}
    answer = locked.run("reproduce", "data")
    assert "bits        equal     required: the environment is the same" in answer.out
    assert "verdict     reproduced\n" in answer.out
    assert locked.cli("diff", "small").code == 0
    before = lock_of(locked).read_bytes()
    assert locked.run("lock", "--add").code == 0
    assert lock_of(locked).read_bytes() == before


def other_accuracy(lock) -> None:
    lock["stages"]["train"]["metrics"]["best"]["val_accuracy"] = 0.1


def other_curves(lock) -> None:
    lock["stages"]["train"]["outputs"]["curves.png"] = "0" * 64


REFUSED = [
    (lambda lock: lock["settings"].update(seed=4), "seed 4 -> 3"),
    (other_accuracy, "train.best.val_accuracy 0.1 -> "),
    (other_curves, "holds other bits of this same environment (train: curves.png)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "text"), REFUSED)
def test_only_the_results_of_the_lock_are_added_to_it(locked, change, text):
    forge(locked, change)
    before = lock_of(locked).read_bytes()
    answer = locked.run("lock", "--add")
    assert answer.code == 2 and text in answer.err, answer.err
    assert lock_of(locked).read_bytes() == before


def test_another_number_of_threads_is_another_environment(locked):
    answer = locked.run("reproduce", "data", "--set", "threads=2")
    assert answer.code == 0, answer.out + answer.err
    assert "on another environment: threads 1 -> 2" in answer.out


def test_without_a_lock_two_runs_are_compared(copied):
    answer = copied.run("reproduce", "data", "--twice")
    assert answer.code == 0, answer.err
    assert "verdict     reproduced" in answer.out


OWN = """\
import keras
from own_layers import head
def build(hp, spec):
    image = keras.Input(spec.shape, name="image")
    x = keras.layers.Flatten(name="flat")(image)
    return keras.Model(image, head(x, hp.Fixed("width", 1.0), len(spec.classes)))
"""
LAYERS = """\
import keras
def head(x, width, classes):
    x = keras.layers.Dense(max(1, int(8 * width)), "relu", name="hidden")(x)
    return keras.layers.Dense(classes, name="logits")(x)
"""
MINE = """\
data: {source: "csv:../flowers.csv", extend: "csv:${FLOWERS}/more.csv"}
tune: {builder: "own_models:build", trials: 1, epochs: 1}
"""


@pytest.fixture
def flowers(tmp_path, project, monkeypatch):
    """An experiment whose paths are written against the working directory."""
    rows = [f"{x % 7},{x % 5},{'ab'[x % 2]}" for x in range(60)]
    work = replace(project, folder=tmp_path / "work")
    work.write(MINE)
    (work.folder / "own_models.py").write_text(OWN)
    (work.folder / "own_layers.py").write_text(LAYERS)
    for path in (tmp_path / "flowers.csv", work.folder / "sets" / "more.csv"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["x,y,label", *rows]) + "\n")
    monkeypatch.setenv("FLOWERS", "sets")
    return work


@pytest.mark.slow
def test_paths_and_builders_of_ones_own_are_found_from_elsewhere(flowers):
    answer = flowers.run("reproduce", "tune", "--twice")
    assert answer.code == 0, answer.out + answer.err
    assert "verdict     reproduced" in answer.out


def test_the_lineage_ends_with_the_hash_of_what_was_read(flowers):
    made = flowers.run("run", "data")
    assert made.code == 0, made.err
    answer = flowers.cli("lineage", "experiments/small/data/spec.json")
    table = flowers.folder.parent / "flowers.csv"
    assert answer.code == 0, answer.err
    assert f"reads csv:../flowers.csv {hash_file(table)[:8]}" in answer.out
    assert "reads csv:${FLOWERS}/more.csv " in answer.out


def test_a_run_and_its_lock_are_compared(locked):
    answer = locked.cli("diff", "small")
    assert answer.code == 0 and "are equal" in answer.out


def test_diff_sees_damage_and_takes_a_lock_of_any_name(locked, tmp_path):
    copy = tmp_path / "kept.json"
    shutil.copyfile(locked.small / "experiment.lock", copy)
    assert locked.cli("diff", str(copy), "small").code == 0
    flip(locked.small / "train" / "model.keras")
    answer = locked.cli("diff", "small")
    assert answer.code == 4 and "model.keras" in answer.out


@pytest.mark.slow
def test_diff_says_which_difference_explains_which(locked):
    other = locked.folder / "experiments" / "other"
    shutil.copytree(locked.small, other)
    made = locked.cli(
        "run", "evaluate", "--exp", "other", "--set", "compress.recipes=[int8]"
    )
    assert made.code == 0, made.err
    answer = locked.cli("diff", "small", "other")
    rows = answer.out.splitlines()
    assert answer.code == 4
    assert rows[0].startswith("parameters  compress  compress.recipes ")
    assert any(r.startswith("outputs     compress") and "recipes" in r for r in rows)
    assert any(
        r.startswith("outputs     evaluate") and "after compress" in r for r in rows
    )
    assert "was removed" in answer.out


def test_the_lineage_of_a_lone_file_goes_down_to_the_data(locked, tmp_path):
    lone = tmp_path / "from_a_board.tflite"
    shutil.copyfile(locked.small / "compress" / "best.tflite", lone)
    answer = locked.cli("lineage", str(lone))
    assert answer.code == 0, answer.err
    assert "experiments/small: compress/best.tflite" in answer.out
    chain = ["compress", "distill", "train", "tune", "augment", "data"]
    rows = [line.split()[0] for line in answer.out.splitlines()]
    assert [word for word in rows if word in STAGES] == chain
    assert "sklearn:digits" in answer.out.splitlines()[-1]


def test_the_lock_alone_knows_the_lineage(locked, tmp_path):
    lone = tmp_path / "model.keras"
    shutil.copyfile(locked.small / "train" / "model.keras", lone)
    for name in STAGES:
        shutil.rmtree(locked.small / name)
    answer = locked.cli("lineage", str(lone), "--json")
    facts = json.loads(answer.out)
    assert facts["found"] == ["experiments/small/experiment.lock: train/model.keras"]
    assert facts["chain"][-1]["source"] == "sklearn:digits"


def test_an_altered_file_has_no_lineage(locked, tmp_path):
    lone = tmp_path / "a.tflite"
    shutil.copyfile(locked.small / "compress" / "best.tflite", lone)
    flip(lone)
    answer = locked.cli("lineage", str(lone))
    assert answer.code == 2 and "in no record" in answer.err
    assert locked.cli("lineage", str(tmp_path / "no")).code == 2


@pytest.mark.parametrize("verb", [["verify"], ["lineage", "experiment.yaml"]])
def test_the_quick_verbs_import_nothing_heavy(verb, tmp_path):
    code = (
        "import sys; from pipeline.cli.main import main\n"
        f"main({verb!r})\n"
        "print(sorted({'tensorflow', 'numpy', 'h5py'} & set(sys.modules)))"
    )
    call = [sys.executable, "-c", code]
    done = subprocess.run(
        call, cwd=tmp_path, env=with_path(ROOT), capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
