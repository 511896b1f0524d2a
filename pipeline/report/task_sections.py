"""Sections of the page: those of every task, and those that one task adds.

This is the only module of the report that knows tasks by name. All other text that
depends on the task is in `templates/tasks/<folder>`, the same files for each task:
`subject`, `figures`, `data_labels`, `data_split` and, optional, `variant_details` for
the page; `card_use`, `card_output`, `card_code` and `card_metrics` for the model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.scores import ANOMALIES, CLASSES, NUMBERS, Score

AFTER = "ledger"  # the section that those of the task follow


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: its anchor.
        short: its name in the navigation.
        title: its heading; `{score}` stands for the name of the task's metric.
        template: path below `templates`.
    """

    name: str
    short: str
    title: str
    template: str

    def heading(self, score: Score) -> str:
        """Return the heading of a page whose metric is `score`."""
        return self.title.format(score=score.title)


@dataclass(frozen=True)
class TaskSections:
    """Parts of page and card that depend on the task.

    Attributes:
        folder: folder of its templates below `templates/tasks`.
        sections: what it adds to the page.
        metrics: key of an evaluation -> its label, in the order of the page.
        perturbations: what robustness is measured against.
    """

    folder: str
    sections: tuple[Section, ...]
    metrics: Mapping[str, str] = field(default_factory=dict)
    perturbations: str = "Corruptions"

    def template(self, name: str) -> str:
        """Return the path of one of its templates, below `templates`."""
        return f"tasks/{self.folder}/{name}"


def task_sections(task: str) -> TaskSections:
    """Return what a task adds to page and card.

    Args:
        task: as spec.json names it.
    """
    return TASKS[task]


def all_sections(task: str) -> list[Section]:
    """Return the sections of a task's page, in their order."""
    place = [section.name for section in SHARED].index(AFTER) + 1
    return [*SHARED[:place], *task_sections(task).sections, *SHARED[place:]]


def _shared(name: str, short: str, title: str) -> Section:
    return Section(name, short, title, f"sections/{name}.html.j2")


def _own(folder: str, name: str, short: str, title: str) -> Section:
    return Section(name, short, title, f"tasks/{folder}/{name}.html.j2")


SHARED = (
    _shared("frontier", "Frontier", "{score} against size"),
    _shared("variants", "Variants", "Variants"),
    _shared("ledger", "Ledger", "Size after each step"),
    _shared("robustness", "Robustness", "Robustness"),
    _shared("search", "Search", "Hyperparameter search"),
    _shared("learning", "Learning", "Learning curves"),
    _shared("data", "Data", "Data"),
    _shared("environment", "Environment", "Environment and hashes"),
)
TASKS = {
    CLASSES: TaskSections(
        folder="classification",
        sections=(
            _own("classification", "classes", "Classes", "Classes"),
            _own(
                "classification",
                "prediction_changes",
                "Predictions",
                "Prediction changes",
            ),
            _own("classification", "calibration", "Calibration", "Calibration"),
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
        perturbations="Corruptions and attacks",
    ),
    NUMBERS: TaskSections(
        folder="regression",
        sections=(_own("regression", "errors", "Errors", "Prediction errors"),),
        metrics={
            "mae": "Mean absolute error",
            "rmse": "Root mean squared error",
            "corrupted_r2": "R2 on corrupted examples",
        },
    ),
    ANOMALIES: TaskSections(
        folder="anomaly_detection",
        sections=(
            _own(
                "anomaly_detection",
                "anomalies",
                "Anomalies",
                "Anomalies and false alarms",
            ),
        ),
        metrics={
            "threshold": "Threshold of the anomaly score",
            "found": "Detection rate",
            "false_alarms": "False alarm rate",
            "corrupted_auc": "AUC on corrupted examples",
        },
    ),
}
