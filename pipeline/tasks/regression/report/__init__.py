"""Sections and metrics of regression on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("errors", "Errors", "Prediction errors"),
    ),
    metrics={
        "mae": "Mean absolute error",
        "rmse": "Root mean squared error",
        "corrupted_r2": "R2 on corrupted examples",
    },
    compared={
        "mean absolute error": "mae",
        "R2 when corrupted": "corrupted_r2",
    },
)
