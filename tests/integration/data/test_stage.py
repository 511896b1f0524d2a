"""The data stage on scikit-learn's digits and on a TFDS set."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.artifact import read_data
from pipeline.data.params import DataParams
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stage import run
from pipeline.data.test_split import held_out_split
from pipeline.engine.stage import Inputs

INPUTS = Inputs({}, seed=5)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    return out, run(DataParams(source="sklearn:digits"), INPUTS, out)


def test_the_signature_turns_raw_examples_into_model_inputs(digits):
    spec = read_data(digits[0]).spec
    assert spec.shape == (8, 8, 1)
    assert spec.classes == tuple("0123456789")
    x = spec.to_input(read_data(digits[0]).train().x)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)


def test_the_splits_are_what_the_metrics_say(digits):
    out, metrics = digits
    data = read_data(out)
    sizes = [len(data.train()), len(data.validation()), len(held_out_split(out))]
    assert sizes == list(metrics["examples"].values()) == [1077, 360, 360]
    assert len(data.calibration()) == metrics["calibration"] == 200


def test_the_recorded_hashes_prove_the_splits_disjoint(digits):
    with np.load(digits[0] / "splits.npz") as splits:
        hashes = [splits[f"{name}_hash"] for name in ("train", "validation", "test")]
    assert sum(map(len, hashes)) == len(np.unique(np.concatenate(hashes))) == 1797


def test_a_preview_is_drawn(digits):
    assert (digits[0] / "preview.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_set_names_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"sklearn:digit.*did you mean \"digits\""):
        run(DataParams(source="sklearn:digit"), INPUTS, tmp_path)


def test_an_unknown_tfds_set_names_the_nearest(tmp_path):
    params = DataParams(source="tfds:fashion_mnst", data_dir=str(tmp_path))
    with pytest.raises(UserError, match='did you mean "fashion_mnist"'):
        run(params, INPUTS, tmp_path)


def test_a_set_that_is_not_there_is_not_fetched_against_the_users_will(tmp_path):
    params = DataParams(
        source="tfds:fashion_mnist", data_dir=str(tmp_path), download=False
    )
    with pytest.raises(UserError, match="not prepared there, and data.download is"):
        run(params, INPUTS, tmp_path)


def test_a_tfds_set_without_class_labels_is_refused(tmp_path):
    params = DataParams(source="tfds:div2k", data_dir=str(tmp_path))
    with pytest.raises(
        UserError, match="pair images, audio or texts with class|not prep"
    ):
        run(params.model_copy(update={"download": False}), INPUTS, tmp_path)


def test_a_prepared_tfds_set_is_read_with_its_own_test_split(tmp_path):
    import tensorflow_datasets as tfds

    from pipeline.data.sources.tfds_dataset import read

    class TinyShapes(tfds.core.GeneratorBasedBuilder):
        """Images of one grey level, which is the class."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(6, 5, 1)),
                "label": tfds.features.ClassLabel(names=["dark", "light"]),
            }
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager):
            return {"train": self._examples(20), "test": self._examples(6)}

        def _generate_examples(self):
            yield from ()

        def _examples(self, count):
            for number in range(count):
                grey = 200 * (number % 2)
                image = np.full((6, 5, 1), grey, np.uint8)
                yield number, {"image": image, "label": number % 2}

    TinyShapes(data_dir=str(tmp_path)).download_and_prepare()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    params = DataParams(
        source="tfds:tiny_shapes", data_dir=str(tmp_path), download=False
    )
    examples = read(ReadContext(params, scratch, source=params.source))
    assert examples.x.shape == (26, 6, 5, 1)
    assert examples.classes == ("dark", "light")
    assert np.array_equal(examples.y, examples.x[:][:, 0, 0, 0] // 200)
    assert np.flatnonzero(examples.own_test).tolist() == list(range(20, 26))
    parts = {"train": "train[:50%]", "validation": "train[10:14]", "test": "test[:4]"}
    some = params.model_copy(update={"subsplits": parts})
    examples = read(ReadContext(some, scratch, source=params.source))
    assert len(examples) == 18
    assert np.flatnonzero(examples.own_validation).tolist() == [10, 11, 12, 13]
    wrong = params.model_copy(update={"subsplits": {"train": "trian"}})
    with pytest.raises(UserError, match='no split "trian"'):
        read(ReadContext(wrong, scratch, source=params.source))


SHARED = os.environ.get("PIPELINE_SHARED_DATA")


@pytest.mark.slow
@pytest.mark.skipif(
    not SHARED, reason="PIPELINE_SHARED_DATA does not name a folder of real data sets"
)
def test_real_fashion_mnist_keeps_its_own_test_split(tmp_path):
    params = DataParams(
        source="tfds:fashion_mnist", data_dir=str(Path(SHARED) / "tfds"), download=False
    )
    metrics = run(params, INPUTS, tmp_path)
    assert metrics["examples"] == {"train": 45000, "validation": 15000, "test": 10000}
