"""Sections and metrics of text pairs on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("pairs", "Texts", "Texts of the float baseline and the chosen file"),
    ),
    metrics={
        "character_error_rate": "Character error rate",
        "changed_texts": "Changed texts",
        "corrupted_exact_match": "Exact match of corrupted texts",
    },
    compared={
        "character error rate": "character_error_rate",
        "changed texts": "changed_texts",
    },
    documents={"pairs": ("evaluate", "pairs.json")},
)
