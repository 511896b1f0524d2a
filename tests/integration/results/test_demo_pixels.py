"""Pixels that the page computes are those of the data stage, to one step of 255.

Pillow resizes rows or columns first, whichever it takes for faster; the page and the
kit resize rows first, and a value that is rounded twice may differ by one.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from pipeline.data.image_files import read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.results.demo.page import FOLDER
from tests.helpers.report_browser import open_browser

SIZES = [(8, 8), (37, 53), (5, 90), (64, 24), (1, 1)]  # height, width
SCRIPT = (FOLDER / "static" / "pixels.js").read_text()
STORED = """([width, height, bytes, image]) => {
  %s
  const data = Uint8ClampedArray.from(bytes);
  return Array.from(storedOf({ width, height, data }, image));
}"""


@pytest.fixture(scope="module")
def page():
    with open_browser() as browser:
        opened = browser.new_page()
        opened.goto("about:blank")
        yield opened


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_a_picture_becomes_the_pixels_of_the_data_stage(page, fit, channels, tmp_path):
    border = (7, 90, 200)[:channels]
    resize = Resize(12, 10, channels, fit, border)
    generator = np.random.default_rng(3)
    for height, width in SIZES:
        colors = generator.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(colors).save(tmp_path / "picture.png")
        expected = read_image(
            tmp_path / "picture.png", channels, DecodeImage((0, 0, 0)), resize, 1
        )
        facts = asdict(resize)
        image = {"shape": [12, 10, channels], "white": 255}
        image |= {name: facts[name] for name in ("fit", "border")}
        opaque = np.full((height, width, 1), 255, np.uint8)
        rgba = np.concatenate([colors, opaque], axis=2).ravel().tolist()
        actual = page.evaluate(STORED % SCRIPT, [width, height, rgba, image])
        difference = np.reshape(actual, expected.shape) - expected.astype(int)
        assert np.abs(difference).max() <= 1
        if height <= 2 * width:
            assert not difference.any()


def test_arrays_have_their_own_white(page):
    image = {"shape": [1, 2, 1], "white": 16, "fit": "stretch", "border": [0]}
    rgba = [255, 255, 255, 255, 128, 128, 128, 255]
    assert page.evaluate(STORED % SCRIPT, [2, 1, rgba, image]) == [16, 8]
