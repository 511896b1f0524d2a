"""What a task adds to the page, the model card and the comparison of experiments.

A task's `report` part holds facts and the folder of its templates; importing it imports
no library. Its templates see what `pipeline.report.template_context` gives them, and
can include those of `pipeline/report/templates`:

    subject.html.j2       what a model predicts, such as `10 classes`
    figures.html.j2       figures beside the result
    data_labels.html.j2   a description of the targets
    data_split.html.j2    a description of the targets of one split
    variant_details.html.j2   optional: more details of a variant
    card_use.md.j2        model card: a sentence on what the model is for
    card_output.md.j2     model card: how to read the output of the file
    card_code.md.j2       model card: a Python function that does
    card_metrics.md.j2    model card: the table of metrics

and one `<section>.html.j2` per section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import get


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Args:
        name: its anchor, and the name of its template.
        short: its name in the navigation.
        title: its heading; `{score}` stands for the name of the task's metric.
        folder: folder of its template: `task` for those of a task.
        group: entry of the navigation that it is listed under; the most important
            sections are in none.
    """

    name: str
    short: str
    title: str
    folder: str = "task"
    group: str = "Quality"

    @property
    def template(self) -> str:
        """Path of its template."""
        return f"{self.folder}/{self.name}.html.j2"

    def heading(self, score: Metric) -> str:
        """Return the heading of a page.

        Args:
            score: the metric of the task.
        """
        return self.title.format(score=score.title)


@dataclass(frozen=True)
class TaskReport:
    """The `report` part of a task.

    Args:
        templates: folder of its templates, see the module. An edit of a file in a
            folder `templates` beside the module makes the report stale.
        sections: what it adds to the page.
        metrics: key of a row of evaluation.json -> its label on the page, in order.
        compared: label in a comparison of experiments -> key of a row.
        perturbations: what robustness is measured against.
        pictures: name on the page -> file of the evaluate stage; default none.
        documents: name on the page -> stage and JSON file; None on the page where a
            stage did not publish it. Default none.
    """

    templates: Path
    sections: tuple[Section, ...]
    metrics: Mapping[str, str]
    compared: Mapping[str, str]
    perturbations: str = "Corruptions"
    pictures: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def template(self, name: str) -> str:
        """Return the path of one of its templates, for `include`.

        Args:
            name: file name, such as `subject.html.j2`.
        """
        return f"task/{name}"


def report_of(task: str) -> TaskReport:
    """Return the report part of a task.

    Args:
        task: as spec.json names it.
    """
    report: TaskReport = get(task).part("report")
    return report
