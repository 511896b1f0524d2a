"""Sections and metrics of a ranking on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section(
            "recommendations",
            "Rankings",
            "First items of the float baseline and the chosen file",
        ),
    ),
    metrics={
        "recall_at_10": "Recall@10",
        "mrr": "Mean reciprocal rank (MRR)",
        "same_items": "Same items among the first ten",
        "coverage": "Items that are among any first ten",
    },
    compared={
        "recall@10": "recall_at_10",
        "MRR": "mrr",
        "same items": "same_items",
    },
    documents={"recommendations": ("evaluate", "recommendations.json")},
)
