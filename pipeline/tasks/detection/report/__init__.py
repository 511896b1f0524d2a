"""Sections and metrics of detection on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("found", "Boxes", "Worst images and lost boxes"),
        Section("precision", "Precision", "Precision and recall"),
    ),
    metrics={
        "map": "mAP50-95",
        "center_f1": "F1 of centers",
        "precision": "Precision",
        "recall": "Recall",
        "lost": "Lost boxes",
        "corrupted_map50": "mAP50 on corrupted examples",
    },
    compared={
        "mAP50-95": "map",
        "F1 of centers": "center_f1",
        "lost boxes": "lost",
        "mAP50 when corrupted": "corrupted_map50",
    },
    pictures={"overlays": "overlays.png", "precision": "precision.png"},
)
