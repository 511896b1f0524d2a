"""Sections and metrics of policies on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(Section("episodes", "Episodes", "Returns of the test episodes"),),
    metrics={
        "lowest": "Return of the worst episode",
        "median": "Median return",
        "solved": "Solved episodes",
        "worse": "Episodes worse than the baseline's",
    },
    compared={"worst episode": "lowest", "solved episodes": "solved"},
    pictures={"episode": "episode.png"},
    documents={"episodes": ("evaluate", "episodes.json")},
)
