"""`data.cache: shards` stores what arrays hold; decoding resumes and uses all cores."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import StageFailed, UserError
from pipeline.data import artifact, parallel
from pipeline.data.artifact import read_data
from pipeline.data.image_files import read_image
from pipeline.data.params import DataParams
from pipeline.data.shards import ShardRows
from pipeline.data.sources import images_dataset
from pipeline.data.stage import run
from pipeline.data.stored import stored_rows
from pipeline.engine.stage import Inputs
from pipeline.models import registry
from pipeline.training.batches import is_on_disk, validation_batches
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from tests.helpers.cases import chosen

SIZE = [20, 20]  # 1,200 bytes: more than examples that are always an array


@pytest.fixture
def folder(images):
    """Image files of several proportions."""
    for number, size in enumerate([(40, 20), (9, 31)]):
        Image.new("RGB", size, (90, 20, 200)).save(images / "red" / f"wide{number}.jpg")
    return images


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(parallel, "BLOCK", 5)


def files_of(folder, suffix):
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


@pytest.mark.parametrize("fit", chosen(["stretch", "pad", "crop"], ["pad"]))
def test_shards_hold_what_arrays_hold(fit, folder, make, small_blocks):
    source, image = f"images:{folder}", {"size": SIZE, "fit": fit}
    plain = make(source=source, image=image)
    compressed = make(source=source, image=image, cache="shards")
    assert compressed.metrics == plain.metrics
    assert not files_of(compressed.folder, "_x.npy")
    assert files_of(compressed.folder, ".shard")
    for split in ("train", "validation", "test"):
        rows = [stored_rows(r.folder, split)[:] for r in (plain, compressed)]
        assert np.array_equal(*rows)
    for name in ("spec.json", "splits.npz", "train_y.npy", "preview.png"):
        assert (plain.folder / name).read_bytes() == (
            compressed.folder / name
        ).read_bytes()


def test_arrays_in_shards(tmp_path, make):
    x = np.random.default_rng(2).integers(0, 256, (40, 24, 24, 3), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)
    plain, compressed = (
        make(source=f"npz:{tmp_path / 'a.npz'}", cache=cache)
        for cache in ("arrays", "shards")
    )
    assert np.array_equal(plain.data.train().x, compressed.data.train().x)
    assert files_of(compressed.folder, ".shard")


def weights_after_a_fit(data):
    model = registry.build("cnn", {"width": 0.25}, data.spec, 4)
    settings = FitSettings(epochs=2, batch_size=8, learning_rate=3e-3)
    fit(
        model,
        FitData(data.spec, data.train(), data.validation()),
        settings,
        FitContext(4),
    )
    return model.get_weights()


def test_training_from_shards_gives_the_same_weights(folder, make, monkeypatch):
    params = {"source": f"images:{folder}", "image": {"size": SIZE}}
    plain = make(**params).data
    expected = weights_after_a_fit(plain)
    compressed = make(**params, cache="shards").data
    monkeypatch.setattr(artifact, "MAPPED_ABOVE", 1000)
    train = compressed.train()
    assert isinstance(train.x, ShardRows) and is_on_disk(train.x)
    for one, other in zip(weights_after_a_fit(compressed), expected, strict=True):
        assert one.tobytes() == other.tobytes()
    batches = [validation_batches(d.validation(), d.spec) for d in (compressed, plain)]
    for (x, y), (expected_x, expected_y) in zip(*batches, strict=True):
        assert np.array_equal(x, expected_x) and np.array_equal(y, expected_y)


def test_a_killed_run_resumes(folder, tmp_path, monkeypatch, small_blocks):
    params = DataParams(source=f"images:{folder}", image={"size": SIZE}, cache="shards")
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    monkeypatch.setattr(parallel, "AHEAD", 1)
    scratch, shown = tmp_path / "scratch", []

    def progress(text, done=0, total=0, result=False):
        shown.append((text, done, total))
        if len(texts(shown)) == 3 and not (tmp_path / "second").exists():
            raise KeyboardInterrupt  # nothing more is run, as after a kill

    scratch.mkdir()
    inputs = Inputs({}, seed=5, progress=progress, scratch=scratch)
    (tmp_path / "first").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(params, inputs, tmp_path / "first")
    finished = {p: p.stat().st_mtime_ns for p in scratch.rglob("*.shard")}
    assert len(finished) >= 3
    assert any("left" in text for text, _, _ in texts(shown))
    (tmp_path / "second").mkdir()
    run(params, inputs, tmp_path / "second")
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    (tmp_path / "whole").mkdir()
    run(params, Inputs({}, seed=5), tmp_path / "whole")
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()
    assert texts(shown)[-1][1:] == (32, 32)


def texts(shown):
    return [entry for entry in shown if entry[0].startswith("decoding")]


@pytest.mark.parametrize("cache", chosen(["arrays", "shards"], ["shards"]))
def test_bad_files_are_reported_in_order_whatever_decodes_them(
    cache, folder, make, small_blocks
):
    for name in ("blue/3.png", "red/1.png", "red/14.png"):
        (folder / name).write_bytes(b"no image")
    params = {"source": f"images:{folder}", "image": {"size": SIZE}, "cache": cache}
    with pytest.raises(UserError, match=r"blue/3\.png"):
        make(**params)
    result = make(**params, on_bad_example="skip")
    rows = result.rows("skipped.csv")
    names = [row["example"] for row in rows]
    assert names == ["blue/3.png", "red/1.png", "red/14.png"]
    assert sum(result.metrics["examples"].values()) == 29


def test_another_shape_in_a_later_block_is_a_bad_file(images, make, small_blocks):
    Image.new("RGB", (3, 3)).save(images / "red" / "odd.png")
    with pytest.raises(UserError, match=r"odd\.png.*shape \(3, 3, 3\).*\(7, 6, 3\)"):
        make(source=f"images:{images}")


def test_a_process_that_dies_is_an_error(folder, make, small_blocks, monkeypatch):
    parent = os.getpid()

    def read(*args):
        if os.getpid() != parent:
            os._exit(3)
        return read_image(*args)

    monkeypatch.setattr(images_dataset, "read_image", read)
    with pytest.raises(StageFailed, match="decoding files"):
        make(source=f"images:{folder}", image={"size": SIZE})


def test_the_stage_publishes_only_files_with_reproducible_bytes(folder, make):
    from pipeline.engine.file_types import undeclared

    params = {"source": f"images:{folder}", "image": {"size": SIZE}}
    result = make(**params, cache="shards")
    assert not undeclared(result.folder, frozenset())
    assert read_data(result.folder).validation().x.shape[1:] == (*SIZE, 3)


@pytest.mark.parametrize(
    ("seconds", "done", "left", "text"),
    [
        (10, 100, 200, ", 20 s left"),
        (60, 100, 900, ", 9 min left"),
        (5, 0, 10, ""),
        (5, 10, 0, ""),
    ],
)
def test_the_time_that_is_left(seconds, done, left, text):
    assert parallel.time_left(seconds, done, left) == text
