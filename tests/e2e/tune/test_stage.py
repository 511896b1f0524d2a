"""The stage by the real CLI: what it publishes, and a kill -9 in the middle."""

from __future__ import annotations

import csv
import json
import shutil
import signal

import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.engine.stage import Inputs
from pipeline.tune.params import TuneParams
from pipeline.tune.reuse_search import publish_again
from tests.conftest import Project
from tests.helpers.waiting import wait_until

SEARCH = """\
seed: 3
data: {source: "sklearn:digits"}
augment: {policy: "shift(1)"}
tune:
  algorithm: bayesian
  builders: [mlp, cnn]
  space: {batch_size: [32, 64], augmentation: [0.5, 1.0]}
  limits: {parameters: 12000}
  trials: 4
  epochs: 2
  workers: 2
  finalists: 2
  seeds: 2
train: {epochs: 1}
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Project:
    """A search that nothing disturbed."""
    made = Project(tmp_path_factory.mktemp("searched"))
    made.write(SEARCH)
    answer = made.run("run", "tune")
    assert answer.code == 0, answer.err
    return made


def read(project: Project, name: str):
    return json.loads((project.small / "tune" / name).read_text())


def test_every_trial_is_told_with_values_costs_and_reason(searched):
    rows = read(searched, "trials.json")["trials"]
    assert [row["trial"] for row in rows] == list(range(len(rows)))
    trained = [row for row in rows if row["status"] in ("ok", "stopped")]
    assert len(trained) == 4 and all(row["parameters"] <= 12_000 for row in trained)
    refused = [row for row in rows if row["status"] == "infeasible"]
    assert all("is over the limit of 12,000" in row["reason"] for row in refused)
    assert refused and not any(row["epochs"] for row in refused)
    assert {row["values"]["builder"] for row in rows} == {"mlp", "cnn"}
    assert set(rows[0]["values"]) >= {"learning_rate", "batch_size", "augmentation"}


def test_the_table_has_a_column_for_each_value(searched):
    with (searched.small / "tune" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"trial", "status", "score", "reason", "batch_size", "seed"} <= set(rows[0])
    assert "seconds" not in rows[0]  # differs from run to run: it is in run.json
    seconds = read(searched, "run.json")["volatile"]["trial_seconds"]
    assert min(seconds.values()) > 0 and len(seconds) == 4


def test_the_best_is_named_after_new_trainings_beside_the_defaults(searched):
    best = read(searched, "best.json")
    assert len(best["scores"]) == 2 and best["spread"] is not None
    assert best["score"] == pytest.approx(sum(best["scores"]) / 2)
    assert best["builder"] in ("mlp", "cnn") and "/" not in "".join(best["values"])
    assert best["defaults"] is None or best["score"] >= best["defaults"]["score"]
    rows = {row["trial"]: row for row in read(searched, "trials.json")["trials"]}
    assert rows[best["trial"]]["spread"] == best["spread"]
    sizes = [row["bytes_int8"] for row in best["front"]]
    assert sizes == sorted(sizes) and sizes


def test_pictures_and_the_models_of_the_best_are_there(searched):
    folder = searched.small / "tune"
    for name in ("trials", "history", "parallel", "importance"):
        with Image.open(folder / f"{name}.png") as picture:
            assert min(picture.size) > 100
    assert len(list((folder / "models").glob("*.keras"))) == 2
    assert not (searched.small / ".scratch").exists()
    parts = read(searched, "importance.json")
    assert sum(parts.values()) == pytest.approx(1, abs=0.01)


def test_train_takes_what_the_search_found(searched):
    best = read(searched, "best.json")
    answer = searched.run("run", "train")
    assert answer.code == 0, answer.err
    model = json.loads((searched.small / "train" / "model.json").read_text())
    assert model["builder"] == best["builder"] and model["values"] == best["values"]


@pytest.mark.slow
def test_killed_and_begun_again_it_publishes_the_same_bytes(searched, project):
    """With one worker instead of two, and killed after two results."""
    project.write(SEARCH.replace("workers: 2", "workers: 1"))
    for stage in ("data", "augment"):
        shutil.copytree(searched.small / stage, project.small / stage)
    process = project.start("run", "tune", "--exp", "small")
    wait_until(lambda: recorded(project) >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (project.small / "tune").exists()
    before = recorded(project)
    answer = project.run("run", "tune")
    assert answer.code == 0, answer.err
    assert published(project) == published(searched)
    assert before >= 2


def recorded(project: Project) -> int:
    paths = list(project.small.glob(".scratch/tune-*/trials.jsonl"))
    return len(paths[0].read_text().splitlines()) - 1 if paths else 0


def published(project: Project) -> dict[str, str]:
    return read(project, "stage.json")["outputs"]


@pytest.mark.slow
def test_all_infeasible_is_bad_input_and_a_record_of_another_search_too(searched):
    """The record of a search that failed is kept; here it is another search's."""
    settings = ["--set", "tune.limits.parameters=10", "--set", "tune.trials=2"]
    answer = searched.run("run", "tune", *settings)
    assert answer.code == 2
    assert "all 8 candidates are infeasible; the closest is trial" in answer.err
    (path,) = searched.small.glob(".scratch/tune-*/trials.jsonl")
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first.replace("a", "b"), *rest]) + "\n")
    answer = searched.run("run", "tune", *settings)
    assert answer.code == 2 and "the record of another search" in answer.err
    assert len(path.read_text().splitlines()) == len(rest) + 1


OLD_NAMES = {"lookahead": "ahead", "finalists": "top", "keep_models": "keep"}


@pytest.fixture
def earlier(tmp_path):
    """A search as an older version kept it, with old names of keys."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    params = TuneParams(builder="mlp", trials=3, space={"units": [4, 8]}).hashed()
    files = {
        "params": {
            OLD_NAMES.get(name, name): value
            for name, value in params.items()
            if name != "examples"  # a key that is newer
        },
        "metrics": {"headline": "3/3  best 0.9"},
        "run": {"volatile": {"trial_seconds": {"0": 1.5}}},
        "best": {"builder": "mlp"},
    }
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def again(earlier, out, **changed):
    params = {"builder": "mlp", "trials": 3, "space": {"units": [4, 8]}, **changed}
    out.mkdir()
    return publish_again(TuneParams(**params), earlier, Inputs({}, seed=1), out)


def test_an_earlier_search_is_told_as_such_once(earlier, tmp_path):
    """However many extensions follow each other, and wherever it would run now."""
    for name in ("one", "two"):
        told = again(earlier, tmp_path / name, workers=7, engine="ray")
        assert told["headline"] == "as before data.extend: 3/3  best 0.9"
        assert [path.name for path in (tmp_path / name).iterdir()] == ["best.json"]
        (earlier / "metrics.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("builder", "cnn"),
        ("builders", ["mlp", "cnn"]),
        ("values", {"depth": 1}),
        ("fix", {"learning_rate": 0.01}),
        ("space", {"units": [4, 16]}),
        ("limits", {"parameters": 100}),
        ("trials", 4),
        ("keep_models", 1),
    ],
)
def test_another_search_than_the_earlier_one_is_an_error(earlier, tmp_path, key, value):
    with pytest.raises(UserError, match=f"tune.{key} is .* was .*init_from: scratch"):
        again(earlier, tmp_path / "out", **{key: value})
    assert not list((tmp_path / "out").iterdir())
