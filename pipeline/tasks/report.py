"""What a task adds to the page, the model card and the comparison of experiments.

Text and Jinja2 templates alone; nothing is imported for them. Templates of the page see
what `pipeline.report.page` gives them, those of the card what `pipeline.report.card` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.tasks.registry import get
from pipeline.tasks.spec import TaskSpec

# Follows a card's `code` that needs the real values of an output.
REAL_VALUES = """\


def real(stored, end):
    \"\"\"The real values of what the file gives.\"\"\"
    if not np.issubdtype(stored.dtype, np.integer):
        return stored
    scale, zero_point = end["quantization"]
    return (np.float32(stored) - zero_point) * np.float32(scale)
"""


@dataclass(frozen=True)
class TaskReport:
    """The `report` part of a task.

    Args:
        question: spec -> what a model of it predicts, such as `10 classes`.
        sections: section of the page -> its name in the navigation, and its heading.
        metrics: key of a row of evaluation.json -> its label on the page, in order.
        compared: label in a comparison of experiments -> key of a row.
        templates: section -> its template; one that the page has is left out here.
        card: piece of the model card -> its template: `use` (a sentence on what the model
            is for), `output` (how to read the file's output), `code` (a Python function
            that does), `head` and `cells` (of the table of metrics: its first two lines,
            and a row's cells between the interval of the change and the sizes) and
            `notes` (below that table).
    """

    question: Callable[[TaskSpec], str]
    sections: Mapping[str, tuple[str, str]]
    metrics: Mapping[str, str]
    compared: Mapping[str, str]
    card: Mapping[str, str]
    templates: Mapping[str, str] = field(default_factory=dict)


def report_of(task: str) -> TaskReport:
    """The report part of the task called `task`."""
    report: TaskReport = get(task).part("report")
    return report
