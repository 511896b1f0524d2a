"""Readers of all kinds return the same typed examples; bad input is named or listed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from scipy.io import wavfile

from pipeline.core.errors import UserError
from pipeline.data.features import apply_steps
from pipeline.data.params import DataParams
from pipeline.data.sources import sklearn_dataset
from pipeline.data.sources.registry import SKLEARN
from pipeline.data.test_split import held_out_split
from tests.helpers.data_fixtures import RATE, table_rows, text_rows, write_csv


def sizes(result) -> list[int]:
    return list(result.metrics["examples"].values())


def test_a_folder_of_images(make, images):
    result = make(source=f"images:{images}")
    spec = result.data.spec
    assert (spec.shape, spec.dtype, spec.modality) == ((7, 6, 3), "uint8", "image")
    assert (spec.name, spec.classes) == ("images", ("blue", "red"))
    train = result.data.train()
    assert np.array_equal(train.x[..., 0].mean(axis=(1, 2)) > 100, train.y == 1)
    assert sizes(result) == [18, 6, 6]


def test_images_of_several_sizes_are_resized_on_request_and_that_is_recorded(
    make, images
):
    Image.new("RGB", (20, 10), "blue").save(images / "blue" / "large.png")
    with pytest.raises(
        UserError, match=r"blue/large.png: has shape \(10, 20, 3\).*size"
    ):
        make(source=f"images:{images}")
    result = make(source=f"images:{images}", image={"size": [5, 4], "channels": 1})
    assert result.data.spec.shape == (5, 4, 1)
    steps = [step["step"] for step in result.data.spec.preprocess]
    assert steps == ["decode_image", "resize"]
    raw = np.asarray(Image.open(images / "red" / "3.png"))[None]
    stored = apply_steps(result.data.steps(), raw)[0]
    splits = [
        result.data.train(),
        result.data.validation(),
        held_out_split(result.folder),
    ]
    everything = np.concatenate([split.x for split in splits])
    assert (everything == stored).all(axis=(1, 2, 3)).sum() == 1


def test_a_folder_of_clips_becomes_standardised_frames(make, clips):
    result = make(source=f"wav:{clips}", audio={"seconds": 0.5, "bins": 20})
    spec, train = result.data.spec, result.data.train()
    assert (spec.shape, spec.dtype, spec.modality) == ((30, 20, 1), "float32", "audio")
    names = [step["step"] for step in spec.preprocess]
    assert names == ["fixed_length", "log_mel", "standardise"]
    facts = spec.preprocess[1].pop("facts")
    assert (facts["points"], facts["frame_samples"]) == (256, 256)
    assert spec.preprocess[1] == {
        "step": "log_mel",
        "rate": 8000,
        "frame_ms": 32.0,
        "hop_ms": 16.0,
        "bins": 20,
    }
    assert abs(train.x.mean(axis=(0, 1))).max() < 1e-4
    assert abs(train.x.std(axis=(0, 1)) - 1).max() < 1e-3


def test_groups_come_from_file_names_and_stay_together(make, clips):
    result = make(
        source=f"wav:{clips}",
        file_name="{speaker}_{index}",
        split={"group": "speaker"},
        audio={"seconds": 0.5},
    )
    assert sizes(result) == [24, 8, 8]  # of five speakers with eight clips: 3, 1, 1


def test_a_name_without_its_group_is_bad(make, clips):
    pattern = "{speaker}-{index}"
    with pytest.raises(UserError, match=r'high/a_0.wav: its name has no "speaker"'):
        make(source=f"wav:{clips}", file_name=pattern, split={"group": "speaker"})


def test_a_raw_clip_becomes_what_is_stored(make, clips):
    result = make(source=f"wav:{clips}", audio={"seconds": 0.5, "front_end": "mfcc"})
    _, samples = wavfile.read(clips / "high" / "a_0.wav")
    one = apply_steps(result.data.steps(), samples[None].astype(np.float32) / 2**15)
    splits = [
        result.data.train(),
        result.data.validation(),
        held_out_split(result.folder),
    ]
    stored = np.concatenate([split.x for split in splits])
    assert one.shape[1:] == result.data.spec.shape == (30, 13, 1)
    assert np.abs(stored - one).reshape(len(stored), -1).max(axis=1).min() < 1e-5


def test_a_table(make, table):
    result = make(source=f"csv:{table}", columns={"ignore": ["site"]})
    spec, train = result.data.spec, result.data.train()
    assert (spec.shape, spec.dtype, spec.modality) == ((2,), "float32", "table")
    assert (spec.name, spec.classes) == ("table", ("down", "up"))
    np.testing.assert_allclose(train.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.x.std(axis=0), 1, atol=1e-4)
    assert abs(held_out_split(result.folder).x.mean(axis=0)).max() > 1e-3
    (step,) = spec.preprocess
    np.testing.assert_allclose(step["mean"], [10, -3], atol=2)


def test_columns_are_named_in_their_order(make, table):
    result = make(source=f"csv:{table}", columns={"ignore": ["site"]})
    assert result.data.spec.inputs == ("width", "height")


def test_a_column_of_words_is_to_be_ignored_not_skipped(make, table):
    with pytest.raises(UserError, match=r"no number in column site.*ignore: \[site\]"):
        make(source=f"csv:{table}", on_bad_example="skip")


def test_the_group_column_is_no_input_and_stays_together(make, table):
    result = make(source=f"csv:{table}", split={"group": "site"})
    assert result.data.spec.shape == (2,)
    with np.load(result.folder / "splits.npz") as splits:
        sites = [set(splits[f"{n}_index"] % 6) for n in ("train", "validation", "test")]
    assert sum(map(len, sites)) == len(set.union(*sites)) == 6


def test_texts_become_numbers_of_the_training_splits_words(make, texts):
    result = make(source=f"text:{texts}", text={"vocabulary": 50, "length": 5})
    spec, train = result.data.spec, result.data.train()
    assert (spec.shape, spec.dtype, spec.modality) == ((5,), "int32", "text")
    words = (result.folder / "vocabulary.txt").read_text().splitlines()
    assert spec.vocabulary == len(words) == 2 + 4 + len(train)  # each has its number
    assert words[:4] == ["[padding]", "[unknown]", "day", "number"]
    assert train.x.max() == len(words) - 1
    assert (result.data.validation().x[:, 3] == 1).all()  # numbers that train lacks
    assert (train.x[:, 4] == 0).all()
    assert spec.to_input(train.x).dtype == np.int32


def test_an_npz_file(make, npz):
    result = make(source=f"npz:{npz}")
    spec = result.data.spec
    assert (spec.shape, spec.dtype) == ((5, 4, 1), "uint8")
    assert spec.classes == ("cat", "dog")
    with np.load(result.folder / "splits.npz") as splits:
        assert np.array_equal(result.data.train().y, splits["train_index"] % 2)


@pytest.mark.parametrize(("name", "columns"), [("iris", 4), ("wine", 13)])
def test_scikit_learns_tables(make, name, columns):
    spec = make(source=f"sklearn:{name}").data.spec
    assert (spec.shape, spec.modality, len(spec.classes)) == ((columns,), "table", 3)


@pytest.mark.parametrize("kind", ["images", "wav", "csv", "text", "npz"])
def test_a_path_that_is_not_there_is_named(make, tmp_path, kind):
    with pytest.raises(UserError, match="nowhere must be a .*relative paths begin"):
        make(source=f"{kind}:{tmp_path}/nowhere")


def test_a_path_may_hold_an_environment_variable_which_is_not_recorded(
    make, table, monkeypatch
):
    monkeypatch.setenv("WHERE", str(table.parent))
    result = make(source="csv:${WHERE}/table.csv.gz", columns={"ignore": ["site"]})
    assert result.data.spec.source == "csv:${WHERE}/table.csv.gz"
    assert str(table.parent) not in (result.folder / "spec.json").read_text()
    monkeypatch.delenv("WHERE")
    with pytest.raises(UserError, match="environment variable WHERE is not set"):
        make(source="csv:${WHERE}/table.csv.gz")


def test_relative_paths_begin_at_the_working_directory(make, texts, monkeypatch):
    monkeypatch.chdir(texts.parent)
    assert sizes(make(source="text:texts.csv")) == [36, 12, 12]


# ------------------------------------------------------------------- bad input


def break_image(folder):
    whole = (folder / "red" / "3.png").read_bytes()
    (folder / "red" / "3.png").write_bytes(whole[: len(whole) // 2])


def empty_class(folder):
    (folder / "green").mkdir()


BAD_IMAGES = [
    (break_image, {}, r"red/3\.png: not a complete image", ("red/3.png", 29)),
    (empty_class, {}, "green/: an empty class folder", ("green/", 30)),
    (
        lambda folder: (folder / "green").mkdir(),
        {"classes": ["blue", "red"]},
        r'green/: label "green" is not one of data\.classes',
        ("green/", 30),
    ),
]


@pytest.mark.parametrize(("spoil", "params", "message", "skip"), BAD_IMAGES)
def test_bad_images(make, images, spoil, params, message, skip):
    spoil(images)
    with pytest.raises(
        UserError,
        match=f"{message}.*; fix the file, or set `data.on_bad_example: skip`",
    ):
        make(source=f"images:{images}", **params)
    result = make(source=f"images:{images}", on_bad_example="skip", **params)
    assert [row["example"] for row in result.rows("skipped.csv")] == [skip[0]]
    assert [row["source"] for row in result.rows("skipped.csv")] == [f"images:{images}"]
    assert (result.metrics["skipped"], sum(sizes(result))) == (1, skip[1])
    assert "1 bad ones skipped" in result.metrics["headline"]


def other_rate(folder):
    wavfile.write(folder / "low" / "b_2.wav", 16000, np.ones(8000, np.int16))


def no_wav(folder):
    (folder / "low" / "b_2.wav").write_text("this is no sound")


def no_samples(folder):
    wavfile.write(folder / "low" / "b_2.wav", RATE, np.ones(0, np.int16))


def no_numbers(folder):
    wavfile.write(folder / "low" / "b_2.wav", RATE, np.full(9, np.nan, np.float32))


BAD_CLIPS = [
    (other_rate, r"has 16000 samples per second \(most files: 8000\)"),
    (no_wav, "not a readable WAV file"),
    (no_samples, "holds no samples|not a readable"),
    (no_numbers, "samples that are not numbers"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_CLIPS)
def test_bad_clips(make, clips, spoil, message):
    spoil(clips)
    audio = {"seconds": 0.5}
    with pytest.raises(UserError, match=rf"low/b_2\.wav: .*({message})"):
        make(source=f"wav:{clips}", audio=audio)
    result = make(source=f"wav:{clips}", audio=audio, on_bad_example="skip")
    (row,) = result.rows("skipped.csv")
    assert row["example"] == "low/b_2.wav"
    assert sum(sizes(result)) == 39


def test_one_file_of_another_rate_at_the_front_does_not_condemn_the_rest(make, clips):
    samples = np.zeros(16_000, np.int16)
    wavfile.write(clips / "high" / "a_0.wav", 16_000, samples)
    result = make(source=f"wav:{clips}", audio={"seconds": 0.5}, on_bad_example="skip")
    assert [row["example"] for row in result.rows("skipped.csv")] == ["high/a_0.wav"]


def test_the_sample_rate_can_be_asked_for(make, clips):
    with pytest.raises(
        UserError, match=r"8000 samples per second \(data\.audio\.rate: 16000\)"
    ):
        make(source=f"wav:{clips}", audio={"rate": 16000})


BAD_CELLS = [
    ((7, 0, "nan"), "row 8: column \"width\" is 'nan', not a number"),
    ((7, 1, "tall"), "row 8: column \"height\" is 'tall'"),
    ((7, 1, ""), "row 8: column \"height\" is ''"),
    ((7, 2, ""), "row 8: has no label"),
    ((7, 2, "sideways"), 'row 8: label "sideways" is not one of data.classes'),
    ((7, 3, "x,y"), "row 8: has 5 values, the header 4"),
]


@pytest.mark.parametrize(("cell", "message"), BAD_CELLS)
def test_bad_rows(make, tmp_path, cell, message):
    rows = table_rows()
    rows[cell[0]][cell[1]] = cell[2]
    path = write_csv(tmp_path / "bad.csv", rows)
    params = {
        "source": f"csv:{path}",
        "columns": {"ignore": ["site"]},
        "classes": ["down", "up"],
    }
    with pytest.raises(UserError) as caught:
        make(**params)
    assert message in str(caught.value) and "bad.csv" in str(caught.value)
    result = make(**params, on_bad_example="skip")
    assert [row["example"] for row in result.rows("skipped.csv")] == ["row 8"]
    assert sum(sizes(result)) == 59


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"columns": {"label": "lable"}}, 'no column "lable"; did you mean "label"'),
        ({"columns": {"ignore": ["depth"]}}, r'no column "depth".*columns\.ignore'),
        ({"split": {"group": "city"}}, r'no column "city".*data\.split\.group'),
    ],
)
def test_a_missing_column_is_named_with_those_that_there_are(
    make, table, params, message
):
    with pytest.raises(UserError, match=message):
        make(source=f"csv:{table}", **params, on_bad_example="skip")


def test_an_empty_text_is_bad(make, tmp_path):
    rows = text_rows()
    rows[4][0] = "  "
    path = write_csv(tmp_path / "texts.csv", rows)
    with pytest.raises(UserError, match="row 5: its text is empty"):
        make(source=f"text:{path}")
    assert sum(sizes(make(source=f"text:{path}", on_bad_example="skip"))) == 59


def test_a_file_that_is_no_table_is_named(make, tmp_path):
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(b"\x1f\x8b broken")
    with pytest.raises(UserError, match="broken.csv.gz: not readable as CSV"):
        make(source=f"csv:{path}")


def test_one_class_only_is_an_error_even_where_bad_examples_are_skipped(make, tmp_path):
    rows = [
        row if row[2] != "up" else [*row[:2], "down", row[3]] for row in table_rows()
    ]
    path = write_csv(tmp_path / "one.csv", rows)
    with pytest.raises(UserError, match=r"holds one class \(down\); two are needed"):
        make(source=f"csv:{path}", columns={"ignore": ["site"]}, on_bad_example="skip")


def test_numbers_that_are_none_in_an_npz_file(make, tmp_path):
    x = np.random.default_rng(1).normal(size=(40, 3))
    x[5, 1] = np.nan
    path = tmp_path / "nan.npz"
    np.savez(path, x=x, y=np.arange(40) % 2)
    with pytest.raises(UserError, match="row 5: holds NaN or infinity"):
        make(source=f"npz:{path}")
    result = make(source=f"npz:{path}", on_bad_example="skip")
    assert [row["example"] for row in result.rows("skipped.csv")] == ["row 5"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.ones(3)}, 'no array "x"'),
        ({"x": np.ones((4, 2)), "y": np.ones(3)}, r"must be of shape \(4,\)"),
        (
            {"x": np.ones((4, 2, 2, 2)), "y": np.arange(4)},
            "must be a table .* or images",
        ),
        ({"x": np.array(["a", "b"]), "y": np.arange(2)}, "C-ordered array of numbers"),
    ],
)
def test_arrays_that_do_not_fit(make, tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=message):
        make(source=f"npz:{tmp_path}/bad.npz")


@pytest.mark.parametrize(
    ("group", "shape"),
    [(np.arange(3), r"\(3,\)"), (np.arange(99), r"\(99,\)"), (np.ones((40, 2)), "2")],
)
def test_groups_of_another_length_do_not_fit(make, tmp_path, group, shape):
    arrays = {"x": np.ones((40, 2)), "y": np.arange(40) % 2, "site": group}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=rf'"site" must be of shape \(40,\).*{shape}'):
        make(source=f"npz:{tmp_path}/bad.npz", split={"group": "site"})


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32])
def test_whole_numbers_stand_for_the_names_of_the_classes(make, tmp_path, kind):
    y = np.arange(60).astype(kind) % 3
    path = tmp_path / "numbers.npz"
    np.savez(path, x=np.arange(120, dtype=np.float32).reshape(60, 2), y=y)
    plain, names = make(source=f"npz:{path}"), ["cat", "dog", "eel"]
    assert plain.data.spec.classes == ("0", "1", "2")
    named = make(source=f"npz:{path}", classes=names)
    assert named.data.spec.classes == tuple(names)
    assert np.array_equal(named.data.train().y, plain.data.train().y)
    with pytest.raises(UserError, match='row 2: label "2" is not one of data.classes'):
        make(source=f"npz:{path}", classes=names[:2])
    some = make(source=f"npz:{path}", classes=names[:2], on_bad_example="skip")
    assert some.metrics["skipped"] == 20


def test_a_damaged_npz_file_is_named(make, tmp_path):
    path = tmp_path / "bad.npz"
    x = np.random.default_rng(1).integers(0, 9, (400, 30))
    np.savez_compressed(path, x=x, y=np.arange(400) % 2)
    content = bytearray(path.read_bytes())
    content[300:340] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(UserError, match="bad.npz: not a readable .npz file"):
        make(source=f"npz:{path}")


def test_a_quote_left_open_is_named_with_its_line(make, tmp_path):
    path = tmp_path / "open.csv"
    path.write_text('text,label\nfine,a\n"never closed,b\nlast,a\n')
    with pytest.raises(UserError, match=r"open.csv: line 4: .*is a quote left open"):
        make(source=f"text:{path}")


def test_a_text_may_be_long(make, tmp_path):
    rows = text_rows(60)
    rows[1][0] = "word " * 40_000
    result = make(source=f"text:{write_csv(tmp_path / 'long.csv', rows)}")
    assert sum(sizes(result)) == 60


def test_sixteen_bit_images_keep_their_grey_levels(make, tmp_path):
    rng = np.random.default_rng(1)
    for name in "ab":
        (tmp_path / "deep" / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 65_536, (6, 6), np.uint16)
            Image.fromarray(pixels).save(tmp_path / "deep" / name / f"{number}.png")
    result = make(source=f"images:{tmp_path}/deep", image={"channels": 1})
    assert 110 < result.data.train().x.mean() < 145
    floating = Image.fromarray(rng.random((6, 6)).astype(np.float32))
    floating.save(tmp_path / "deep" / "a" / "f.tiff")
    with pytest.raises(UserError, match="f.tiff: has floating-point pixels"):
        make(source=f"images:{tmp_path}/deep", image={"channels": 1})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"file_name": "{s}_{s}"}, r"names \{s\} twice"),
        (
            {"file_name": "{speaker}_{n}", "split": {"group": "site"}},
            'split.group "site" is not a field of file_name',
        ),
        ({"split": {"group": "site"}}, 'split.group "site" needs file_name'),
        ({"classes": ["a", "b", "a"]}, "duplicate class name: a"),
    ],
)
def test_settings_that_contradict_themselves(params, message):
    with pytest.raises(ValidationError, match=message):
        DataParams(source="wav:clips", **params)


def test_a_group_on_both_sides_of_the_sources_own_splits_is_named():
    from pipeline.data.examples import Examples
    from pipeline.data.split import split
    from pipeline.data.split_params import SplitParams

    result = Examples(
        np.arange(40)[:, None],
        np.arange(40) % 2,
        ("a", "b"),
        own_test=np.arange(40) >= 30,
        groups=np.array([f"g{k // 4}" for k in range(40)]),
    )
    with pytest.raises(
        UserError, match=r"own splits holds the group g7;.*use_source_splits"
    ):
        split(result, SplitParams(group="site"), 1)
    indices = split(result, SplitParams(group="site", use_source_splits=False), 1)
    assert sorted(map(len, indices.values())) == [8, 8, 24]


def test_an_offline_machine_says_so_within_seconds(make, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    import tensorflow_datasets  # noqa: F401  (its import is not what is timed)

    begin = time.monotonic()
    with pytest.raises(UserError) as caught:
        make(source="tfds:mnist", data_dir=str(tmp_path / "tfds"))
    assert time.monotonic() - begin < 60  # not hours of attempts
    for part in ("cannot be reached", "By hand", "download_and_prepare", "tfds/mnist"):
        assert part in str(caught.value)


@pytest.fixture
def online(monkeypatch):
    """As if hosts were there: mock_data answers for them."""
    monkeypatch.setattr(
        "pipeline.data.sources.tfds_dataset.reachable", lambda url: True
    )


TFDS = [
    ("mnist", {}, (28, 28, 1), "image", 10),
    ("cifar10", {}, (32, 32, 3), "image", 10),
    ("speech_commands", {"audio": {"rate": 16000}}, (61, 40, 1), "audio", 12),
    ("imdb_reviews", {}, (32,), "text", 2),
]


@pytest.mark.parametrize(("name", "params", "shape", "modality", "classes"), TFDS)
def test_sets_of_tensorflow_datasets(
    make, online, name, params, shape, modality, classes
):
    import tensorflow_datasets as tfds

    with tfds.testing.mock_data(num_examples=150):
        result = make(source=f"tfds:{name}", subsplits={"train": "train"}, **params)
    spec = result.data.spec
    assert (spec.shape, spec.modality, len(spec.classes)) == (shape, modality, classes)


@pytest.fixture
def stored(tmp_path) -> str:
    """A prepared set of 40 images, as `tfds:NAME:VERSION` finds it."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    rng = np.random.default_rng(1)
    data = {"image": rng.integers(0, 255, (40, 6, 6, 1), np.uint8)}
    data["label"] = np.arange(40) % 2
    tfds.dataset_builders.store_as_tfds_dataset(
        name="stored_set",
        version="1.2.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(6, 6, 1)),
                "label": tfds.features.ClassLabel(names=["a", "b"]),
            }
        ),
        split_datasets={"train": tf.data.Dataset.from_tensor_slices(data)},
        data_dir=str(tmp_path / "tfds"),
    )
    return str(tmp_path / "tfds")


def test_a_set_named_with_its_version(make, stored):
    params = {"data_dir": stored, "download": False}
    result = make(source="tfds:stored_set:1.2.0", **params)
    assert (result.data.spec.shape, result.data.spec.classes) == ((6, 6, 1), ("a", "b"))
    assert sum(sizes(result)) == 40


def test_subsplits_that_share_examples_are_refused(make, stored):
    params = {"source": "tfds:stored_set:1.2.0", "data_dir": stored, "download": False}
    twice = {"train": "train[:50%]", "test": "train[15:]"}
    with pytest.raises(UserError, match=r"train and test both take examples 15 .. 19"):
        make(**params, subsplits=twice)
    with pytest.raises(UserError, match=r'no split "nothing" \(there are: train'):
        make(**params, subsplits={"train": "nothing"})
    result = make(**params, subsplits={"train": "train[:75%]", "test": "train[75%:]"})
    assert sizes(result)[2] == 10


def test_the_known_labels_of_scikit_learns_sets_are_those_read():
    kinds = dict.fromkeys(("digits", *sklearn_dataset.CLASS_TABLES), "classes")
    numbers = dict.fromkeys(sklearn_dataset.NUMBER_TABLES, "numbers")
    assert kinds | numbers == SKLEARN
