"""What a regression adds to the page, the model card and the comparison."""

from __future__ import annotations

from pipeline.tasks.report import REAL_VALUES, TaskReport
from pipeline.tasks.spec import TaskSpec

USE = """\
Predicts the number {{ facts.spec.target.name }} for one {{ facts.spec.modality }} of \
shape {{ facts.spec.shape | join("x") }}. \
"""
OUTPUT = """\
Its output is one {{ chosen.output.dtype }} number: {{ facts.spec.target.name }} is \
`output * {{ facts.spec.target.deviation }} + {{ facts.spec.target.mean }}`.
"""
CODE = """\
def predict(raw):
    \"\"\"The number of one raw example, in its own unit.\"\"\"
    model.set_tensor(given["index"], stored(raw)[None])
    model.invoke()
    output = real(model.get_tensor(answer["index"])[0], answer).item()
    return output * {{ facts.spec.target.deviation }} + {{ facts.spec.target.mean }}
"""
HEAD = """\
| variant | R2 | interval | change | interval | mean absolute error | \
root of the mean squared error | corrupted | gzip | raw |
|---|---|---|---|---|---|---|---|---|---|
"""
CELLS = """\
| {{ row.mae | amount }} | {{ row.rmse | amount }} \
| {{ value(row, corrupted) | trim }} \
"""
NOTES = """\
Errors are in the unit of {{ facts.spec.target.name }}.

"""


def _question(spec: TaskSpec) -> str:
    return f"the number {spec.target['name']}"


REPORT = TaskReport(
    question=_question,
    sections={"numbers": ("Errors", "Errors in the unit of the data")},
    metrics={
        "mae": "Mean absolute error",
        "rmse": "Root of the mean squared error",
        "corrupted_r2": "When corrupted",
    },
    compared={
        "mean absolute error": "mae",
        "R2 when corrupted": "corrupted_r2",
    },
    card={
        "use": USE,
        "output": OUTPUT,
        "code": CODE + REAL_VALUES,
        "head": HEAD,
        "cells": CELLS,
        "notes": NOTES,
    },
)
