"""`pairs:`: degraded and clean images of equal names, and one error per bad pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams

COUNT = 6
RNG = np.random.default_rng(3)
CLEAN = RNG.integers(0, 255, (COUNT, 8, 12, 3), np.uint8)
TASK = {"task": "restoration"}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Six clean images, and degraded ones of half the size."""
    root = tmp_path / "photos"
    for name in ("degraded", "clean"):
        (root / name).mkdir(parents=True)
    for number, image in enumerate(CLEAN):
        Image.fromarray(image[::2, ::2]).save(root / "degraded" / f"{number}.png")
        Image.fromarray(image).save(root / "clean" / f"{number}.png")
    return root


def test_pairs_are_read_unchanged(folder, read):
    examples = read(source=f"pairs:{folder}", **TASK).examples
    assert np.array_equal(examples.maps[:], CLEAN)
    assert np.array_equal(examples.x[:], CLEAN[:, ::2, ::2])
    assert examples.name(3) == "degraded/3.png" and examples.classes == ()


def test_both_images_are_resized_and_keep_their_factor(folder, read):
    image = {"size": [4, 8], "fit": "crop"}
    examples = read(source=f"pairs:{folder}", image=image, **TASK).examples
    assert examples.maps.shape[1:] == (4, 8, 3) and examples.x.shape[1:] == (2, 4, 3)


def test_a_size_that_the_factor_does_not_divide_is_refused(folder, read):
    with pytest.raises(UserError, match=r"2 times.*size \[5, 8\].*multiples of 2"):
        read(source=f"pairs:{folder}", image={"size": [5, 8]}, **TASK)


def bad_size(root: Path) -> None:
    Image.fromarray(CLEAN[0][:6]).save(root / "clean" / "3.png")


def no_clean(root: Path) -> None:
    (root / "clean" / "3.png").unlink()


def no_degraded(root: Path) -> None:
    (root / "degraded" / "3.png").unlink()


def two_names(root: Path) -> None:
    Image.fromarray(CLEAN[0]).save(root / "clean" / "3.jpg")


def damaged(root: Path) -> None:
    (root / "clean" / "3.png").write_bytes(b"\x89PNG\r\n")


BAD = [
    (bad_size, "6 x 4 pixels, and its clean image 12 x 6 in the place of 12 x 8"),
    (no_clean, r"has no clean image clean/3\.\*"),
    (no_degraded, r"has no degraded image degraded/3\.\*"),
    (two_names, "3.jpg and 3.png have the same name"),
    (damaged, "not a complete image"),
]


@pytest.mark.parametrize(("spoil", "reason"), BAD, ids=lambda case: str(case)[:20])
def test_a_bad_pair_is_one_error_or_a_listed_skip(folder, read, spoil, reason):
    spoil(folder)
    with pytest.raises(UserError, match=f"3.png.*{reason}|3.jpg.*{reason}"):
        read(source=f"pairs:{folder}", **TASK)
    merged = read(source=f"pairs:{folder}", on_bad_example="skip", **TASK)
    assert len(merged.examples) == COUNT - 1 and len(merged.skipped) == 1


def test_a_missing_folder_is_named(tmp_path, read):
    (tmp_path / "clean").mkdir()
    with pytest.raises(UserError, match="degraded and clean; degraded is missing"):
        read(source=f"pairs:{tmp_path}", **TASK)


def test_pairs_have_no_degradation_and_no_other_sources():
    with pytest.raises(ValueError, match="degrade is for clean images"):
        DataParams(source="pairs:a", degrade="blur(1)", **TASK)
    with pytest.raises(ValueError, match="pairs: and of clean images exclude"):
        DataParams(source="pairs:a", extend="images:b", **TASK)
