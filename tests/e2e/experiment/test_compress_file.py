"""compress-file: a model from elsewhere, and what is refused of it."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_iris

from pipeline.cli.commands.show import usage_of
from pipeline.cli.main import main
from pipeline.compress.import_model.logits import without_softmax
from pipeline.compress.import_model.train.stage import check_fits
from pipeline.core.errors import StageFailed, UserError
from pipeline.data.params import DataParams
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.experiment.compress_model import (
    CompressionResult,
    compress_model,
    default_folder,
)
from pipeline.experiment.loader import check_name
from pipeline.experiment.model_data import ModelData
from pipeline.experiment.previous_state import (
    EARLIER_BEST,
    chosen_file_kept,
    restored_on_error,
)
from pipeline.experiment.single_model import header, published_job
from pipeline.results import single_file
from tests.helpers.published import record

SPEC = TaskSpec("iris", "sklearn:iris", (4,), "float32", ("a", "b", "c"))
pytestmark = pytest.mark.usefixtures("forked_stages")


def flowers(end: str = "softmax") -> keras.Model:
    """Iris's four numbers to three classes, with a softmax of one kind or another."""
    keras.utils.set_random_seed(1)
    given = keras.Input((4,), name="given")
    x = layers.Dense(8, activation="relu", name="hidden")(given)
    last = layers.Dense(
        3, activation="softmax" if end == "softmax" else None, name="end"
    )
    x = last(x)
    if end == "layer":
        x = layers.Softmax(name="probabilities")(x)
    return keras.Model(given, x, name="flowers")


@pytest.mark.parametrize("end", ["softmax", "layer"])
def test_a_softmax_at_the_end_is_left_out(end):
    model = flowers(end)
    logits = without_softmax(model)
    x = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    np.testing.assert_allclose(keras.ops.softmax(logits(x)), model(x), atol=1e-6)
    assert np.abs(keras.ops.sum(logits(x), -1) - 1).max() > 0.1


def test_logits_are_left_as_they_are():
    model = flowers("none")
    assert without_softmax(model) is model


def two_inputs() -> keras.Model:
    first, second = (keras.Input((4,), name=name) for name in ("first", "second"))
    both = layers.Concatenate(name="both")([first, second])
    return keras.Model([first, second], layers.Dense(3, name="end")(both))


def dynamic() -> keras.Model:
    """Sequences of any length."""
    given = keras.Input((None, 4), name="given")
    x = layers.GlobalAveragePooling1D(name="mean")(given)
    return keras.Model(given, layers.Dense(3, name="end")(x), name="dynamic")


