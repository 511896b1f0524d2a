"""Images inside tar shards and TFRecord files are those of a folder of files."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.stored import stored_rows
from tests.helpers.cases import chosen


def add(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def files_of(folder):
    return [(path, path.parent.name) for path in sorted(folder.glob("*/*.png"))]


@pytest.fixture
def tars(images, tmp_path):
    """Two shards, the labels of one in .cls files, of the other in .json files."""
    folder = tmp_path / "tars"
    folder.mkdir()
    files = files_of(images)
    for number, part in enumerate((files[:20], files[20:])):
        with tarfile.open(folder / f"set-{number:03d}.tar", "w") as archive:
            for path, label in part:
                key = f"{label}/{path.stem}"
                add(archive, f"{key}.png", path.read_bytes())
                facts = json.dumps({"label": label}).encode()
                content = facts if number else f"{label}\n".encode()
                add(archive, f"{key}.{'json' if number else 'cls'}", content)
    return folder


@pytest.fixture
def records(images, tmp_path):
    """One TFRecord file, as TensorFlow writes it."""
    import tensorflow as tf

    path = tmp_path / "set.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for file, label in files_of(images):
            values = {"image/encoded": file.read_bytes(), "image/class/text": label}
            features = {
                name: tf.train.Feature(
                    bytes_list=tf.train.BytesList(
                        value=[value if isinstance(value, bytes) else value.encode()]
                    )
                )
                for name, value in values.items()
            }
            number = tf.train.Int64List(value=[3, 700])
            features["height"] = tf.train.Feature(int64_list=number)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return path


@pytest.fixture(params=["tars", "records"])
def packed(request):
    """A source of each kind."""
    path = request.getfixturevalue(request.param)
    return f"{'webdataset' if request.param == 'tars' else 'tfrecord'}:{path}"


@pytest.mark.parametrize("cache", chosen(["arrays", "shards"], ["arrays"]))
def test_examples_are_those_of_the_files(packed, cache, images, make):
    image = {"size": [20, 20]}
    plain = make(source=f"images:{images}", image=image)
    result = make(source=packed, image=image, cache=cache)
    assert result.data.spec.classes == plain.data.spec.classes == ("blue", "red")
    for split in ("train", "validation", "test"):
        rows = [stored_rows(r.folder, split)[:] for r in (plain, result)]
        assert np.array_equal(rows[0], rows[1])
    paths = (r.folder / "splits.npz" for r in (plain, result))
    expected, splits = (dict(np.load(path)) for path in paths)
    assert all(np.array_equal(splits[n], expected[n]) for n in expected)


def test_names_of_files_are_the_splits_of_the_source(tars, images, make):
    (tars / "set-001.tar").rename(tars / "test-000.tar")
    with tarfile.open(tars / "set-000.tar", "a") as archive:
        for k, (path, _) in enumerate(files_of(images)[-2:]):
            add(archive, f"more{k}.png", path.read_bytes())
            add(archive, f"more{k}.cls", b"red")
    result = make(source=f"webdataset:{tars}")
    assert result.metrics["examples"]["test"] == 10
    assert result.metrics["origins"]["test"] == "source"


def test_whole_numbers_are_labels_of_records(tmp_path, images, make):
    import tensorflow as tf

    path = tmp_path / "numbers.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for file, label in files_of(images):
            content = tf.train.BytesList(value=[file.read_bytes()])
            number = tf.train.Int64List(value=[300 + (label == "red")])
            features = {
                "image": tf.train.Feature(bytes_list=content),
                "label": tf.train.Feature(int64_list=number),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    result = make(source=f"tfrecord:{path}")
    assert result.data.spec.classes == ("300", "301")


def test_bad_samples_are_named(tars, make):
    with tarfile.open(tars / "set-001.tar", "a") as archive:
        add(archive, "broken.png", b"no image")
        add(archive, "broken.cls", b"red")
        add(archive, "alone.png", b"no image")
    with pytest.raises(UserError, match=r"set-001\.tar: alone\.png: has no label"):
        make(source=f"webdataset:{tars}")
    result = make(source=f"webdataset:{tars}", on_bad_example="skip")
    reasons = {r["example"]: r["reason"] for r in result.rows("skipped.csv")}
    assert reasons == {
        "set-001.tar: alone.png": "has no label",
        "set-001.tar: broken.png": (
            "not a complete image (cannot identify image file)"
        ),
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tar", b"\x1f\x8b12", "is compressed"),
        ("a.tar", b"nonsense" * 200, "not a readable tar file"),
        ("a.tfrecord", b"nonsense" * 20, "not a tf.train.Example"),
        ("a.tfrecord", b"", "is empty"),
    ],
)
def test_other_files_are_refused(name, content, message, tmp_path, make):
    (tmp_path / name).write_bytes(content)
    kind = "webdataset" if name.endswith("tar") else "tfrecord"
    with pytest.raises(UserError, match=message):
        make(source=f"{kind}:{tmp_path / name}")


def test_a_cut_record_is_an_error(records, make):
    records.write_bytes(records.read_bytes()[:-9])
    with pytest.raises(UserError, match="ends before the record does"):
        make(source=f"tfrecord:{records}")


def test_an_empty_folder_is_an_error(tmp_path, make):
    with pytest.raises(UserError, match="holds no labelled image"):
        make(source=f"webdataset:{tmp_path}")
