"""PSNR and SSIM, the floor of restored images, and what `predict` returns."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.tasks.floor import floor_warning
from pipeline.tasks.registry import get
from pipeline.tasks.restoration.evaluation import compare
from pipeline.tasks.restoration.floor import FLOOR
from pipeline.tasks.restoration.metric import METRIC, quality
from pipeline.tasks.restoration.pictures import Restored, write
from pipeline.tasks.restoration.prediction import PREDICTION
from pipeline.tasks.restoration.quality import enlarged, pixels, psnr, ssim
from pipeline.tasks.spec import TaskSpec

RNG = np.random.default_rng(1)
SMOOTH = np.indices((16, 16)).sum(axis=0)[None, ..., None] * 8
CLEAN = (SMOOTH + RNG.integers(0, 4, (5, 16, 16, 3))).astype(np.uint8)
SMALL = np.stack(
    [np.asarray(Image.fromarray(im).resize((8, 8), Image.BICUBIC)) for im in CLEAN]
)
SPEC = TaskSpec(
    *("x", "x:x", (8, 8, 3), "uint8", (), 1 / 255),
    task="restoration",
    target={"shape": [16, 16, 3], "degradation": "downscale(2)"},
)


def noisy(sigma: float) -> np.ndarray:
    return pixels(CLEAN / 255 + RNG.normal(0, sigma, CLEAN.shape))


def restored(images: np.ndarray) -> Restored:
    return Restored(images, quality(images, CLEAN), FLOOR.evidence(SMALL, CLEAN))


class TestQuality:
    def test_psnr_is_its_formula_and_a_copy_has_a_hundred(self):
        images = noisy(0.1)
        error = images / 255 - CLEAN / 255
        expected = -10 * np.log10((error**2).mean(axis=(1, 2, 3)))
        assert np.allclose(psnr(images, CLEAN), expected)
        assert np.allclose(psnr(CLEAN, CLEAN), 100)

    def test_ssim_is_one_for_a_copy_and_falls_with_noise(self):
        values = [ssim(noisy(sigma), CLEAN).mean() for sigma in (0.0, 0.05, 0.2)]
        assert values[0] == pytest.approx(1) and values[0] > values[1] > values[2]

    def test_outputs_are_clipped_and_rounded_to_pictures_of_8_bits(self):
        outputs = np.array([-0.5, 0.5, 1.5, np.nan])
        assert pixels(outputs).tolist() == [0, 128, 255, 0]

    def test_enlarged_is_pillows_bicubic_and_leaves_equal_sizes_unchanged(self):
        large = enlarged(SMALL, (16, 16, 3))
        expected = Image.fromarray(SMALL[2]).resize((16, 16), Image.BICUBIC)
        assert np.array_equal(large[2], np.asarray(expected))
        assert enlarged(SMALL, (8, 8, 3)) is SMALL


class TestMetric:
    def test_both_metrics_are_means_of_the_evidence(self):
        images = noisy(0.1)
        evidence = METRIC.evidence(images / 255, images, CLEAN)
        assert METRIC.value(evidence, CLEAN) == pytest.approx(
            psnr(images, CLEAN).mean()
        )
        expected = ssim(images, CLEAN).mean()
        assert METRIC.others["ssim"].value(evidence, CLEAN) == pytest.approx(expected)

    def test_a_change_is_in_decibels(self):
        assert METRIC.metric.change(-0.2) == "-0.200 dB"


class TestFloor:
    def test_the_floor_is_the_enlarged_input(self):
        expected = quality(enlarged(SMALL, (16, 16, 3)), CLEAN)
        assert np.allclose(FLOOR.of(CLEAN, SMALL, CLEAN), expected)

    def test_a_model_that_only_enlarges_is_warned_about_and_a_better_one_is_not(self):
        arguments = ("the model", SPEC, CLEAN, SMALL, CLEAN)
        same = quality(enlarged(SMALL, (16, 16, 3)), CLEAN)
        warning = floor_warning(*arguments, same, seed=1)
        assert warning is not None and "the degraded input" in warning
        better = quality(CLEAN, CLEAN)
        assert floor_warning(*arguments, better, seed=1) is None

    def test_outputs_of_other_ranges_are_readings(self):
        clean = CLEAN / 255
        for outputs in (255 * clean, 2 * clean - 1):
            readings = FLOOR.readings(SPEC, outputs, CLEAN)
            converted = [reading.convert(outputs) for reading in readings]
            assert any(np.allclose(images, clean) for images in converted)


class TestEvaluation:
    def test_a_row_states_the_gain_above_the_floor_with_its_interval(self):
        row = compare(restored(CLEAN), restored(noisy(0.02)), 100, 1).to_json()
        assert row["gain"] == pytest.approx(row["psnr"] - row["floor_psnr"])
        assert row["drop"] == pytest.approx(100 - row["psnr"])
        for key in ("psnr", "ssim", "gain", "drop"):
            low, high = row[f"{key}_interval"]
            assert low - 1e-9 <= row[key] <= high + 1e-9

    def test_worst_and_most_changed_images_are_drawn_and_listed(self, tmp_path):
        after = noisy(0.01)
        after[3] = 255 - CLEAN[3]
        test = SimpleNamespace(x=SMALL, y=CLEAN)
        context = SimpleNamespace(test=test)
        write(tmp_path, context, restored(CLEAN), restored(after))
        document = json.loads((tmp_path / "restoration.json").read_text())
        assert document["examples"][0]["position"] == 3
        assert document["below_the_input"] >= 1
        picture = np.asarray(Image.open(tmp_path / "restored.png"))
        rows, tile, gap = len(document["examples"]), 128, 6
        expected = (rows * (tile + gap) - gap, 6 * (tile + gap) - gap, 3)
        assert picture.shape == expected

    def test_every_key_of_the_page_is_in_a_row(self):
        row = compare(restored(CLEAN), restored(CLEAN), 10, 1).to_json()
        report = get("restoration").part("report")
        keys = {*report.metrics, *report.compared.values()} - {"corrupted_psnr"}
        assert keys <= set(row)


def test_predict_returns_a_picture():
    (row,) = PREDICTION.rows(CLEAN[:1] / 255, SMALL[:1], SPEC, {})
    picture = Image.open(io.BytesIO(base64.b64decode(row["png"])))
    assert np.array_equal(np.asarray(picture), CLEAN[0])
    assert "16 x 16" in PREDICTION.text(row)


def test_metadata_say_shape_range_and_degradation():
    export = get("restoration").part("export")
    metadata = export.metadata(SPEC, {})
    assert metadata["image"] == [16, 16, 3]
    assert metadata["degradation"] == "downscale(2)"
    assert "MODEL_DATA_IMAGE_HEIGHT 16" in export.defines(metadata)
