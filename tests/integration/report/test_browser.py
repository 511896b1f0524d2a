"""The page in a real browser: it draws, answers to mouse and keys, and is quiet."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest

from pipeline.report import page, stage
from pipeline.report.experiment_data import read_experiment
from pipeline.report.params import ReportParams
from pipeline.report.plotly_script import copy_plotly
from pipeline.report.summary import summarize
from tests.helpers.project import ROOT
from tests.helpers.report_browser import wait_until

SPEC = importlib.util.spec_from_file_location(
    "browser", ROOT / "tests" / "helpers" / "report_browser.py"
)
BROWSER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(BROWSER)
DRAWN = "body[data-drawn=all]"
PATIENCE = 120_000  # milliseconds, on a machine with other work


@pytest.fixture(scope="module")
def browser():
    with BROWSER.open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def reported(publish, tmp_path_factory):
    """A page with markup in every class name."""
    names = ("<img src=x onerror=alert(1)>", "<b>b</b>", 'c & "d" \'')
    published = publish(tmp_path_factory.mktemp("reported"), names)
    stage.run(ReportParams(), published.inputs(), published.out)
    return published.out / "index.html"


def _open(browser, address: str, mode: str = "light"):
    """A page that has been drawn, and all that the browser complained of."""
    size = (390, 844) if mode == "phone" else (1200, 900)
    opened = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if mode == "dark" else "light",
        offline=True,
    )
    opened.set_default_timeout(PATIENCE)
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    opened.goto(address)
    opened.wait_for_selector(DRAWN)
    return opened


@pytest.fixture(scope="module")
def opened(browser, reported):
    """One page for all who only look or click."""
    return _open(browser, reported.as_uri())


@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_all_is_drawn_fits_and_nothing_is_complained_of(browser, reported, mode):
    shown = _open(browser, reported.as_uri(), mode)
    charts = shown.locator(".chart")
    assert charts.count() == 9
    for at in range(charts.count()):
        assert charts.nth(at).locator("svg.main-svg").count() > 0
    assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert shown.complaints == []
    shown.close()


@pytest.fixture
def untouched(browser, reported):
    """A page that no other test has clicked or scrolled."""
    shown = _open(browser, reported.as_uri())
    yield shown
    shown.close()


def test_the_keyboard_reaches_the_verdict_and_the_sections(untouched):
    opened = untouched
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the result"
    opened.keyboard.press("Tab")
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    assert opened.evaluate("location.hash") == "#frontier"


def test_a_point_tells_its_recipe_and_leads_to_its_row(opened):
    points = opened.locator("#chart-frontier .scatterlayer .trace .points path")
    assert points.count() == 3
    opened.locator("#chart-frontier").scroll_into_view_if_needed()
    box = points.last.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.mouse.move(*middle)
    opened.wait_for_selector("#chart-frontier .hovertext")
    told = opened.locator("#chart-frontier .hovertext").text_content()
    assert "student | int8" in told and "3.0 kB gzip" in told
    opened.mouse.click(*middle)
    wait_until(opened, "location.hash === '#variant-student-int8'")
    assert opened.locator("#detail-student-int8").get_attribute("open") is not None
    assert opened.complaints == []


POINTS = ["baseline | float", "baseline | int8", "student | int8"]


def _tabbed(opened) -> list[str]:
    """What Tab tells of the points, one after the other; each shows its box too."""
    opened.mouse.move(0, 0)
    opened.locator("#frontier-y").focus()
    told = []
    for _ in POINTS:
        opened.keyboard.press("Tab")
        opened.wait_for_selector("#chart-frontier .hovertext")
        active = "document.activeElement"
        assert opened.evaluate(f"{active}.getAttribute('role')") == "link"
        told.append(opened.evaluate(f"{active}.getAttribute('aria-label')"))
        shown = opened.locator("#chart-frontier .hovertext").text_content()
        assert told[-1].split(", ")[0] in shown
    return told


def test_tab_reaches_every_point_and_enter_leads_to_its_row(opened):
    told = _tabbed(opened)
    assert [words.split(",")[0] for words in told] == POINTS
    assert "3.0 kB gzip" in told[-1]
    opened.evaluate("location.hash = ''")
    opened.keyboard.press("Enter")
    wait_until(opened, "location.hash === '#variant-student-int8'")
    assert opened.locator("#chart-frontier").get_attribute("role") == "group"
    assert opened.complaints == []


SWITCHED_OFF = """document.getElementById("chart-frontier").data
  .filter(one => one.visible === "legendonly")"""


@pytest.mark.parametrize("name", ["frontier (validation)", "baseline"])
def test_the_legend_is_a_key_and_no_switch(opened, name):
    opened.locator("#chart-frontier").scroll_into_view_if_needed()
    key = opened.locator("#chart-frontier .legend .traces", has_text=name).first
    box = key.bounding_box()
    opened.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.wait_for_timeout(1_000)  # Plotly waits whether a second click follows
    assert opened.evaluate(SWITCHED_OFF) == []
    assert [words.split(",")[0] for words in _tabbed(opened)] == POINTS
    assert opened.complaints == []


def test_tab_reaches_the_points_when_a_line_before_them_is_hidden(opened):
    switch = "told => Plotly.restyle('chart-frontier', {visible: told}, [0]).then()"
    opened.evaluate(switch, "legendonly")
    assert [words.split(",")[0] for words in _tabbed(opened)] == POINTS
    opened.evaluate(switch, True)
    assert opened.complaints == []


# The edges of elements, all at one moment: a page may be scrolling.
EDGES = """selector => [...document.querySelectorAll(selector)].map(element => {
  const {top, bottom, right} = element.getBoundingClientRect();
  return {top, bottom, right};
})"""


def test_every_point_has_its_interval_whole(untouched):
    opened, chart = untouched, "#chart-frontier"
    area, *bars = opened.evaluate(
        EDGES, f"{chart} .bglayer .bg, {chart} .errorbar path.yerror"
    )
    assert len(bars) == 3
    for bar in bars:
        assert area["top"] <= bar["top"] < bar["bottom"] - 10
        assert bar["bottom"] <= area["bottom"]
    legend = opened.locator("#chart-frontier .legendtext").all_text_contents()
    assert "below the axis" not in legend and "baseline, dominated" in legend


BAND = "#chart-frontier .shapelayer path"


def test_a_smaller_file_that_lost_says_why_and_no_band_contradicts_it(
    browser, publish, tmp_path
):
    published = publish(tmp_path)
    published.change("compress", "pareto.json", lose)
    stage.run(ReportParams(), published.inputs(), published.out)
    shown = _open(browser, (published.out / "index.html").as_uri())
    assert shown.locator(BAND).count() == 1
    legend = shown.locator("#chart-frontier .legendtext").all_text_contents()
    assert {"over the budget", "within the budget: the whole bar"} <= {*legend}
    (band,), bars = (
        shown.evaluate(EDGES, selector)
        for selector in (BAND, "#chart-frontier .errorbar path.yerror")
    )
    # The file that lost is the one whose bar leaves the band.
    assert sum(bar["bottom"] > band["bottom"] + 3 for bar in bars) == 1
    label = shown.locator("#chart-frontier [role=link]").last.get_attribute(
        "aria-label"
    )
    assert "over the budget on validation: up to 4.2 points" in label
    shown.select_option("#frontier-y", "accuracy")
    assert shown.locator(BAND).count() == 0
    assert shown.complaints == []
    shown.close()


def lose(pareto):
    """Make the smallest file lose by the upper end of its interval alone."""
    pareto["points"][2]["drop_interval"] = [-0.01, 0.042]
    pareto["chosen"] = "baseline-int8"


def test_a_file_far_below_is_a_triangle_that_the_legend_explains(
    browser, publish, tmp_path
):
    published = publish(tmp_path)

    def fail(document):
        document["variants"][-1] |= {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6]}

    published.change("evaluate", "evaluation.json", fail)
    stage.run(ReportParams(), published.inputs(), published.out)
    shown = _open(browser, (published.out / "index.html").as_uri(), "phone")
    shown.select_option("#frontier-y", "accuracy")
    legend = shown.locator("#chart-frontier .legendtext").all_text_contents()
    assert "below the axis" in legend
    notes = shown.locator("#chart-frontier .annotation-text").all_text_contents()
    assert "50.0 %" in notes
    cells = shown.evaluate(EDGES, "#environment table tbody > tr > *")
    assert len(cells) == 5 * 7 and max(cell["right"] for cell in cells) <= 390
    cells = shown.evaluate(EDGES, "#variants table tbody > tr > *")
    assert cells and max(cell["right"] for cell in cells) <= 390
    assert shown.complaints == []
    shown.close()


def test_another_axis_and_another_order_can_be_chosen(opened):
    opened.select_option("#frontier-y", "corrupted_accuracy")
    title = opened.locator("#chart-frontier .ytitle")
    assert "corrupted" in title.text_content()
    opened.locator("#variants thead button", has_text="Download").click()
    opened.locator("#variants thead button", has_text="Download").click()
    first = opened.locator("#variants tbody tr").first
    assert first.get_attribute("id") == "variant-baseline-float"
    assert opened.complaints == []


def test_markup_in_class_names_is_shown_and_not_obeyed(opened):
    names = opened.locator("#chart-classes .ytick text").all_text_contents()
    assert "<b>b</b>" in names
    assert opened.locator("img[src=x]").count() == 0
    assert opened.complaints == []


def seconds_to_draw(browser, folder) -> float:
    """Processor time of a page until all charts are drawn."""
    shown = browser.new_page()
    meter = browser.contexts[-1].new_cdp_session(shown)
    # The processor's time, which other programs hardly change.
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})
    shown.goto((folder / "index.html").as_uri(), timeout=PATIENCE)
    shown.wait_for_selector(DRAWN, timeout=PATIENCE)
    metrics = meter.send("Performance.getMetrics")["metrics"]
    shown.close()
    return {one["name"]: one["value"] for one in metrics}["TaskDuration"]


def test_fifty_variants_take_at_most_twice_the_time_of_a_few(
    browser, publish, tmp_path
):
    """A ratio within one run: seconds depend on the machine and its load."""
    published = publish(tmp_path)
    few = read_experiment(published.folders)
    rows = [row | {"id": f"{row['id']}-{n}"} for n in range(10) for row in few.rows]
    many = dataclasses.replace(few, rows=[*few.rows, *rows][:50])
    seconds = []
    for name, facts in {"few": few, "many": many}.items():
        folder = tmp_path / name
        folder.mkdir()
        picture = published.draw("report", "f.png")
        html = page.render(facts, summarize(facts), picture)
        (folder / "index.html").write_text(html, encoding="utf-8")
        copy_plotly(folder)
        seconds.append(seconds_to_draw(browser, folder))
    assert 0 < seconds[1] < 2 * seconds[0]
