"""Published files are checked against their records before an answer is read."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from pipeline.cli.main import main
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file, hash_value
from pipeline.engine.published import published, recorded_hashes
from pipeline.inference.predict import predict
from pipeline.results import single_file, summary
from pipeline.tracking.published_stage import read_stage
from tests.helpers.published import IN_PLACE_OF_A_FILE, experiment, record

MUTANTS = 300
RECORDS = ("stage.json", "run.json")


@pytest.fixture
def folder(tmp_path):
    return experiment(tmp_path)


def answers(folder):
    """Whatever answers from published files: name -> a call that reads them."""
    root = ["--root", str(folder.parent)]
    return {
        "predict": lambda: predict(folder, [folder / "absent.png"]),
        "show": lambda: summary.read(folder),
        "compress-file": lambda: single_file.read(folder),
        "show stage": lambda: summary.read_stage(folder / "data"),
        "tracking": lambda: read_stage(folder / "compress"),
        "show model": lambda: main(["show", "model", "cnn", "--exp", "toy", *root]),
    }


READ = [
    ("predict", "compress/best.tflite"),
    ("predict", "compress/pareto.json"),
    ("predict", "compress/stage.json"),
    ("predict", "compress/run.json"),
    ("predict", "data/spec.json"),
    ("predict", "data/params.json"),
    ("show", "report/summary.json"),
    ("show", "report/stage.json"),
    ("compress-file", "compress/best.tflite"),
    ("compress-file", "compress/pareto.json"),
    ("compress-file", "compress/metrics.json"),
    ("compress-file", "data/spec.json"),
    ("show stage", "data/metrics.json"),
    ("show stage", "data/params.json"),
    ("show stage", "data/run.json"),
    ("tracking", "compress/metrics.json"),
    ("tracking", "compress/run.json"),
]


def test_unchanged_files_are_read(folder):
    calls = answers(folder)
    for name in ("show", "compress-file", "show stage", "tracking"):
        assert calls[name]()
    with pytest.raises(UserError, match="best.tflite: the runtime cannot open"):
        calls["predict"]()  # the bytes are right, but not those of a model


@pytest.mark.parametrize(("name", "file"), READ)
def test_one_changed_byte_is_an_error_and_no_answer(folder, name, file):
    path = folder / file
    content, draws = path.read_bytes(), random.Random(1)
    positions = draws.sample(range(len(content)), min(len(content), MUTANTS // 15))
    call = answers(folder)[name]
    before = outcome(call)
    for position in positions:
        changed = bytes([content[position] ^ (1 << draws.randrange(7))])
        path.write_bytes(content[:position] + changed + content[position + 1 :])
        result = outcome(call)
        if file.endswith(RECORDS) and result == before:  # the hash of another file
            continue
        assert isinstance(result, str) and names(result, file)
    print(f"{len(positions)} changed bytes of {file} refused")


def outcome(call):
    """The answer, or the text of the error."""
    try:
        return call()
    except UserError as error:
        return str(error)


def names(text, file):
    """Return True where an error names the file, or the one whose hash has changed."""
    stage = file.partition("/")[0]
    own = text.partition(": ")[0].endswith(file)
    return own or (
        file.endswith(RECORDS) and f"/{stage}/" in text and "altered" in text
    )


def test_show_model_reads_the_checked_signature(folder, capsys):
    path = folder / "data" / "spec.json"
    path.write_text(path.read_text().replace("4,", "5,", 1))
    assert answers(folder)["show model"]() == 2
    assert "spec.json: was altered since" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "file"), READ)
@pytest.mark.parametrize("kind", IN_PLACE_OF_A_FILE)
def test_whatever_stands_in_its_place_is_an_error(folder, name, file, kind):
    path = folder / file
    path.unlink()
    IN_PLACE_OF_A_FILE[kind](path)
    with pytest.raises(UserError):
        answers(folder)[name]()


# Values of the right syntax and the wrong shape, in published files with right hashes:
# an experiment from elsewhere can bring records that fit.
SHAPES = [3, None, [], {}, "text", [[]], {"points": 3}, {"classes": 3}, {"chosen": 3}]
FORGED = {
    "predict": ["compress/pareto.json", "data/spec.json"],
    "show": ["report/summary.json"],
    "compress-file": ["compress/pareto.json", "data/spec.json"],
}


@pytest.mark.parametrize("name", FORGED)
def test_the_wrong_shape_with_the_right_hash_is_one_error(folder, name):
    count = 0
    for file in FORGED[name]:
        path = folder / file
        content = path.read_text()
        for shape in SHAPES:
            whole = json.loads(content)
            known = isinstance(shape, dict) and shape and set(shape) <= set(whole)
            path.write_text(json.dumps({**whole, **shape} if known else shape))
            record(path.parent)
            with pytest.raises(UserError, match=path.name):
                answers(folder)[name]()
            count += 1
        path.write_text(content)
        record(path.parent)
    print(f"{count} wrong shapes refused")


def test_a_forged_path_in_the_record_leads_nowhere(folder):
    """The file of a variant outside the folder is not one that the stage published."""
    path = folder / "compress" / "pareto.json"
    shutil.copy(folder / "compress" / "best.tflite", folder.parent / "evil.tflite")
    text = path.read_text().replace("variants/student-int8.tflite", "../../evil.tflite")
    path.write_text(text)
    record(path.parent)
    with pytest.raises(UserError, match="is not a file of this stage"):
        predict(folder, ["a.png"], variant="student-int8")


def test_optional_files_may_be_absent(folder):
    assert published(folder / "data", "vocabulary.txt") == folder / "data"
    (folder / "data" / "vocabulary.txt").write_text("word\n")
    with pytest.raises(UserError, match="was not published by this stage"):
        published(folder / "data", "vocabulary.txt")
    assert {"spec.json", "log.txt", "params.json"} <= set(
        recorded_hashes(folder / "data")
    )


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_record_cannot_name_a_file_elsewhere(folder, name):
    (folder / "secret").write_text("secret")
    path = folder / "compress" / "run.json"
    facts = json.loads(path.read_text())
    facts["files"][name] = hash_file(folder / "compress" / name)
    del facts["digest"]
    path.write_text(json.dumps({**facts, "digest": hash_value(facts)}))
    assert name in recorded_hashes(folder / "compress")
    with pytest.raises(UserError, match="is not a file of this stage"):
        published(folder / "compress", name)
