"""Data of the page's charts, as one JSON value of numbers and formatted text.

In: ExperimentData and the content of summary.json. Out: Charts; a chart whose file is
absent is None. Text is formatted here, so that charts and tables agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.metrics.metric import Metric
from pipeline.report import formatting
from pipeline.report.experiment_data import ExperimentData, Row
from pipeline.report.frontier_chart import FrontierChart, frontier_chart
from pipeline.report.optional_files import Columns
from pipeline.report.search_chart import SearchChart, importance, search_chart


@dataclass(frozen=True)
class LedgerVariant:
    """Size and metric of one file after each step of its recipe.

    Attributes:
        id: id of the variant.
        name: its name on the page.
        steps: `step`, `bytes_gzip`, `bytes_raw`, the metric on validation, and
            `latency_ms` (None if it was not measured).
    """

    id: str
    name: str
    steps: list[Row]


@dataclass(frozen=True)
class LedgerChart:
    """Ledgers of all files that have one; `chosen` is the id of the chosen file."""

    variants: list[LedgerVariant]
    chosen: str | None


@dataclass(frozen=True)
class ClassChart:
    """Recall per class before and after, the greatest loss first.

    Attributes:
        name: name of the file compared with the float baseline.
        names: names of the classes.
        before, after: recall of the baseline and of the file, 0 .. 1.
        change: `after - before`.
        interval: 95 % interval of the change, None if unknown.
    """

    name: str
    names: list[str]
    before: list[float]
    after: list[float]
    change: list[float]
    interval: list[list[float] | None]


@dataclass(frozen=True)
class ReliabilityDiagram:
    """Confidence against accuracy of one file.

    Attributes:
        name: name of the file.
        temperature: divisor of the logits, as text.
        raw, scaled: bins before and after temperature scaling, each with
            `confidence`, `accuracy` and `count`.
    """

    name: str
    temperature: str
    raw: list[Row]
    scaled: list[Row]


@dataclass(frozen=True)
class RobustnessLine:
    """Metric of one file at each amount of a corruption or attack."""

    name: str
    id: str
    y: list[float]


@dataclass(frozen=True)
class RobustnessChart:
    """One kind of corruption or attack.

    Attributes:
        name: its name.
        unit: unit of the amounts.
        kind: `corruption` or `attack`.
        amounts: the strengths that were measured.
        lines: one per file, the baseline first.
    """

    name: str
    unit: str
    kind: str
    amounts: list[float]
    lines: list[RobustnessLine]


@dataclass(frozen=True)
class Charts:
    """Everything that the page's script draws."""

    score: dict[str, Any]
    frontier: FrontierChart
    ledger: LedgerChart | None
    classes: ClassChart | None
    reliability: list[ReliabilityDiagram] | None
    robustness: list[RobustnessChart] | None
    search: SearchChart | None
    importance: dict[str, float] | None
    curves: dict[str, Columns] | None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value."""
        return asdict(self)


def charts(experiment: ExperimentData, summary: Mapping[str, Any]) -> Charts:
    """Build the data of every chart.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.
    """
    return Charts(
        score=_metric(experiment.score),
        frontier=frontier_chart(experiment, summary),
        ledger=ledger(experiment),
        classes=classes(experiment, summary),
        reliability=reliability(experiment, summary),
        robustness=robustness(experiment, summary),
        search=search_chart(experiment),
        importance=importance(experiment),
        curves=experiment.histories or None,
    )


def _metric(metric: Metric) -> dict[str, Any]:
    """Properties of the metric for the axes; `sign` is -1 if lower is better."""
    names = ("key", "name", "unit", "scale", "sign")
    return {name: getattr(metric, name) for name in names}


def compared(summary: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the baseline and of the chosen (or nearest) file, once each.

    Args:
        summary: content of summary.json.
    """
    rows = [summary[role] for role in ("baseline", "chosen", "nearest")]
    return list({row["id"]: row for row in rows if row}.values())


def ledger(experiment: ExperimentData) -> LedgerChart | None:
    """Build the ledger: the state of each file after each recipe step."""
    document = experiment.optional.ledger
    if document is None:
        return None
    volatile = experiment.records["compress"].run["volatile"]
    latency = volatile.get("ledger_latency_ms", {})
    variants = [
        _ledger_variant(row, steps, latency.get(row["id"]))
        for row in experiment.rows
        if (steps := document["variants"].get(row["id"]))
    ]
    chosen = experiment.pareto["chosen"]
    return LedgerChart(variants, chosen) if variants else None


def _ledger_variant(
    row: Row, steps: list[Row], latency: list[float] | None
) -> LedgerVariant:
    times: list[float | None] = [*latency] if latency else [None] * len(steps)
    timed = [
        {**step, "latency_ms": time} for step, time in zip(steps, times, strict=False)
    ]
    return LedgerVariant(row["id"], formatting.name(row), timed)


def classes(
    experiment: ExperimentData, summary: Mapping[str, Any]
) -> ClassChart | None:
    """Build the chart of recall per class; None if there is no other file."""
    before, after = summary["baseline"], compared(summary)[-1]
    if after is before or "recall_change" not in after:
        return None
    names, changes = experiment.spec.classes, after["recall_change"]
    order = sorted(
        (index for index, change in enumerate(changes) if change),
        key=lambda index: (changes[index]["value"], index),
    )
    return ClassChart(
        name=formatting.name(after),
        names=[names[index] for index in order],
        before=[before["recall"][index] for index in order],
        after=[after["recall"][index] for index in order],
        change=[changes[index]["value"] for index in order],
        interval=[changes[index]["interval"] for index in order],
    )


def reliability(
    experiment: ExperimentData, summary: Mapping[str, Any]
) -> list[ReliabilityDiagram] | None:
    """Build the reliability diagrams of the baseline and the chosen file."""
    document = experiment.optional.calibration
    if document is None:
        return None
    diagrams = document["variants"]
    return [
        ReliabilityDiagram(
            name=formatting.name(row),
            temperature=f"{row['temperature']:.2f}",
            raw=diagrams[row["id"]]["raw"],
            scaled=diagrams[row["id"]]["scaled"],
        )
        for row in compared(summary)
        if row["id"] in diagrams
    ]


def robustness(
    experiment: ExperimentData, summary: Mapping[str, Any]
) -> list[RobustnessChart] | None:
    """Build one chart per kind of corruption or attack."""
    document = experiment.optional.robustness
    if document is None or not document["conditions"]:
        return None
    rows = [row for row in compared(summary) if row["id"] in document["clean"]]
    kinds: dict[str, list[Row]] = {}
    for condition in document["conditions"]:
        kinds.setdefault(condition["name"], []).append(condition)
    return [_condition(kind, rows, experiment.score.key) for kind in kinds.values()]


def _condition(conditions: list[Row], rows: list[Row], key: str) -> RobustnessChart:
    """One kind of corruption or attack, at all its amounts."""
    first = conditions[0]
    return RobustnessChart(
        name=first["name"],
        unit=first["unit"],
        kind=first["kind"],
        amounts=[condition["amount"] for condition in conditions],
        lines=[
            RobustnessLine(
                name=formatting.name(row),
                id=row["id"],
                y=[condition[key][row["id"]] for condition in conditions],
            )
            for row in rows
        ],
    )
