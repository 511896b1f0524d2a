"""The result of compress_model as a notebook shows it: a picture and a table.

In: the result, as `single_file.read` returns it. Out: HTML without scripts and style
sheets, whose colors follow those of the notebook.
"""

from __future__ import annotations

from html import escape
from typing import Any

from pipeline.compress.selection.budget import Limits
from pipeline.report.variant_text import size
from pipeline.results import frontier_svg, single_file

Row = dict[str, Any]
CELL = "padding:.25em .7em;text-align:{align};background:none"
BOX = "overflow-x:auto;max-width:100%"


def html(pareto: dict[str, Any]) -> str:
    """Draw a result.

    Args:
        pareto: as `single_file.read` returns it.
    """
    limits = single_file.limits_of(pareto)
    picture = frontier_svg.draw(pareto["points"], pareto["chosen"], limits)
    notes = [*pareto.get("doubts", []), *pareto.get("cautions", [])]
    lines = "".join(f"<p>{escape(note)}</p>" for note in notes)
    head = escape(_headline(pareto, limits))
    table = _table(pareto, limits)
    return f"<div><p><b>{head}</b></p>{picture}{table}{lines}</div>"


def _headline(pareto: dict[str, Any], limits: Limits) -> str:
    row = next((p for p in pareto["points"] if p["id"] == pareto["chosen"]), None)
    if row is None:
        return single_file.missed(pareto)
    drop = limits.metric.change(limits.metric.difference(row["drop"]))
    return f"{row['recipe']}: {size(row['bytes_flash'])} flash, {drop} on validation"


def _table(pareto: dict[str, Any], limits: Limits) -> str:
    score = limits.metric
    names = ("recipe", "flash", "download", score.name, score.unit, "at worst", "")
    head = "".join(_cell("th", name, column) for column, name in enumerate(names))
    rows = "".join(
        _row(row, pareto, limits) for row in single_file.sorted_rows(pareto, limits)
    )
    return f'<div style="{BOX}"><table><tr>{head}</tr>{rows}</table></div>'


def _row(row: Row, pareto: dict[str, Any], limits: Limits) -> str:
    numbers = ["", "", "", "", ""]
    if row["status"] == "ok":
        value, *changes = single_file.scores(row, limits.metric)
        numbers = [f"{row['bytes_flash']:,}", f"{row['bytes_gzip']:,}", value, *changes]
    texts = [row["recipe"], *numbers, single_file.mark(row, pareto, limits)]
    cells = "".join(_cell("td", text, column) for column, text in enumerate(texts))
    bold = ' style="font-weight:bold"' if row["id"] == pareto["chosen"] else ""
    return f"<tr{bold}>{cells}</tr>"


def _cell(tag: str, text: str, column: int) -> str:
    style = CELL.format(align="right" if 0 < column < 6 else "left")
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
