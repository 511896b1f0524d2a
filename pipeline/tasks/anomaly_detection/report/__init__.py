"""Sections and metrics of anomaly detection on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("anomalies", "Anomalies", "Anomalies and false alarms"),
    ),
    metrics={
        "threshold": "Threshold of the anomaly score",
        "found": "Detection rate",
        "false_alarms": "False alarm rate",
        "corrupted_auc": "AUC on corrupted examples",
    },
    compared={
        "anomalies found": "found",
        "false alarms": "false_alarms",
        "AUC when corrupted": "corrupted_auc",
    },
)
