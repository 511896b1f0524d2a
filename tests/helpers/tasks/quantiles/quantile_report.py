"""Coverage on the page and in the card."""

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(Section("quantiles", "Quantiles", "Coverage of the quantiles"),),
    metrics={"coverage": "Coverage"},
    compared={"coverage": "coverage"},
)
