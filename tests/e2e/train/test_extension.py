"""`data.extend` on a finished experiment, by the real command line."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.engine.fingerprint import describe
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.runner import CODE_ROOT
from pipeline.engine.stage import Inputs
from pipeline.experiment.earlier_results import keep
from pipeline.experiment.loader import read_experiment
from pipeline.models.files import load_model
from pipeline.reproduce.rerun import in_temporary_folder
from pipeline.tasks.metric import metric_of
from pipeline.train.params import TrainParams
from pipeline.train.warm_start import (
    check_compatible,
    check_splits,
    headline,
    initial_weights,
    previous_weights,
    start_record,
)
from tests.conftest import Answer, Project
from tests.helpers.data_fixtures import table_rows, write_csv

TEXT = """\
seed: 3
data: {source: "csv:one.csv", columns: {ignore: [site]}%s}
tune: {builder: mlp, space: {units: [4, 8]}, trials: 2, epochs: 2, finalists: 1,
       workers: 1}
train: {epochs: 5, learning_rate: 0.02}
"""
STILL = ("--set", "train.epochs=1", "--set", "train.learning_rate=1e-9")


@dataclass
class Story:
    """An experiment that was finished, and then extended in a run that was killed."""

    project: Project
    first: dict[str, bytes]
    killed: int
    extended: Answer

    def read(self, name: str):
        return json.loads((self.project.small / name).read_text())


def write(project: Project, extend: str = "") -> None:
    project.write(TEXT % (extend and f", extend: {extend}"))


def published(project: Project) -> dict[str, bytes]:
    names = ("tune/best.json", "train/model.keras", "train/metrics.json")
    return {name: (project.small / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Story:
    """Finished; extended, killed when the data are there; the same command again."""
    project = Project(tmp_path_factory.mktemp("extension"))
    rows = table_rows(240)
    for name, part in {
        "one": rows[1:121],
        "two": rows[121:181],
        "three": rows[181:],
    }.items():
        write_csv(project.folder / f"{name}.csv", [rows[0], *part])
    write(project)
    answer = project.run("run", "train")
    assert answer.code == 0, answer.out + answer.err
    first = published(project)
    write(project, '"csv:two.csv"')
    process = project.start("run", "train", "--exp", "small", *STILL)
    while not (project.small / "data" / "extension.json").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    extended = project.run("run", "train", *STILL)
    assert extended.code == 0, extended.out + extended.err
    return Story(project, first, process.returncode, extended)


def test_it_goes_on_from_the_weights_and_the_choice_of_before(story):
    assert story.killed == -signal.SIGKILL
    now = published(story.project)
    assert now["tune/best.json"] == story.first["tune/best.json"]
    assert "as before data.extend: 2/2" in story.extended.lines["tune"]
    kept = story.project.small / "before" / "0"
    assert (kept / "train" / "model.keras").read_bytes() == story.first[
        "train/model.keras"
    ]
    old, new = (
        load_model(folder / "train" / "model.keras").get_weights()
        for folder in (kept, story.project.small)
    )
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(old, new))
    assert now["train/model.keras"] != story.first["train/model.keras"]


def test_the_gain_is_of_both_models_on_the_same_examples(story):
    record = story.read("train/metrics.json")["extension"]
    assert record["begun"] == "before/0" and record["held_out_seen"] == 0
    assert (
        record["before"] == record["after"] and record["gain"] == 0
    )  # at a rate of 1e-9
    assert "extension gain +0.0 points" in story.extended.lines["train"]
    counts = story.read("data/extension.json")
    assert counts["sources"] == ["csv:one.csv", "csv:two.csv"]
    sizes = story.read("data/metrics.json")["examples"]
    assert {name: sum(n) for name, n in counts["examples"].items()} == sizes


def test_what_it_began_with_is_part_of_the_fingerprint(story):
    again = story.project.run("run", "train", *STILL)
    assert {text.split()[0] for text in again.lines.values()} == {"cached"}
    sources = story.read("train/stage.json")["parts"]["sources"]
    assert set(sources) == {"before/0/data", "before/0/train"}
    path = story.project.small / "before" / "0" / "train" / "model.keras"
    lineage = story.project.cli("lineage", str(path))
    assert "small/before/0: train/model.keras" in lineage.out, lineage.err
    plan = story.project.run("status", "--set", "train.init_from=scratch", *STILL)
    assert "stale" in plan.lines["tune"] and "before/0/tune changed" in plan.out


def test_a_run_elsewhere_goes_on_from_the_same_weights(story):
    folder = story.project.small
    job = read_experiment(folder).job(folder)
    recorded = story.read("train/stage.json")["parts"]["sources"]
    load = lambda path: read_experiment(path).job(path)  # noqa: E731
    with in_temporary_folder(job, load) as moved:
        code = CodeReader(CODE_ROOT)
        assert describe(moved, moved.stage("train"), code)["sources"] == recorded


@pytest.fixture
def copied(story, tmp_path) -> Project:
    shutil.copytree(story.project.folder, tmp_path / "copy")
    return Project(tmp_path / "copy")


def test_a_second_extension_goes_on_from_the_first_and_both_are_kept(copied):
    before = published(copied)["train/model.keras"]
    write(copied, '["csv:two.csv", "csv:three.csv"]')
    answer = copied.run("run", "data")
    assert "before/1: the results before data.extend" in answer.out
    for number, size in (("0", 1), ("1", 2)):
        folder = copied.small / "before" / number
        params = json.loads((folder / "data" / "params.json").read_text())
        assert len([params["source"], *filter(None, [params["extend"]])]) == size
        assert not list(folder.rglob("*_x.npy"))
    assert (copied.small / "before/1/train/model.keras").read_bytes() == before
    job = read_experiment(copied.small).job(copied.small)
    read = job.stage("train").extra_inputs(job.params, job.folder)
    assert set(read) == {"before/1/data", "before/1/train"}
    assert keep(job) is None  # the second time there is nothing to keep


def test_without_extend_the_data_are_as_they_were_and_what_was_kept_stays(copied):
    write(copied)
    assert copied.run("run", "data").code == 0
    kept, now = (
        json.loads((folder / "data" / "stage.json").read_text())["outputs"]
        for folder in (copied.small / "before" / "0", copied.small)
    )
    assert kept == now
    cleaned = copied.run("clean")
    kept_names = "kept: experiment.yaml, before/, the results before data.extend"
    assert kept_names in cleaned.out
    assert (copied.small / "before" / "0" / "tune" / "best.json").is_file()


def test_weights_that_are_gone_are_an_error_and_another_beginning_is_not(copied):
    shutil.rmtree(copied.small / "before")
    gone = "train continued from before/0/data, which no longer exists"
    for more in ((), ("--dry-run",)):
        answer = copied.run("run", "train", *STILL, *more)
        assert answer.code == 2 and gone in answer.err
        assert "train from scratch (train.init_from: scratch)" in answer.err
    dry = copied.run("run", "train", "--dry-run", "--set", "train.init_from=scratch")
    assert dry.code == 0, dry.err


TRIALS = ("--set", "tune.trials=3")


def test_another_search_is_an_error_before_anything_is_kept_or_run(copied):
    write(copied, '["csv:two.csv", "csv:three.csv"]')
    for more in (TRIALS, (*TRIALS, "--dry-run")):
        answer = copied.run("run", "train", *more)
        assert answer.code == 2
        assert "tune.trials is 3 and was 2 before data.extend" in answer.err
        assert not (copied.small / "before" / "1").exists()
    anew = ("--dry-run", "--set", "train.init_from=scratch")
    assert copied.run("run", "train", *TRIALS, *anew).code == 0
    assert copied.run("run", "train", "--dry-run", "--set", "tune.workers=2").code == 0


def test_the_same_search_may_be_changed_where_nothing_was_extended(copied):
    write(copied)
    assert copied.run("run", "train", "--dry-run", *TRIALS).code == 0


def splits(folder, **at: list[int]) -> None:
    """splits.npz of examples whose content is their position, or what is said."""
    folder.mkdir(exist_ok=True)
    arrays = {}
    for name, places in at.items():
        arrays[f"{name}_index"] = np.array([p % 100 for p in places])
        arrays[f"{name}_hash"] = np.array([str(p // 100 or p) for p in places], "S16")
    np.savez(folder / "splits.npz", **arrays)


def test_examples_that_moved_out_of_train_are_an_error(tmp_path):
    kept, now = tmp_path / "kept", tmp_path / "now"
    splits(kept, train=[1, 2, 3], validation=[4], test=[5])
    splits(now, train=[1, 2, 3, 6], validation=[4, 7], test=[5, 8])
    assert check_splits(kept, now) == 0
    splits(now, train=[1, 2, 3, 6], validation=[4, 207], test=[5, 8])
    assert check_splits(kept, now) == 1  # example 7 is a new one, equal to 2
    splits(now, train=[1, 2, 4, 6], validation=[3, 7], test=[5, 8])
    with pytest.raises(
        UserError, match="1 example of the previous training split moved"
    ):
        check_splits(kept, now)


def described(folder, words: str = "", **changed):
    """spec.json of two columns and two classes, with what is changed in it."""
    steps = [{"step": "standardise", "mean": [0.5]}]
    if words:
        folder.mkdir(exist_ok=True)
        (folder / "vocabulary.txt").write_text(words)
        steps = [{"step": "vocabulary", "file": "vocabulary.txt"}]
    values = {"shape": (2,), "classes": ("down", "up"), "preprocess": tuple(steps)}
    folder.mkdir(exist_ok=True)
    values = {"name": "a", "source": "csv:a", "dtype": "float32", **values, **changed}
    write_spec(folder, TaskSpec(**values))
    return folder


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ("up", "down")}, "classes: .'down', 'up'., now .'up', 'down'."),
        ({"shape": (3,)}, r"shape: \(2,\), now \(3,\)"),
        ({"preprocess": ()}, r"preprocess: \['standardise'\], now \[\]"),
        ({"scale": 0.5}, "scale: 1.0, now 0.5"),
        ({"target": {"name": "price"}}, "target: , now price"),
        ({"classes": tuple(map(str, range(999)))}, "^.{,600}$"),
    ],
)
def test_weights_of_another_kind_of_data_are_an_error(tmp_path, changed, message):
    kept, now = (described(tmp_path / name) for name in ("kept", "now"))
    check_compatible(kept, now)
    with pytest.raises(UserError, match=message):
        check_compatible(kept, described(now, **changed))


def test_other_statistics_are_the_same_kind_of_data_and_other_words_are_not(tmp_path):
    kept, now = (described(tmp_path / name) for name in ("kept", "now"))
    other = ({"step": "standardise", "mean": [0.6]},)
    check_compatible(kept, described(now, preprocess=other, source="csv:b"))
    kept, now = (described(tmp_path / name, "a\nb\n") for name in ("kept", "now"))
    check_compatible(kept, now)
    with pytest.raises(UserError, match="preprocess: .'vocabulary .*init_from: scrat"):
        check_compatible(kept, described(now, "b\na\n"))


@pytest.mark.parametrize(
    ("init_from", "how"),
    [("some.keras", "from some.keras"), ("scratch", "from scratch")],
)
def test_a_training_that_did_not_go_on_tells_no_gain(tmp_path, init_from, how):
    """Though it may begin with weights, and an earlier result be there."""
    (tmp_path / "extension.json").write_text("{}")
    beside = {f"before/0/{name}": tmp_path / name for name in ("data", "train")}
    inputs = Inputs({"data": tmp_path}, seed=1, extra_inputs=beside)
    params, going_on = TrainParams(init_from=init_from), TrainParams()
    assert previous_weights(params, inputs) is None
    assert (initial_weights(params, inputs) is None) == (init_from == "scratch")
    assert previous_weights(going_on, inputs) == tmp_path / "train" / "model.keras"
    spec = TaskSpec("a", "csv:a", (2,), "float32", ("down", "up"))
    text = headline(start_record(params, inputs), metric_of(spec).metric)
    assert text == f", started {how} on the extended data"
