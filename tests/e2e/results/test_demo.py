"""`demo`: a page that runs the chosen file in a browser."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.helpers.litert_js import runtime_folder
from tests.helpers.project import Project
from tests.helpers.report_browser import open_browser, wait_until

PATIENCE = 120_000  # milliseconds, on a machine with other work
VARIANT = "baseline | int8"
COUNT = "Number(document.body.dataset.predictions || 0)"


def test_without_the_runtime_the_command_says_how_to_install_it(finished, tmp_path):
    answer = finished[0].cli("demo", "small", "--runtime", str(tmp_path))
    assert answer.code == 2 and "Traceback" not in answer.err
    assert "npm install @litertjs/core@2.5.3" in answer.err


def test_without_variants_the_command_says_what_to_run(project, tmp_path):
    answer = project.cli("demo", "small", "--runtime", str(tmp_path))
    assert answer.code == 2 and "no variants yet; run: " in answer.err


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    """The page of a copy of the experiment, and the copy."""
    folder = runtime_folder()
    project = Project(tmp_path_factory.mktemp("demo"))
    shutil.copytree(finished[0].folder / "experiments", project.folder / "experiments")
    options = ("--runtime", str(folder), "--variant", VARIANT, "--json")
    answer = project.cli("demo", "small", *options)
    assert answer.code == 0, answer.err
    return project, project.folder / json.loads(answer.out)["page"]


@pytest.fixture(scope="module")
def opened(written):
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844}, offline=True)
        page.set_default_timeout(PATIENCE)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(written[1].as_uri())
        page.wait_for_selector("body[data-ready=yes]")
        yield page


def test_the_file_has_the_golden_outputs_in_the_browser(opened):
    assert opened.inner_text("#check") == "8 of 8 golden outputs are equal here."
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert opened.complaints == []


def test_a_picture_has_the_prediction_of_predict(opened, written, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 17, (8, 8), np.uint8)
    np.save(tmp_path / "digit.npy", pixels[None, :, :, None])
    # The page scales 0 .. 255 to the 0 .. 16 of the data.
    Image.fromarray((pixels.astype(float) * 255 / 16).round().astype(np.uint8)).save(
        tmp_path / "digit.png"
    )
    options = (str(tmp_path / "digit.npy"), "--variant", VARIANT, "--json")
    answer = written[0].cli("predict", "small", *options)
    classes = json.loads(answer.out)[0]["classes"]
    name, share = next(iter(classes.items()))
    count = opened.evaluate(COUNT)
    opened.set_input_files("#file", tmp_path / "digit.png")
    wait_until(opened, f"{COUNT} >= {count + 1}")
    assert opened.inner_text("#answer").split() == [name, f"({share:.3f})"]


def test_a_file_that_is_no_picture_is_a_sentence(opened, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    opened.set_input_files("#file", tmp_path / "text.png")
    note = "document.getElementById('note').textContent"
    wait_until(opened, f"{note}.startsWith('text.png: not a picture')")


def test_a_drawing_is_predicted_and_cleared(opened):
    opened.locator("#draw").scroll_into_view_if_needed()
    box, count = opened.locator("#draw").bounding_box(), opened.evaluate(COUNT)
    middle = box["x"] + box["width"] / 2
    opened.mouse.move(middle, box["y"] + 20)
    opened.mouse.down()
    opened.mouse.move(middle, box["y"] + box["height"] - 20, steps=5)
    opened.mouse.up()
    wait_until(opened, f"{COUNT} >= {count + 1}")
    ink = "document.getElementById('draw').getContext('2d').getImageData(%s).data[0]"
    place = "224, 224, 1, 1"
    assert opened.evaluate(ink % place) == 255
    opened.click("#clear")
    assert opened.evaluate(ink % place) == 0


@pytest.mark.parametrize("options", [(), ("--variant", "baseline-float")])
def test_the_chosen_file_and_others_have_a_page(written, options):
    folder, (project, _) = runtime_folder(), written
    answer = project.cli("demo", "small", "--runtime", str(folder), *options)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("written ")
