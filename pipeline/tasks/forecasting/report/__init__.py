"""Sections and metrics of forecasting on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("forecasts", "Forecasts", "Forecasts and the truth"),
        Section("horizon", "Horizon", "Errors by step and series"),
    ),
    metrics={
        "smape": "sMAPE",
        "pinball": "Scaled pinball loss",
        "coverage": "Coverage of the interval",
        "changed": "Change of the forecast",
        "corrupted_mase": "MASE on corrupted examples",
    },
    compared={
        "sMAPE": "smape",
        "coverage of the interval": "coverage",
        "MASE when corrupted": "corrupted_mase",
    },
    pictures={"forecasts": "forecasts.png"},
)
