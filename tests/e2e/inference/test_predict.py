"""predict on every kind of raw input, through the features of spec.json."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json, write_json
from pipeline.data.artifact import read_data
from pipeline.data.features import (
    FixedLength,
    LogMel,
    Resize,
    Standardise,
    Vocabulary,
    write_steps,
)
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.inference import range_check
from pipeline.inference.input_readers import read_raw
from pipeline.inference.predict import _file, _pareto, predict, preprocess
from pipeline.inference.range_check import RangeCheck
from tests.helpers.published import record

BASE = {"name": "toy", "source": "npz:toy", "classes": ("a", "b")}
IMAGE = {**BASE, "shape": (4, 6, 1), "dtype": "uint8", "scale": 1 / 255}
TABLE = {**BASE, "shape": (2,), "dtype": "float32", "modality": "table"}
TEXT = {**BASE, "shape": (3,), "dtype": "int32", "modality": "text", "vocabulary": 4}
AUDIO = {**BASE, "dtype": "float32", "modality": "audio"}
WORDS = Vocabulary(("[padding]", "[unknown]", "good", "bad"), 3)
SOUND = (FixedLength(1000, 8000), LogMel(8000, 32.0, 16.0, 8))


@pytest.fixture
def data(tmp_path):
    """Makes the data folder of an experiment for one kind of input."""

    def make(values, steps=()):
        folder = tmp_path / "toy" / "data"
        folder.mkdir(parents=True)
        (folder.parent / "experiment.yaml").write_text("data: {source: npz:toy}\n")
        write_spec(folder, TaskSpec(**values, preprocess=write_steps(steps, folder)))
        columns = {"label": "kind", "text": "text", "ignore": ["note"]}
        params = {"columns": columns, "split": {"group": "owner"}}
        write_json(folder / "params.json", params)
        return read_data(folder)

    return make


def _stored(path, data):
    return preprocess(read_raw(path, data), data)


@pytest.mark.parametrize("shape", [(4, 6, 1), (5,)])
def test_bytes_that_nothing_scales_go_up_to_255(data, tmp_path, shape):
    kind = {1: "table", 3: "image"}[len(shape)]
    given = data({**IMAGE, "scale": 1.0, "shape": shape, "modality": kind})
    path, bright = tmp_path / "a.npy", np.full((1, *shape), 200.0)
    np.save(path, bright)
    np.testing.assert_array_equal(_stored(path, given), bright.astype(np.uint8))
    assert RangeCheck(given).problem(bright, bright) == ""
    assert "whole numbers from 0 to 255" in RangeCheck(given).problem(
        bright / 3, bright / 3
    )
    np.save(path, bright + 100)
    with pytest.raises(UserError, match="raw values of .* go from 0 to 255"):
        _stored(path, given)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_image_is_read_in_the_channels_of_the_data(data, tmp_path, mode):
    path = tmp_path / "one.png"
    Image.new(mode, (6, 4), "white").save(path)
    stored = _stored(path, data(IMAGE))
    assert stored.shape == (1, 4, 6, 1) and (stored == 255).all()


def test_an_image_of_another_size_is_resized_only_where_the_data_says_so(
    data, tmp_path
):
    path = tmp_path / "one.png"
    Image.new("L", (60, 40), "white").save(path)
    given = data(IMAGE)
    with pytest.raises(UserError, match=r"\(40, 60, 1\).*\(4, 6, 1\)"):
        _stored(path, given)
    write_spec(
        given.folder,
        TaskSpec(**IMAGE, preprocess=write_steps((Resize(4, 6, 1),), given.folder)),
    )
    assert _stored(path, read_data(given.folder)).shape == (1, 4, 6, 1)


def test_pixels_beyond_the_raw_range_are_refused(data, tmp_path):
    path = tmp_path / "one.png"
    Image.new("L", (6, 4), "white").save(path)
    with pytest.raises(UserError, match="up to 255.*from 0 to 16"):
        _stored(path, data({**IMAGE, "scale": 1 / 16}))


def test_an_array_holds_one_example_or_several(data, tmp_path):
    given = data(IMAGE)
    for shape, count in (((4, 6, 1), 1), ((3, 4, 6, 1), 3)):
        np.save(tmp_path / "raw.npy", np.zeros(shape, np.uint8))
        named = read_raw(tmp_path / "raw.npy", given)
        assert named.raw.shape == (count, 4, 6, 1) and len(named.names) == count


def test_rows_lose_the_label_the_group_and_what_is_ignored(data, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("kind,x,note,y,owner\na,1,hi,2,me\nb,3,ho,4,you\n")
    assert _stored(path, data(TABLE)).tolist() == [[1, 2], [3, 4]]
    assert read_raw(path, data_of(path)).names == [f"{path}:2", f"{path}:3"]


def test_rows_lose_extra_targets(data, tmp_path):
    path, given = tmp_path / "rows.csv", data(TABLE)
    params = read_json(given.folder / "params.json")
    write_json(
        given.folder / "params.json", {**params, "extra_targets": {"age": "number"}}
    )
    path.write_text("kind,x,note,y,owner,age\na,1,hi,2,me,30\n")
    assert _stored(path, given).tolist() == [[1, 2]]


def data_of(path):
    return read_data(path.parent / "toy" / "data")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y\n1,2\n3,oops\n", "row 3: must hold numbers"),
        ("x,y\n1\n", "row 2: must hold numbers"),
        ("x\n1\n", "2 numeric columns"),
        ("x,y\n", "0 rows"),
        ("", "0 such columns"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(data, tmp_path, text, words):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        _stored(path, data(TABLE))


def test_texts_are_split_and_looked_up(data, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("Good, good\n\nBAD ugly\n")
    assert _stored(path, data(TEXT, (WORDS,))).tolist() == [[2, 1, 2], [3, 1, 0]]
    assert read_raw(path, data_of(path)).names == [f"{path}:1", f"{path}:3"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00"])
def test_a_file_without_text_is_refused(data, tmp_path, content):
    path = tmp_path / "texts.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="holds no text|in UTF-8"):
        _stored(path, data(TEXT, (WORDS,)))


def test_a_clip_goes_through_the_front_end(data, tmp_path):
    path = tmp_path / "one.wav"
    wave = np.int16(9000 * np.sin(np.arange(700)))
    wavfile.write(path, 8000, wave)
    expected = SOUND[1].apply(SOUND[0].apply(np.float32(wave / 32768)[None]))
    given = data({**AUDIO, "shape": expected.shape[1:]}, SOUND)
    assert np.array_equal(_stored(path, given), expected)
    wavfile.write(path, 16000, wave)
    with pytest.raises(
        UserError, match="16000 samples per second; the model takes 8000"
    ):
        _stored(path, given)


@pytest.mark.parametrize("values", [IMAGE, {**AUDIO, "shape": (61, 8, 1)}])
def test_a_file_of_another_kind_is_refused(data, tmp_path, values):
    path = tmp_path / "one.bin"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="one.bin: not a"):
        _stored(path, data(values))


SCALED = Standardise((10.0, -3.0), (2.0, 0.5))
FLOATS = {**IMAGE, "dtype": "float32", "scale": 1.0}


def _doubt(path, data) -> str:
    examples = read_raw(path, data)
    return RangeCheck(data).problem(examples.raw, preprocess(examples, data))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("11,-3.5", ""),
        ("29,-3", ""),  # nine and a half deviations: rare, and no more
        (
            "11000,-3",
            r'"width" is 11000, 5,495 standard deviations .*of 10 \+- 2: check',
        ),
        ("10,40", '"height" is 40, 86 standard deviations'),
        ("10,nan", "holds NaN or infinity"),
    ],
)
def test_a_row_far_from_the_training_statistics_is_doubted(data, tmp_path, row, told):
    path = tmp_path / "rows.csv"
    path.write_text(f"width,height\n10,-3\n{row}\n")
    given = data({**TABLE, "inputs": ("width", "height")}, (SCALED,))
    found = _doubt(path, given)
    assert re.search(told, found) if told else not found


def test_what_training_examples_held_is_not_doubted(data, tmp_path):
    given = data({**TABLE, "inputs": ("width", "height")}, (SCALED,))
    np.save(given.folder / "train_x.npy", np.float32([[-40, 0], [0, 1]]))
    path = tmp_path / "rows.csv"
    path.write_text("width,height\n100,-3\n")  # 45 deviations
    assert not _doubt(path, given)
    path.write_text("width,height\n200,-3\n")  # 95 deviations
    assert '"width" is 200' in _doubt(path, given)


@pytest.mark.parametrize(
    ("values", "largest", "told"),
    [
        (FLOATS, 1.0, ""),
        (FLOATS, 255.0, "up to 255, but values up to about 1 are usual: check"),
        ({**IMAGE, "scale": 1 / 16}, 16.0, ""),
        ({**IMAGE, "scale": 1 / 16}, 0.9, "fractions.*whole numbers from 0 to 16"),
        (IMAGE, 0.5, "fractions, up to 0.5, .*whole numbers from 0 to 255"),
    ],
)
def test_an_image_on_another_scale_is_doubted(data, tmp_path, values, largest, told):
    path = tmp_path / "raw.npy"
    np.save(path, np.full((4, 6, 1), largest))
    found = _doubt(path, data(values))
    assert re.search(told, found) if told else not found


@pytest.mark.parametrize(
    ("trained", "told"),
    [(0.1, "up to 3, but the model was trained on at most 0.1"), (2.0, ""), (None, "")],
)
def test_what_the_model_was_trained_on_is_told_as_it_was(data, tmp_path, trained, told):
    given = data(FLOATS)
    if trained is not None:  # of labels nothing is read
        np.save(given.folder / "train_x.npy", np.full((5, 4, 6, 1), -trained))
    np.save(tmp_path / "raw.npy", np.full((4, 6, 1), 3.0))
    found = _doubt(tmp_path / "raw.npy", given)
    assert told in found and bool(found) == (trained != 2.0)
    assert ("trained on" in found) == bool(told)


def test_training_examples_are_read_once_and_for_odd_numbers_alone(data, monkeypatch):
    read, given, ones = [], data(FLOATS), np.ones((1, 4, 6, 1))
    np.save(given.folder / "train_x.npy", ones)
    rows = range_check.stored_rows

    def counted(folder, split):
        read.append(split)
        return rows(folder, split)

    monkeypatch.setattr(range_check, "stored_rows", counted)
    check = RangeCheck(given)
    assert not check.problem(ones, ones) and not read
    assert check.problem(9 * ones, 9 * ones) and check.problem(8 * ones, 8 * ones)
    assert read == ["train"]


@pytest.mark.parametrize("content", [b"", b"no array"])
def test_damaged_training_examples_do_not_keep_from_an_answer(data, tmp_path, content):
    given = data(FLOATS)
    (given.folder / "train_x.npy").write_bytes(content)
    np.save(tmp_path / "raw.npy", np.full((4, 6, 1), 3.0))
    assert "are usual" in _doubt(tmp_path / "raw.npy", given)


@pytest.mark.parametrize(
    ("odd", "told"), [(np.nan, "NaN .not a number."), (np.inf, "values up to inf")]
)
def test_what_is_no_number_is_refused_where_pixels_are_stored(
    data, tmp_path, odd, told
):
    np.save(tmp_path / "raw.npy", np.full((4, 6, 1), [[[odd]]]))
    with pytest.raises(UserError, match=f"holds {told}, .*from 0 to 255"):
        _doubt(tmp_path / "raw.npy", data(IMAGE))


def test_values_below_zero_are_refused_where_pixels_are_stored(data, tmp_path):
    np.save(tmp_path / "raw.npy", np.full((4, 6, 1), -2))
    with pytest.raises(UserError, match="down to -2, .*from 0 to 255"):
        _doubt(tmp_path / "raw.npy", data(IMAGE))


def test_samples_of_16_bits_are_doubted_where_clips_are_of_1(data, tmp_path):
    given = data({**AUDIO, "shape": (6, 8, 1)}, SOUND)
    for loud, told in ((1.0, ""), (9000.0, "samples up to 9000, .*divide")):
        np.save(tmp_path / "raw.npy", np.full((2, 700), loud, np.float32))
        found = _doubt(tmp_path / "raw.npy", given)
        assert re.search(told, found) if told else not found


def test_an_experiment_without_a_chosen_file_is_told_apart(data, tmp_path):
    folder = data(IMAGE).folder.parent
    with pytest.raises(UserError, match="no file was chosen"):
        predict(folder, [tmp_path])
    with pytest.raises(
        UserError, match="no result yet; run: keras-frontier run --exp toy2"
    ):
        predict(tmp_path / "toy2", [tmp_path])


def test_an_array_of_another_width_is_refused(data, tmp_path):
    np.save(tmp_path / "raw.npy", np.zeros((3, 5), np.float32))
    given = data({**TABLE, "inputs": ("width", "height")}, (SCALED,))
    with pytest.raises(UserError, match=r"raw.npy: examples have shape \(5,\)"):
        _stored(tmp_path / "raw.npy", given)


@pytest.mark.parametrize("variant", ["student-int8", "student | int8"])
def test_a_variant_is_named_by_its_id_or_as_in_tables(data, variant):
    folder = data(IMAGE).folder.parent / "compress"
    folder.mkdir()
    point = {"id": "student-int8", "source": "student", "recipe": "int8"}
    point["file"] = "variants/student-int8.tflite"
    (folder / "variants").mkdir()
    (folder / point["file"]).write_bytes(b"a file")
    write_json(folder / "pareto.json", {"points": [point], "chosen": None})
    record(folder)
    assert (
        _file(folder.parent, variant, _pareto(folder.parent)["points"])
        == folder / point["file"]
    )


def test_predict_says_what_the_evaluation_said(finished, tmp_path):
    """On test examples of a real run: as many are right as evaluate counted."""
    project, _ = finished
    np.save(tmp_path / "raw.npy", np.load(project.small / "data" / "test_x.npy"))
    answer = project.cli("predict", "small", str(tmp_path / "raw.npy"), "--json")
    assert answer.code == 0 and answer.err == "", answer.err
    rows = json.loads(answer.out)
    y = np.load(project.small / "data" / "test_y.npy")
    guess = [next(iter(row["classes"])) for row in rows]
    found = json.loads((project.small / "evaluate" / "evaluation.json").read_text())
    (chosen,) = (r for r in found["variants"] if r["id"] == found["chosen"])
    right = np.mean([name == str(number) for name, number in zip(guess, y)])
    assert right == pytest.approx(chosen["accuracy"])
    plain = project.cli("predict", "small", str(tmp_path / "raw.npy"))
    assert len(plain.out.splitlines()) == len(y) and " then " in plain.out
    np.save(tmp_path / "part.npy", np.load(tmp_path / "raw.npy")[:3] / 16)
    doubted = project.cli("predict", "small", str(tmp_path / "part.npy"))
    assert len(doubted.out.splitlines()) == 3
    assert doubted.err.startswith(f"warning: {tmp_path / 'part.npy'}: holds fractions")
    assert len(doubted.err.splitlines()) == 1
    wrong = project.cli("predict", "small", "x.png", "--variant", "student-int9")
    assert wrong.code == 2 and 'did you mean "student-int8"?' in wrong.err


@pytest.mark.parametrize("name", ["compress/best.tflite", "data/spec.json"])
def test_a_changed_byte_of_a_real_result_gives_no_other_prediction(
    copied, tmp_path, name
):
    np.save(tmp_path / "raw.npy", np.load(copied.small / "data" / "test_x.npy")[:2])
    content = (copied.small / name).read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    (copied.small / name).write_bytes(changed)
    answer = copied.cli("predict", "small", str(tmp_path / "raw.npy"))
    assert answer.code == 2 and answer.out == ""
    assert f"{name}: was altered since it was published" in answer.err
