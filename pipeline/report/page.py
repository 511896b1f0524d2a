"""index.html: the verdict and what led to it, on one page that needs no network.

In: Facts, summary.json's content, the pictures' files. Out: the text of the page,
in which everything that comes from data is escaped, and beside which the plotting
library's script must lie.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from PIL import Image

from pipeline.report import charts, library, words
from pipeline.report.context import context
from pipeline.report.facts import Facts
from pipeline.report.page_script import SCRIPT
from pipeline.report.page_style import STYLE
from pipeline.report.page_template import SECTIONS, TEMPLATES
from pipeline.report.variant_text import size
from pipeline.scores import ANOMALIES, NUMBERS

# Name on the page -> stage and file; a stage may have nothing to draw.
PICTURES = {
    "data": ("data", "preview.png"),
    "augment": ("augment", "preview.png"),
    "train": ("train", "curves.png"),
    "distill": ("distill", "curves.png"),
    "confusion": ("evaluate", "confusion.png"),
}
COSTS = {
    "bytes_gzip": "size, gzip",
    "bytes_raw": "size, raw",
    "latency_ms": "latency",
    "macs": "MACs",
    "arena_bytes": "arena",
}
METRICS = {
    "top5": "Top 5",
    "macro_f1": "Macro F1",
    "auc": "AUC",
    "agreement": "Agreement with the baseline",
    "kl": "KL from the baseline, nats",
    "nll": "NLL",
    "brier": "Brier",
    "ece": "ECE",
    "ece_scaled": "ECE at its temperature",
    "corrupted_accuracy": "When corrupted",
    "attacked_accuracy": "When attacked",
    "mae": "Mean absolute error",
    "rmse": "Root of the mean squared error",
    "threshold": "Threshold of the error",
    "found": "Anomalies found",
    "false_alarms": "False alarms",
    "corrupted_r2": "When corrupted",
    "corrupted_auc": "When corrupted",
}
COUNTS = {
    "macs": "MACs",
    "arena_bytes": "Arena, bytes",
    "distinct_weights": "Distinct weights",
}


def render(facts: Facts, summary: Mapping[str, Any], frontier: Path) -> str:
    """The page.

    Args:
        summary: the content of summary.json.
        frontier: the picture of the frontier.
    """
    files = {name: facts.folders[at] / file for name, (at, file) in PICTURES.items()}
    files["frontier"] = frontier
    pictures = {name: data_uri(path) for name, path in files.items() if path.is_file()}
    rows = charts.compared(summary)
    return _template().render(
        **context(facts, summary),
        style=STYLE,
        script=SCRIPT,
        library=library.NAME,
        policy=policy(),
        sections=sections(facts),
        asks=asks(facts),
        charts=charts.payload(facts, summary),
        compared=rows,
        after=rows[-1],
        pictures=pictures,
        frontier_alt=frontier_alt(facts, summary),
        flips=facts.extras["flips"],
        tiles=tiles(facts),
        costs=_known(COSTS, facts),
        worths=charts.worths(facts),
        metrics={k: v for k, v in METRICS.items() if k != facts.score.key},
        counts=COUNTS,
        curve_columns=_curve_columns(facts),
    )


def sections(facts: Facts) -> dict[str, tuple[str, str]]:
    """Section -> what the navigation calls it, and its heading; those of the task."""
    return {
        name: (short, title.format(score=facts.score.title))
        for name, (short, title, tasks) in SECTIONS.items()
        if facts.spec.task in tasks
    }


def asks(facts: Facts) -> str:
    """What the task is, in a few words."""
    if facts.spec.task == NUMBERS:
        return f"the number {facts.spec.target['name']}"
    if facts.spec.task == ANOMALIES:
        return "anomalies, found by how badly they are rebuilt"
    return f"{len(facts.spec.classes)} classes"


def policy() -> str:
    """What a browser may load and run: this script, the library, nothing else."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    rules = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": f"'self' file: 'sha256-{digest}'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def data_uri(path: Path) -> str:
    """A PNG file as an address that holds it."""
    return _uri(path.read_bytes())


def tiles(facts: Facts) -> list[str]:
    """The tiles of flips.png, one address each; none where there is no picture."""
    path, flips = facts.folders["evaluate"] / "flips.png", facts.extras["flips"]
    if not flips or not flips.get("tile") or not path.is_file():
        return []
    side, found = flips["tile"], []
    with Image.open(path) as picture:
        for at in range(len(flips["examples"])):
            tile = picture.crop((at * side, 0, (at + 1) * side, side))
            buffer = io.BytesIO()
            tile.save(buffer, format="PNG", optimize=True)
            found.append(_uri(buffer.getvalue()))
    return found


def frontier_alt(facts: Facts, summary: Mapping[str, Any]) -> str:
    """What the picture shows, for those who do not see it."""
    key = facts.score.key
    count = sum(row[key] is not None for row in facts.rows)
    parts = [f"Test {facts.score.name} against file size of {count} variants"]
    for role in ("baseline", "chosen"):
        if row := summary[role]:
            worth = f"{words.accuracy(row[key])} at {size(row['bytes_gzip'])}"
            parts.append(f"{role} {words.name(row)}: {worth}")
    return "; ".join(parts) + ". All numbers are in the table below."


def _uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _known(axes: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """The axes that some row has a value for."""
    return {
        key: label
        for key, label in axes.items()
        if any(row.get(key) is not None for row in facts.rows)
    }


def _curve_columns(facts: Facts) -> list[str]:
    """What can be shown over epochs: score and loss first."""
    names = {name for columns in facts.histories.values() for name in columns}
    plain = {name.removeprefix("val_") for name in names} - {"epoch"}
    first = [name for name in (facts.score.key, "loss") if name in plain]
    return [*first, *sorted(plain - {*first})]


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader(TEMPLATES),
    )
    environment.filters |= words.FILTERS
    return environment.get_template("page")
