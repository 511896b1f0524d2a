"""Sections and metrics of classification on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("classes", "Classes", "Classes"),
        Section("prediction_changes", "Predictions", "Prediction changes"),
        Section("calibration", "Calibration", "Calibration"),
    ),
    metrics={
        "top5": "Top-5 accuracy",
        "macro_f1": "Macro F1",
        "auc": "AUC",
        "agreement": "Agreement with the baseline",
        "kl": "KL divergence from the baseline, nats",
        "nll": "Negative log-likelihood",
        "brier": "Brier score",
        "ece": "Expected calibration error (ECE)",
        "ece_scaled": "ECE, temperature-scaled",
        "corrupted_accuracy": "Accuracy on corrupted examples",
        "attacked_accuracy": "Accuracy under attack",
    },
    compared={
        "macro F1": "macro_f1",
        "ECE": "ece",
        "when corrupted": "corrupted_accuracy",
        "when attacked": "attacked_accuracy",
    },
    perturbations="Corruptions and attacks",
    documents={
        "stream": ("evaluate", "stream.json"),
        "clusters": ("evaluate", "clusters.json"),
    },
)
