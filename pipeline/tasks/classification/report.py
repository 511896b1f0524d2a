"""What a classification adds to the page, the model card and the comparison."""

from __future__ import annotations

from pipeline.tasks.report import TaskReport
from pipeline.tasks.spec import TaskSpec

USE = """\
Classifies one {{ facts.spec.modality }} of shape {{ facts.spec.shape | join("x") }} \
as one of {{ facts.spec.classes | length }} classes: \
{{ facts.spec.classes | join(", ") }}. \
"""
OUTPUT = """\
Its output is one {{ chosen.output.dtype }} logit per class, in the order of \
`compress/labels.txt`; the largest is the answer.
"""
CODE = """\
def classify(raw):
    \"\"\"The class number of one raw example.\"\"\"
    model.set_tensor(given["index"], stored(raw)[None])
    model.invoke()
    return int(model.get_tensor(answer["index"])[0].argmax())
"""
HEAD = """\
| variant | accuracy | interval | change | interval | macro F1 | gzip | raw |
|---|---|---|---|---|---|---|---|
"""
CELLS = """\
| {{ row.macro_f1 | accuracy }} \
"""


def _question(spec: TaskSpec) -> str:
    return f"{len(spec.classes)} classes"


REPORT = TaskReport(
    question=_question,
    sections={
        "classes": ("Classes", "Classes"),
        "flipped": ("Flipped", "What it decides otherwise"),
        "calibration": ("Calibration", "Calibration"),
    },
    metrics={
        "top5": "Top 5",
        "macro_f1": "Macro F1",
        "auc": "AUC",
        "agreement": "Agreement with the baseline",
        "kl": "KL from the baseline, nats",
        "nll": "NLL",
        "brier": "Brier",
        "ece": "ECE",
        "ece_scaled": "ECE at its temperature",
        "corrupted_accuracy": "When corrupted",
        "attacked_accuracy": "When attacked",
    },
    compared={
        "macro F1": "macro_f1",
        "ECE": "ece",
        "when corrupted": "corrupted_accuracy",
        "when attacked": "attacked_accuracy",
    },
    card={
        "use": USE,
        "output": OUTPUT,
        "code": CODE,
        "head": HEAD,
        "cells": CELLS,
        "notes": "",
    },
)