class Own(keras.Model):
    """A subclassed model."""

    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (two_inputs, "has 2 inputs and 1 output;"),
        (
            lambda: keras.Sequential([keras.Input((5,)), layers.Dense(3)]),
            r"maps \(5,\) to \(3,\); sklearn:iris needs \(4,\) to \(3,\) logits",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,)), layers.Dense(7)]),
            r"maps \(4,\) to \(7,\); sklearn:iris needs \(4,\) to \(3,\) logits; "
            "choose",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,)), layers.Dense(4)]),
            "It reconstructs its input: --set data.task=anomaly_detection",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,)), layers.Dense(9)]),
            "If only 3 of its 9 classes have examples, name all of them",
        ),
        (dynamic, "all axes but the batch"),
        (Own, "has no graph"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(make, words):
    with pytest.raises(UserError, match=words):
        check_fits(make(), SPEC, "model.keras")


def row(name: str, size: int | None, drop: float = 0.0, **more: object) -> dict:
    """A row of pareto.json."""
    accuracy = 0.9 - drop if size else None
    return {
        "id": f"baseline-{name}",
        "source": "baseline",
        "recipe": name,
        "bytes_gzip": size,
        "bytes_raw": size,
        "bytes_flash": size,
        "accuracy": accuracy,
        "drop": drop if size else None,
        "status": "ok" if size else "failed",
        "drop_interval": None,
        "reason": None,
        "arena_bytes": None,
        **more,
    }


def document(*rows: dict, chosen: str | None, **budget: object) -> dict:
    """pareto.json, with the times of run.json."""
    given = {"max_drop": 0.03, "size_metric": "gzip", **budget}
    found = {"size_metric": "gzip", "points": list(rows), "chosen": chosen}
    return {
        **found,
        "budget": given,
        "latency": {},
        "input": "npz:a.npz without preprocessing",
    }


def text_of(folder: Path, pareto: dict) -> str:
    """The table as `show` prints it."""
    return single_file.text(folder, pareto, usage_of(folder))


UNSURE = row("pqat", 300, 0.017, drop_interval=[0.0, 0.0333])
ROWS = (
    row("float", 900),
    row("qat", 400, 0.01, drop_interval=[0.0, 0.029]),
    row("binary", None, reason="no room"),
    row("int4", 350, status="broken", reason="a float operator"),
    UNSURE,
)


def test_the_table_has_the_smallest_first_and_marks_the_chosen():
    lines = text_of(Path("out"), document(*ROWS, chosen="baseline-qat")).splitlines()
    assert lines[0] == "input     npz:a.npz without preprocessing"
    told = [line.split(maxsplit=7) for line in lines[2:7]]
    ends = {words[0]: " ".join(words[7:]) or " ".join(words[1:]) for words in told}
    assert ends == {
        "pqat": "over budget",
        "int4": "broken: a float operator",
        "qat": "chosen",
        "float": "ok",
        "binary": "failed: no room",
    }
    assert list(ends) == ["pqat", "int4", "qat", "float", "binary"]
    assert told[0][5:7] == ["-1.7", "-3.3"]
    assert lines[-2].endswith(str(Path("out/compress/best.tflite")))
    assert lines[-1].endswith("keras-frontier predict out FILE --root .")


@pytest.mark.parametrize(
    ("source", "preprocessing"),
    [
        ("npz:a.npz", "none"),
        ("csv:a.csv", "none"),
        ("images:a", "auto"),
        ("sklearn:b", "auto"),
    ],
)
def test_arrays_and_tables_are_not_preprocessed(source, preprocessing, tiny):
    section = DataParams(**ModelData(source).section(tiny))
    assert section.preprocessing == preprocessing


def test_no_row_is_ok_where_none_meets_the_budget():
    lines = text_of(Path("out"), document(*ROWS, chosen=None, max_bytes=1)).splitlines()
    assert not [line for line in lines if line.endswith(" ok")]
    assert sum(line.endswith("over budget") for line in lines) == 3
    assert lines[-1].startswith("nearest   pqat: 1.7 points lost, at most 3.3")
    assert lines[-1].endswith("bytes gzip 300 (allowed: 1)")


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("norm2.keras", "norm2-compressed"),
        ("a/net v1.2.keras", "a/net-v1-2-compressed"),
        ("_.keras", "model-compressed"),
        (f"{'n' * 200}.keras", f"{'n' * 89}-compressed"),
    ],
)
def test_the_default_folder_can_be_an_experiment(model, folder):
    assert default_folder(Path(model)) == Path(folder)
    check_name(default_folder(Path(model)).name)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A file that passes the first look."""
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "a"}}
    config = {"module": "keras", "class_name": "Sequential"}
    with zipfile.ZipFile(tmp_path / "tiny.keras", "w") as archive:
        inside = {"name": "net", "layers": [layer]}
        archive.writestr("config.json", json.dumps({**config, "config": inside}))
        archive.writestr("model.weights.h5", b"none")
    return tmp_path / "tiny.keras"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set=compress.sources=[student]"], "a single model has no student"),
        (["--set=compress.sources=3"], "--set compress.sources=3"),
        (["--set=compress.distilled_sources=1"], "--set compress.distilled_sources=1"),
        (
            ["--set=compress={distilled_sources: [student]}"],
            "distilled_sources can be [baseline]",
        ),
        (["--set=train.epochs=3"], "--set train.epochs=3: has no effect, because com"),
        (["--set=report={}"], "those of seed, threads, portability, data, aug"),
        (["--budget=max_drop=2"], "error: --budget max_drop=2: compress.budget.max_d"),
        (["--budget=max_drop"], "--budget max_drop: must be KEY=V"),
        (["--budget=max_dorp=1"], "error: --budget max_dorp=1: no key"),
        (["--set=sead=1"], "error: --set sead=1: no key sead"),
        (["--out={}/tiny.keras"], "tiny.keras: is a file, or inside a file"),
        (["--out={}/tiny.keras/deeper"], "is a file, or inside a file"),
        (["--out=/proc/none"], "--out /proc/none: the folder cannot be made"),
    ],
)
def test_what_is_wrong_is_said_at_once_and_leaves_nothing(options, words, tiny, capsys):
    given = [option.replace("{}/", f"{tiny.parent}/") for option in options]
    before = sorted(tiny.parent.iterdir())
    code = main(["compress-file", str(tiny), "--data=sklearn:iris", *given])
    told = capsys.readouterr().err
    assert code == 2 and words in told, told
    assert sorted(tiny.parent.iterdir()) == before


def test_a_model_that_is_none_is_refused_before_anything_is_made(tmp_path, capsys):
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert main(["compress-file", f"{tmp_path}/net.h5", "--data=sklearn:iris"]) == 2
    told = capsys.readouterr()
    assert "net.h5: not a complete Keras file" in told.err and not told.out
    assert [path.name for path in tmp_path.iterdir()] == ["net.h5"]


def test_a_refusal_leaves_an_experiment_file_as_it_was(tiny, capsys):
    folder = tiny.parent / "tiny-compressed"
    folder.mkdir()
    run = ["compress-file", str(tiny), "--data=sklearn:iris", "--set=seed=x"]
    assert main(run) == 2 and not list(folder.iterdir())
    for before in (header(tiny, ["seed=3"]), "data: {source: sklearn:iris}\n"):
        (folder / "experiment.yaml").write_text(before)
        assert main(run) == 2
        assert (folder / "experiment.yaml").read_text() == before
    assert "compress-file did not make" in capsys.readouterr().err


def made_before(root: Path, chosen: str | None) -> Path:
    """A folder as compress-file leaves it."""
    folder = root / "tiny-compressed"
    for stage in ("data", "compress"):
        (folder / stage).mkdir(parents=True)
    write_spec(folder / "data", replace(SPEC, scale=0.5))
    head = header(Path("tiny.keras"), ["seed=3"])
    (folder / "experiment.yaml").write_text(f"{head}data: {{source: sklearn:iris}}\n")
    held = document(*ROWS, chosen=chosen, max_bytes=None if chosen else 1)
    del held["input"]
    times = {"latency_ms": held.pop("latency")}
    (folder / "compress" / "pareto.json").write_text(json.dumps(held))
    record(folder / "data")
    record(folder / "compress", volatile=times)
    return folder


@pytest.mark.parametrize(("chosen", "code"), [("baseline-qat", 0), (None, 3)])
def test_show_prints_the_table_again(chosen, code, tmp_path, capsys):
    folder = made_before(tmp_path, chosen)
    options = ["--exp", folder.name, "--root", str(tmp_path)]
    assert main(["show", *options]) == code
    told = capsys.readouterr().out
    assert told == text_of(folder, single_file.read(folder)) + "\n"
    assert told.startswith(
        "input     sklearn:iris after x * 0.5 + 0 (data.preprocessing=none: with"
    )


def test_status_tells_of_the_stages_that_there_are(tmp_path, capsys):
    folder = made_before(tmp_path, None)
    options = ["--exp", folder.name, "--root", str(tmp_path)]
    assert main(["status", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "data",
        "augment",
        "train",
        "compress",
    ]
    assert published_job(folder).settings["seed"] == 3
    assert "budget" in published_job(folder).stage("compress").selection_params
    assert main(["run", *options]) == 2
    assert "was made by compress-file" in capsys.readouterr().err


def test_an_ordinary_experiment_without_a_report_says_so(tmp_path, capsys):
    folder = made_before(tmp_path, "baseline-qat")
    (folder / "experiment.yaml").write_text("data: {source: sklearn:iris}\n")
    assert main(["show", "--exp", folder.name, "--root", str(tmp_path)]) == 2
    assert (
        "no result yet; run: keras-frontier run --exp tiny-compressed --root "
        in capsys.readouterr().err
    )


def test_a_file_that_is_not_there_is_named(project):
    answer = project.cli("compress-file", "none.keras", "--data", "sklearn:iris")
    assert answer.code == 2 and "none.keras: no such file" in answer.err


@pytest.mark.slow
def test_a_budget_that_nothing_meets_ends_with_3_and_the_frontier(project, tmp_path):
    flowers().save(tmp_path / "mine.keras")
    out = tmp_path / "out"
    answer = project.cli(
        "compress-file",
        str(tmp_path / "mine.keras"),
        "--data=sklearn:iris",
        "--budget=max_bytes=1",
        f"--out={out}",
        "--set=compress.recipes=[int8]",
        "--anyway",  # the model is untrained
    )
    assert answer.code == 3, answer.out + answer.err
    assert "none meets the budget" in answer.out and "nearest" in answer.out
    pareto = json.loads((out / "compress" / "pareto.json").read_text())
    assert {p["status"] for p in pareto["points"]} == {"ok"}
    assert not (out / "compress" / "best.tflite").exists()


def check_best(result: CompressionResult, folder: Path) -> None:
    """The chosen file can be copied, and a notebook shows every variant."""
    copy = result.best.save(folder / "best.tflite")
    assert copy.read_bytes() == result.file.read_bytes()
    assert result.best.bytes_flash == result.chosen["bytes_flash"]
    assert {row["recipe"] for row in result.rows} == {"int8", "float"}
    sizes = [row["bytes_flash"] for row in result.rows]
    assert sizes == sorted(sizes)
    html = result._repr_html_()
    assert "<svg" in html and "int8</td>" in html and "float</td>" in html
    with pytest.raises(UserError, match="must be a file in a folder that exists"):
        result.best.save(folder / "no" / "best.tflite")
    none = CompressionResult(result.folder, {**result.pareto, "chosen": None})
    with pytest.raises(UserError, match="no file meets the budget: .*; nearest: "):
        none.best.save(folder / "best.tflite")


def test_a_model_and_arrays_of_a_program_are_compressed(tmp_path, capsys):
    x, y = load_iris(return_X_y=True)
    options = {
        "budget": {"max_drop": 0.9, "flash": 50_000},
        "out": tmp_path / "out",
        "compress": {"recipes": ["int8"]},
        "anyway": True,  # the model is untrained
    }
    result = compress_model(flowers(), (x.astype("float32"), y), **options)
    assert result.file == tmp_path / "out" / "compress" / "best.tflite"
    assert result.file.stat().st_size == result.chosen["bytes_raw"]
    assert result.pareto["budget"]["max_bytes"] == 50_000
    check_best(result, tmp_path)
    assert "train     done" in capsys.readouterr().out
    # Chance decides whether its outputs look useless, or in another order.
    assert re.search(
        "may have learned nothing|may be misread",
        single_file.read(tmp_path / "out")["doubts"][0],
    )
    assert "WARNING   model.keras" in text_of(
        tmp_path / "out", single_file.read(tmp_path / "out")
    )

    compress_model(flowers(), (x.astype("float32"), y), **options)
    states = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert set(states) == {"cached"}
    assert not list((tmp_path / "out").glob("new-*"))


def test_a_mistyped_source_leaves_an_earlier_result_unchanged(tiny, tmp_path, capsys):
    folder = made_before(tmp_path, "baseline-qat")
    before = (folder / "experiment.yaml").read_bytes()
    run = ["compress-file", str(tiny), f"--data=npz:{tmp_path}/mine.nzp"]
    assert main([*run, f"--out={folder}"]) == 2
    assert (
        "mine.nzp must be a regular file and does not exist" in capsys.readouterr().err
    )
    assert (folder / "experiment.yaml").read_bytes() == before


def fail_in(folder: Path, published: bool) -> None:
    """Write another experiment, publish a stage or not, and fail."""
    with restored_on_error(folder):
        (folder / "experiment.yaml").write_text("another")
        if published:
            (folder / "data" / "stage.json").write_text("{}")
        raise StageFailed("data: the source is damaged")


def test_a_failed_data_stage_leaves_an_earlier_result_unchanged(tmp_path):
    folder = made_before(tmp_path, "baseline-qat")
    before = (folder / "experiment.yaml").read_bytes()
    with pytest.raises(StageFailed):
        fail_in(folder, published=False)
    assert (folder / "experiment.yaml").read_bytes() == before
    with pytest.raises(StageFailed):
        fail_in(folder, published=True)
    assert (folder / "experiment.yaml").read_text() == "another"


def test_a_stricter_budget_that_nothing_meets_keeps_the_earlier_file(tmp_path):
    best = tmp_path / "compress" / "best.tflite"
    best.parent.mkdir()
    best.write_bytes(b"small")
    notes: list[str] = []
    with chosen_file_kept(tmp_path, notes.append):
        best.unlink()
    assert (tmp_path / EARLIER_BEST).read_bytes() == b"small"
    assert "chosen under the earlier budget" in notes[0]
    with chosen_file_kept(tmp_path, notes.append):
        best.write_bytes(b"other")
    assert not (tmp_path / EARLIER_BEST).exists() and len(notes) == 1


def table_of(path: Path, columns: int) -> str:
    names = ",".join([*(f"c{k}" for k in range(columns)), "label"])
    path.write_text(f"{names}\n{'1,' * columns}a\n")
    return f"csv:{path}"


@pytest.mark.parametrize("kind", ["csv", "npz", "npz grey"])
def test_another_shape_of_the_input_is_an_error_before_any_stage(
    kind, tmp_path, capsys
):
    if kind == "csv":
        source = table_of(tmp_path / "a.csv", 7)
    else:
        shape = (20, 5, 5) if kind == "npz grey" else (20, 6)
        np.savez(tmp_path / "a.npz", x=np.zeros(shape), y=np.arange(20) % 3)
        source = f"npz:{tmp_path / 'a.npz'}"
    flowers().save(tmp_path / "mine.keras")
    before = sorted(tmp_path.iterdir())
    assert main(["compress-file", f"{tmp_path}/mine.keras", f"--data={source}"]) == 2
    told = capsys.readouterr()
    assert "takes inputs of the shape (4,), and the examples" in told.err
    assert not told.out and sorted(tmp_path.iterdir()) == before


def test_an_error_of_a_program_names_what_it_passed(tiny, tmp_path):
    options = {"budget": {"max_dorp": 1}, "out": tmp_path / "out"}
    with pytest.raises(UserError, match="^override compress.budget.max_dorp=1: no key"):
        compress_model(tiny, "sklearn:iris", **options)
    assert not (tmp_path / "out").exists()
