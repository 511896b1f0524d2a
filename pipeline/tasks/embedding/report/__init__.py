"""Sections and metrics of embeddings on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("neighbors", "Neighbors", "Nearest neighbors"),
        Section("distances", "Distances", "Distances of pairs"),
    ),
    metrics={
        "recall_all": "Recall@1 among all other examples",
        "eer": "Equal error rate",
        "false_accepts": "False accepts at the threshold",
        "false_rejects": "False rejects at the threshold",
        "changed_neighbors": "Changed nearest neighbors",
        "corrupted_recall_at_1": "One-shot recall@1 on corrupted examples",
    },
    compared={
        "recall@1 among all": "recall_all",
        "equal error rate": "eer",
        "changed neighbors": "changed_neighbors",
        "recall@1 when corrupted": "corrupted_recall_at_1",
    },
    pictures={"neighbors": "neighbors.png", "distances": "distances.png"},
    documents={"clusters": ("evaluate", "clusters.json")},
)
