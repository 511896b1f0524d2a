"""Files that are not read for their depth."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from pipeline.data.image_files import bits_of, is_grey, size_of


def test_a_pipe_is_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "a.png")
    opened = []
    monkeypatch.setattr(Image, "open", opened.append)
    assert bits_of(tmp_path / "a.png") == 8
    assert not opened


def test_bits_are_read_from_the_header(tmp_path):
    for bits, dtype in ((8, np.uint8), (16, np.uint16)):
        path = tmp_path / f"{bits}.png"
        Image.fromarray(np.full((4, 4), 200, dtype)).save(path)
        assert bits_of(path) == bits


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I;16B", "P", "RGB"])
def test_a_summary_and_the_reader_agree_on_what_is_grey(mode, tmp_path):
    path = tmp_path / ("a.tif" if mode.startswith("I") else "a.png")
    Image.new(mode, (3, 2)).save(path)
    assert size_of(path) == (2, 3, is_grey(path))
    assert is_grey(path) == (mode not in ("P", "RGB"))
