"""`new` looks at its source: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.cli import main as entry
from pipeline.core.errors import UserError
from pipeline.experiment.builder_inputs import check_inputs, needs_of
from pipeline.experiment.loader import read_experiment
from pipeline.experiment.source_shapes import SKLEARN_SHAPES, example_shape

IRIS = "5,1;3,5;a\n4,9;3,0;b\n6,3;3,3;c\n"
HOUSES = "".join(
    f"{k},{'' if k == 3 else k / 3},{'RO'[k % 2]},{k * 1.5},remark {k} of a long kind\n"
    for k in range(60)
)


@pytest.fixture
def made(tmp_path, monkeypatch, capsys):
    """Run `new`: the values and the text of the file, or its error."""
    monkeypatch.chdir(tmp_path)

    def made(source: str) -> tuple[dict, str]:
        code = entry.main(["new", "mine", "--source", source])
        error = capsys.readouterr().err
        if code:
            raise UserError(error)
        text = Path("experiments/mine/experiment.yaml").read_text()
        return yaml.safe_load(text), text

    return made


def image(path: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 128).save(path)


def test_a_table_names_its_label_categories_gaps_and_separator(made):
    Path("a.csv").write_text("long;wide;kind\n" + IRIS)
    values, text = made("csv:a.csv")
    assert values["data"]["columns"] == {"label": "kind"}
    assert '# 3 rows; separator ";"' in text and "# 2 inputs: long, wide" in text
    assert "# kind: 3 classes: a, b, c" in text
    assert "# tune: {builder: mlp}" in text and "tune" not in values


def test_numbers_with_a_fraction_are_a_regression(made):
    Path("a.csv").write_text("id,area,town,price,note\n" + HOUSES)
    values, text = made("csv:a.csv")
    data = values["data"]
    assert data["task"] == "regression"
    columns = {
        "label": "price",
        "ignore": ["id", "note"],
        "categories": ["town"],
        "gaps": "median",
    }
    assert data["columns"] == columns
    assert "# not an input: id (numbers the rows)" in text
    assert "# not an input: note (" in text
    read_experiment(Path("experiments/mine"))


def test_texts_name_their_columns_and_a_builder_for_tokens(made):
    rows = "".join(f'"a film, the {k}th of many seen",{k % 2}\n' for k in range(20))
    Path("a.csv").write_text("review,liked\n" + rows)
    values, _ = made("text:a.csv")
    assert values["data"]["columns"] == {"text": "review", "label": "liked"}
    experiment = read_experiment(Path("experiments/mine"))
    assert experiment.tune.builder == "bag_of_embeddings"
    check_inputs(experiment)


def test_a_table_of_texts_alone_names_the_source_for_texts(made):
    rows = "".join(f"a film that is the {k}th of many seen,a\n" for k in range(60))
    Path("a.csv").write_text("review,label\n" + rows)
    with pytest.raises(UserError, match="--source text:a.csv"):
        made("csv:a.csv")


def test_columns_that_are_left_out_are_named_with_the_reason(made):
    rows = [f'19{k}-01-01,"1,0{k}",{k},,x\n' for k in range(20, 90)]
    Path("a.csv").write_text("month,seats,number,nothing,label\n" + "".join(rows))
    with pytest.raises(UserError) as error:
        made("csv:a.csv")
    for words in (
        "month: dates: replace them",
        "seats: numbers such as 1,020: remove the thousands mark",
        "number: numbers the rows",
        "nothing: empty",
    ):
        assert words in str(error.value)


def test_missing_labels_are_no_class(made):
    rows = "".join(
        f"{k * 7 % 5},{['MALE', 'FEMALE', 'NA'][k % 3]}\n" for k in range(30)
    )
    Path("a.csv").write_text("size,sex\n" + rows)
    _, text = made("csv:a.csv")
    assert "# sex: 2 classes: FEMALE, MALE" in text
    assert "# rows without a sex: on_bad_example: skip" in text


def test_arrays_of_two_axes_get_a_builder_for_tables(made):
    np.savez("a.npz", x=np.zeros((9, 4), "f4"), y=np.arange(9) % 3)
    values, text = made("npz:a.npz")
    assert values["tune"] == {"builder": "mlp"}
    assert "# x: float32 (9, 4)" in text and "# y: 3 classes: 0, 1, 2" in text


def test_many_steps_of_few_numbers_are_a_series_not_an_image(made):
    np.savez("a.npz", x=np.zeros((9, 30, 3), "f4"), y=np.arange(9) % 3)
    values, text = made("npz:a.npz")
    assert values["tune"] == {"builder": "cnn1d"}
    assert "taken for 30 steps of 3 numbers" in text
    check_inputs(read_experiment(Path("experiments/mine")))


def test_the_label_can_be_a_usual_name_before_the_last_column(made):
    Path("a.csv").write_text("Survived,Age,Port\n" + "1,20,S\n0,30,Q\n" * 3)
    values, _ = made("csv:a.csv")
    assert values["data"]["columns"] == {"label": "Survived", "categories": ["Port"]}


def test_arrays_without_labels_are_refused(made):
    np.savez("a.npz", x=np.zeros((9, 4), "f4"))
    with pytest.raises(UserError, match="no array of labels"):
        made("npz:a.npz")


def test_images_name_size_color_and_classes(made):
    for name, size in (("a/1.png", (8, 6)), ("b/1.png", (12, 6))):
        image(Path("pics", name), size, "L")
    values, text = made("images:pics")
    assert values["data"]["image"] == {"size": [6, 12], "channels": 1}
    assert "# 2 files in 2 classes: a, b" in text
    image(Path("same/a/1.png"), (8, 6))
    image(Path("same/b/1.png"), (8, 6))
    Path("experiments/mine/experiment.yaml").unlink()
    values, text = made("images:same")
    assert "image" not in values["data"] and "all of 6 x 8 pixels" in text


def test_pictures_without_class_folders_are_refused(made):
    image(Path("pics/1.png"), (8, 6))
    with pytest.raises(UserError, match="must hold one folder per class"):
        made("images:pics")
    assert not Path("experiments").exists()


def test_folders_of_splits_are_not_classes(made):
    for split in ("train", "test"):
        for name in ("a", "b"):
            image(Path("pics", split, name, "1.png"), (8, 6))
    with pytest.raises(UserError, match="such as pics/train"):
        made("images:pics")


@pytest.mark.parametrize(
    ("source", "builder", "words"),
    [
        ("sklearn:iris", "cnn", "tune.builder: cnn needs images; sklearn:iris holds"),
        ("text:a.csv", "mlp", "such as bag_of_embeddings"),
        ("npz:a.npz", "resnet", "rows of numbers of shape (4,)"),
        ("sklearn:digits", "text_cnn", "text_cnn needs texts"),
    ],
)
def test_a_builder_that_cannot_process_the_data_is_refused_before_any_stage(
    tmp_path, monkeypatch, source, builder, words
):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.zeros((9, 4), "f4"), y=np.arange(9) % 3)
    text = f"data: {{source: '{source}'}}\ntune: {{builder: {builder}}}\n"
    Path("experiment.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        check_inputs(read_experiment(Path()))
    assert words in str(error.value)


def test_what_a_builder_needs_is_read_from_its_text():
    assert needs_of("resnet:mlperf_tiny").side == 8
    assert needs_of("cnn").accepts("audio", (61, 40, 1))
    assert needs_of("cnn1d").accepts("table", (4,))
    assert not needs_of("mlp").accepts("text", (32,))


def test_shapes_of_examples_are_those_of_the_readers(tmp_path, monkeypatch):
    from sklearn import datasets

    for name, shape in SKLEARN_SHAPES.items():
        bunch = getattr(datasets, f"load_{name}")()
        assert shape == bunch.get("images", bunch.data).shape[1:] + (
            (1,) if name == "digits" else ()
        )
    monkeypatch.chdir(tmp_path)
    soundfile = pytest.importorskip("soundfile")
    Path("w/a").mkdir(parents=True)
    soundfile.write("w/a/1.wav", np.zeros(800, "f4"), 8000)
    Path("experiment.yaml").write_text("data: {source: 'wav:w'}\n")
    assert example_shape(read_experiment(Path()).data) == (61, 40, 1)


def test_a_folder_of_texts_is_text_generation(made):
    for number in range(2):
        path = Path("letters") / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("Dear reader,\n" * 9)
    values, text = made("corpus:letters")
    assert values["data"]["task"] == "next_token" and "corpus" not in values["data"]
    assert "# 2 texts of 234 bytes" in text and "# tune: {builder: char_lm}" in text
    assert read_experiment(Path("experiments/mine")).tune.builder == "char_lm"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("input,target\nmouse,mice\nox,oxen\n", {}),
        ("word,plural\nmouse,mice\nox,oxen\n", {}),
        ("word;plural;n\nmouse;mice;1\nox;oxen;2\n", ("word", "plural")),
    ],
)
def test_a_table_of_pairs_is_read_with_its_longest_texts(made, content, named):
    Path("words.csv").write_text(content)
    values, text = made("text_pairs:words.csv")
    roles = dict(zip(("input", "target"), named))
    expected = {"length": 5, "target_length": 4, **roles}
    assert values["data"]["task"] == "seq2seq" and values["data"]["pairs"] == expected
    assert "# at most 5 characters of input and 4 of target" in text
    assert read_experiment(Path("experiments/mine")).data.pairs.length == 5


def test_masks_are_a_segmentation(made):
    image(Path("street/images/1.png"), (8, 8))
    image(Path("street/masks/1.png"), (8, 8), "L")
    assert made("masks:street")[0]["data"]["task"] == "segmentation"
