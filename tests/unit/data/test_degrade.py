"""Degraded inputs made from clean images: the steps, their seeds, and bad data."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.data import degradation
from pipeline.data.degrade import STEPS, degrade
from pipeline.data.params import DataParams
from pipeline.experiment.source_shapes import example_shape

RNG = np.random.default_rng(1)
SMOOTH = np.indices((16, 16)).sum(axis=0)[..., None] * 8
CLEAN = (SMOOTH + RNG.integers(0, 4, (16, 16, 3))).astype(np.uint8)
TASK = {"task": "restoration"}
SCENES = {"size": 16, "count": 20}


def after(pipe: str, image: np.ndarray = CLEAN, seed: int = 1, position: int = 0):
    return degrade(image, degradation.parse(pipe), seed, position)


class TestSteps:
    def test_the_grammar_and_the_functions_have_the_same_names(self):
        assert set(degradation.GRAMMAR) == set(STEPS)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("scale", [2, 4])
    def test_downscale_is_pillows_bicubic(self, channels, scale):
        image = CLEAN[..., :channels]
        side = 16 // scale
        squeezed = Image.fromarray(image[..., 0] if channels == 1 else image)
        expected = np.asarray(squeezed.resize((side, side), Image.BICUBIC))
        small = after(f"downscale({scale})", image)
        assert np.array_equal(small, expected.reshape(side, side, channels))

    def test_noise_is_a_function_of_seed_and_example(self):
        first, again = after("noise(0.1)", position=3), after("noise(0.1)", position=3)
        assert np.array_equal(first, again)
        assert not np.array_equal(first, after("noise(0.1)", position=4))
        assert not np.array_equal(first, after("noise(0.1)", position=3, seed=2))
        assert (first.astype(int) - CLEAN).std() == pytest.approx(25, abs=5)

    def test_a_mask_is_black_and_the_rest_unchanged(self):
        image = np.maximum(CLEAN, 1)
        masked = after("mask(1, 5)", image)
        black = (masked == 0).all(axis=-1)
        assert black.sum() == 25
        assert np.array_equal(masked[~black], image[~black])

    def test_a_mask_of_more_than_the_image_covers_it(self):
        assert not after("mask(1, 99)").any()

    def test_blur_and_jpeg_keep_the_size_and_change_little(self):
        for pipe in ("blur(1)", "jpeg(90)"):
            changed = after(pipe)
            assert changed.shape == CLEAN.shape and changed.dtype == np.uint8
            assert 0 < np.abs(changed.astype(int) - CLEAN).mean() < 20

    @pytest.mark.parametrize(
        ("pipe", "message"),
        [
            ("", "needs a step; available: downscale, blur"),
            ("downscale(2) | downscale(3)", "reduces images by 6; at most 4"),
            ("downscale(5)", "scale must be a whole number from 2 to 4"),
            ("nois(0.1)", 'no step "nois".*noise'),
        ],
    )
    def test_a_wrong_pipe_is_refused(self, pipe, message):
        with pytest.raises(ValueError, match=message):
            DataParams(source="scenes:digits", degrade=pipe, **TASK)


class TestData:
    def test_inputs_are_degraded_and_targets_clean(self, make):
        done = make(source="scenes:digits", scenes=SCENES, **TASK)
        train, spec = done.data.train(), done.data.spec
        assert train.x.shape[1:] == (8, 8, 3) and train.y.shape[1:] == (16, 16, 3)
        assert spec.target == {"shape": [16, 16, 3], "degradation": "downscale(2)"}
        assert spec.classes == () and spec.scale == 1 / 255
        assert np.array_equal(train.x[0], after("downscale(2)", train.y[0]))
        assert (done.data.folder / "preview.png").is_file()

    def test_the_seed_of_the_experiment_decides_the_noise(self, read):
        settings = {"source": "scenes:digits", "scenes": SCENES, **TASK}
        one, other = (
            np.asarray(read(degrade="noise(0.2)", seed=seed, **settings).examples.x[:])
            for seed in (1, 2)
        )
        assert one.shape == other.shape and not np.array_equal(one, other)

    @pytest.mark.parametrize(
        ("x", "expected"),
        [
            (np.full((20, 4, 4, 1), 0.5, np.float32), 128),
            (np.full((20, 4, 4, 3), 100, np.uint8), 100),
            (np.full((20, 4, 4, 1), 32768, np.uint16), 128),
        ],
        ids=["float", "bytes", "16 bits"],
    )
    def test_arrays_of_any_range_become_8_bits(self, tmp_path, read, x, expected):
        x[0, 0, 0] = np.iinfo(x.dtype).max if x.dtype != np.float32 else 1
        np.savez(tmp_path / "clean.npz", x=x)
        merged = read(source=f"npz:{tmp_path / 'clean.npz'}", **TASK)
        assert merged.examples.maps.dtype == np.uint8
        assert abs(int(merged.examples.maps[:][5, 0, 0, 0]) - expected) <= 1

    @pytest.mark.parametrize("white", [1.0, 255, 65535])
    def test_unprocessed_inputs_are_the_numbers_of_the_source(
        self, tmp_path, read, white
    ):
        x = np.linspace(0, white, 20 * 48).reshape(20, 4, 4, 3).astype(np.float32)
        np.savez(tmp_path / "clean.npz", x=np.round(x) if white > 1 else x)
        merged = read(
            source=f"npz:{tmp_path / 'clean.npz'}",
            degrade="blur(0)",
            preprocessing="none",
            **TASK,
        )
        examples = merged.examples
        inputs = examples.x[:] * examples.scale + examples.offset
        assert np.abs(inputs - x).max() <= white / 255
        assert np.abs(examples.maps[:] / 255 - x / white).max() <= 1 / 255

    def test_copies_are_found_behind_different_noise(self, tmp_path, make):
        images = RNG.integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
        images[10:] = images[:10]
        np.savez(tmp_path / "clean.npz", x=images)
        done = make(
            source=f"npz:{tmp_path / 'clean.npz'}",
            degrade="noise(0.1)",
            duplicates="drop",
            **TASK,
        )
        assert done.metrics["shared_between_splits"] == 0
        assert done.metrics["duplicates"]["dropped_from_train"] > 0

    def test_a_flat_folder_of_16_bits_rgba_and_turned_files(self, tmp_path, read):
        gray = Image.fromarray(np.full((4, 6), 65535, np.uint16))
        for number in range(4):
            gray.save(tmp_path / f"{number}.png")
        clear = Image.new("RGBA", (6, 4), (9, 9, 9, 0))
        clear.save(tmp_path / "4.png")
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (4, 6), (10, 20, 30)).save(tmp_path / "5.png", exif=exif)
        examples = read(source=f"images:{tmp_path}", **TASK).examples
        maps = np.asarray(examples.maps[:])
        assert maps.shape == (6, 4, 6, 3)
        assert (maps[:5] == 255).all()
        assert (maps[5] == [10, 20, 30]).all()

    def test_a_gray_folder_of_16_bits_becomes_8_bits(self, tmp_path, read):
        for number in range(4):
            pixels = np.full((4, 6), 257 * 50 * number, np.uint16)
            Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        examples = read(source=f"images:{tmp_path}", **TASK).examples
        assert examples.maps[:][:, 0, 0, 0].tolist() == [0, 50, 100, 150]
        assert examples.learns == "" and examples.steps[0].bits == 8


def test_the_shape_of_an_example_is_that_of_the_degraded_image():
    data = DataParams(source="sklearn:digits", degrade="downscale(2)", **TASK)
    assert example_shape(data) == (4, 4, 1)


class TestRefused:
    def test_sizes_that_the_scale_does_not_divide(self, read):
        with pytest.raises(UserError, match=r"15 x 15 pixels.*size to \[14, 14\]"):
            read(source="scenes:digits", scenes={"size": 15, "count": 10}, **TASK)

    def test_tables(self, tmp_path, read):
        np.savez(tmp_path / "t.npz", x=RNG.random((20, 3)))
        with pytest.raises(UserError, match="holds table of shape.*needs images"):
            read(source=f"npz:{tmp_path / 't.npz'}", **TASK)

    def test_negative_numbers(self, tmp_path, read):
        np.savez(tmp_path / "t.npz", x=RNG.uniform(-1, 1, (20, 4, 4, 3)))
        with pytest.raises(UserError, match="negative numbers.*0 .. 255"):
            read(source=f"npz:{tmp_path / 't.npz'}", **TASK)

    def test_a_degradation_of_another_task(self):
        with pytest.raises(ValueError, match="degrade is for task restoration"):
            DataParams(source="scenes:digits", task="segmentation", degrade="blur(1)")
