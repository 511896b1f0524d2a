"""The result of compress_model in a notebook: what it holds, and how it is drawn."""

from __future__ import annotations

import re

import pytest

from pipeline.compress.selection.point import Point
from pipeline.results import frontier_svg, notebook, single_file
from tests.helpers.report_browser import open_browser


def row(name: str, flash: int, accuracy: float | None, **others) -> dict:
    drop = None if accuracy is None else 0.95 - accuracy
    return {
        "id": f"baseline-{name}",
        "source": "baseline",
        "recipe": name,
        "status": "ok" if accuracy is not None else "failed",
        "reason": None if accuracy is not None else "<b>no</b> layer",
        "accuracy": accuracy,
        "drop": drop,
        "drop_interval": None if drop is None else [drop - 0.01, drop + 0.01],
        "dominated": False,
        **{f"bytes_{kind}": flash for kind in ("flash", "raw", "gzip")},
        **others,
    }


ROWS = [
    row("float", 80_000, 0.95),
    row("int8", 24_000, 0.948),
    row("quantize_weights(4) | cqat", 9_000, 0.93),
    row("float16", 41_000, 0.94, dominated=True),
    row("<script>alert(1)</script>", 1, None),
]
PARETO = {
    "budget": {"max_drop": 0.02, "max_bytes": 50_000, "size_metric": "flash"},
    "chosen": "baseline-int8",
    "points": ROWS,
    "latency": {},
    "cautions": ["judged on <few> examples"],
}


def heights(html: str) -> dict[str, float]:
    """Recipe -> height of its point in the picture, downwards."""
    found = re.findall(r'cy="([\d.]+)" r="5".*?<title>(.*?): ', html)
    return {name: float(y) for y, name in found}


def test_the_chosen_row_is_named_first_and_sizes_are_in_order():
    html = notebook.html(PARETO)
    assert "<b>int8: 24.0 kB flash, -0.2 points on validation</b>" in html
    names = re.findall(r"<tr[^>]*><td[^>]*>(.*?)</td>", html)
    assert names[:4] == ["quantize_weights(4) | cqat", "int8", "float16", "float"]
    assert "over budget" in html and "24,000" in html and "-1.2" in html


def test_nothing_of_a_name_or_a_reason_is_markup():
    html = notebook.html(PARETO)
    assert "<script" not in html and "<b>no" not in html and "<few>" not in html
    assert "&lt;script&gt;" in html and "failed: &lt;b&gt;no" in html


def test_without_a_chosen_file_the_nearest_is_named():
    tight = {**PARETO["budget"], "max_bytes": 10_000}
    html = notebook.html({**PARETO, "budget": tight, "chosen": None})
    assert "no file meets the budget" in html and "nearest: " in html


@pytest.mark.parametrize(
    ("task", "better"), [("classification", 1), ("forecasting", -1)]
)
def test_better_is_above(task, better):
    pareto = {**PARETO, "task": task}
    limits = single_file.limits_of(pareto)
    assert limits.metric.sign == better
    rows = [{**r, limits.metric.key: r["accuracy"]} for r in ROWS]
    places = heights(frontier_svg.draw(rows, None, limits))
    assert better * (places["float16"] - places["float"]) > 0


def test_equal_values_and_no_file_at_all_are_drawn():
    limits = single_file.limits_of(PARETO)
    assert "nan" not in frontier_svg.draw(ROWS[:1], None, limits)
    assert frontier_svg.draw(ROWS[4:], None, limits) == ""


def test_rows_here_are_those_that_pareto_json_holds():
    assert Point.from_json(ROWS[0]).upper_drop == pytest.approx(0.01)


@pytest.fixture(scope="module")
def browser():
    with open_browser() as found:
        yield found


@pytest.mark.parametrize(
    ("width", "ink", "paper"),
    [(900, "#111", "#fff"), (900, "#ddd", "#111"), (360, "", "")],
)
def test_a_browser_draws_all_of_it_inside_the_page(browser, width, ink, paper):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_content(
        f'<body style="color:{ink};background:{paper}">{notebook.html(PARETO)}'
    )
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = """() => {
        const box = document.querySelector("svg").getBoundingClientRect();
        return [...document.querySelectorAll("svg text")].filter(text => {
            const own = text.getBoundingClientRect();
            return own.left < box.left || own.right > box.right
                || own.bottom > box.bottom || own.height < 9;
        }).map(text => text.textContent);
    }"""
    assert page.evaluate(outside) == []
    drawn = "getComputedStyle(document.querySelector('svg text')).fill"
    assert page.evaluate(drawn) == page.evaluate(
        "getComputedStyle(document.body).color"
    )
