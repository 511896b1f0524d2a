"""What anomaly detection adds to the page, the model card and the comparison."""

from __future__ import annotations

from pipeline.tasks.report import REAL_VALUES, TaskReport
from pipeline.tasks.spec import TaskSpec

USE = """\
Rebuilds one {{ facts.spec.modality }} of shape {{ facts.spec.shape | join("x") }}; \
what it rebuilds badly is called an anomaly. It was trained on normal examples alone. \
"""
OUTPUT = """\
Its output is the example rebuilt, {{ chosen.output.dtype }}. The score of an example \
is the mean of (input - output) squared, on real values; \
{% if chosen.threshold is not none %}
above {{ chosen.threshold }} it is called an anomaly. That threshold was chosen on \
validation: where the part of the anomalies above it is most ahead of the part of the \
normal examples above it (Youden, 1950).
{% else %}
no threshold could be chosen on validation.
{% endif %}
"""
CODE = """\
def score(raw):
    \"\"\"How badly one raw example is rebuilt: the larger, the odder.\"\"\"
    model.set_tensor(given["index"], stored(raw)[None])
    model.invoke()
    rebuilt = real(model.get_tensor(answer["index"])[0], answer)
    values = np.float32(raw) * np.float32({{ facts.spec.scale }})
    values = values + np.float32({{ facts.spec.offset }})
    return float(np.mean((np.float64(rebuilt) - values) ** 2))
"""
HEAD = """\
| variant | AUC | interval | change | interval | anomalies found | false alarms | \
corrupted | gzip | raw |
|---|---|---|---|---|---|---|---|---|---|
"""
CELLS = """\
| {{ value(row, "found") | trim }} | {{ value(row, "false_alarms") | trim }} \
| {{ value(row, corrupted) | trim }} \
"""
NOTES = """\
Anomalies found and false alarms are parts of each kind above the file's threshold, \
which was chosen on validation; AUC does not depend on it.

"""


def _question(spec: TaskSpec) -> str:
    return "anomalies, found by how badly they are rebuilt"


REPORT = TaskReport(
    question=_question,
    sections={"anomalies": ("Anomalies", "Anomalies and false alarms")},
    metrics={
        "threshold": "Threshold of the error",
        "found": "Anomalies found",
        "false_alarms": "False alarms",
        "corrupted_auc": "When corrupted",
    },
    compared={
        "anomalies found": "found",
        "false alarms": "false_alarms",
        "AUC when corrupted": "corrupted_auc",
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
