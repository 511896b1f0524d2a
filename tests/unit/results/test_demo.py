"""The page that runs a file in a browser: its runtime, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from pipeline.cli.commands import demo
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.results.demo import drawing
from pipeline.results.demo.page import policy, render
from pipeline.results.demo.runtime import BINARY, SCRIPT, TESTED, Runtime, read_runtime


class Images:
    """Data whose training split is given."""

    def __init__(self, x: np.ndarray, spec: TaskSpec):
        self.spec, self.x = spec, x

    def train(self):
        return self


def package(folder, **fields):
    """A folder with the npm package, of which `fields` replace those of its JSON."""
    place = folder / "node_modules" / "@litertjs" / "core"
    (place / "wasm").mkdir(parents=True)
    values = {"name": "@litertjs/core", "version": TESTED, **fields}
    (place / "package.json").write_text(json.dumps(values))
    (place / SCRIPT).write_bytes(b"script")
    (place / BINARY).write_bytes(b"binary")
    return place


def test_the_runtime_is_found_as_node_does(tmp_path, monkeypatch):
    place = package(tmp_path)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    runtime = Runtime(TESTED, b"script", b"binary")
    assert read_runtime() == read_runtime(tmp_path) == read_runtime(place) == runtime


def test_a_missing_runtime_is_a_sentence_with_the_command(tmp_path):
    with pytest.raises(UserError, match=r"not installed.*npm install @litertjs/core@"):
        read_runtime(tmp_path)


def test_another_version_is_refused(tmp_path):
    package(tmp_path, version="2.6.0")
    with pytest.raises(UserError, match=r"2\.6\.0 is not supported.*install 2\.5\.3"):
        read_runtime(tmp_path)


def test_another_package_and_an_incomplete_one_are_refused(tmp_path):
    place = package(tmp_path, name="other")
    with pytest.raises(UserError, match=r"must be that of @litertjs/core"):
        read_runtime(place)
    (place / "package.json").write_text("{")
    with pytest.raises(UserError, match=r"must be that of @litertjs/core"):
        read_runtime(place)
    values = {"name": "@litertjs/core", "version": TESTED}
    (place / "package.json").write_text(json.dumps(values))
    (place / BINARY).unlink()
    with pytest.raises(UserError, match=r"compat_internal\.wasm: cannot be read"):
        read_runtime(place)


@pytest.mark.parametrize(("dark", "scale"), [(True, 1 / 255), (False, 1 / 16)])
def test_a_drawing_is_placed_as_the_training_images_are(dark, scale):
    white = round(1 / scale)
    x = np.zeros((6, 20, 10, 1), np.uint8)
    x[:, 5:15, 4:6] = white  # half as high as the frame, two pixels wide
    x = x if dark else white - x
    spec = TaskSpec("strokes", "npz:x", (20, 10, 1), "uint8", ("a", "b"), scale)
    result = drawing.drawing_of(Images(x, spec))
    assert result is not None
    assert (result["dark"], result["fill"]) == (dark, 0.5)
    assert drawing.THINNEST <= result["stroke"] <= drawing.THICKEST


def test_images_with_colors_are_not_drawn():
    spec = TaskSpec("photos", "npz:x", (4, 4, 3), "uint8", ("a", "b"), 1 / 255)
    assert drawing.drawing_of(Images(np.zeros((1, 4, 4, 3)), spec)) is None


def test_the_page_is_written_through_no_link(tmp_path):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "small"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "demo").symlink_to(elsewhere)
    with pytest.raises(UserError, match="demo"):
        demo._write(folder, b"page")
    assert list(elsewhere.iterdir()) == []


def test_the_page_allows_its_script_and_no_network():
    content = {
        "experiment": "<b>mine</b>",
        "file": "best.tflite",
        "bytes": 6336,
        "drawing": None,
        "image": {"shape": [8, 8, 3]},
        "classes": ["</script><script>alert(1)</script>"],
    }
    html = render(content, Runtime("1.2.3", b"script", b"binary"))
    assert "<b>mine" not in html and "alert(1)</script>" not in html
    assert "6.3 kB" in html and 'id="draw"' not in html
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"sha256-{digest}" in html
    assert "default-src 'none'" in policy("") and "connect-src" not in policy("")
