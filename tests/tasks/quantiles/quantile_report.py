"""Coverage on the page and in the card."""

from pipeline.tasks.report import REAL_VALUES, TaskReport

SECTION = """\
{% call table("Coverage", ["Variant", "Coverage"]) %}
{% for row in facts.rows if row[score.key] is not none %}
<tr><th scope="row">{{ row | name }}</th><td>{{ row.coverage | accuracy }}</td></tr>
{% endfor %}
{% endcall %}
"""
CODE = """\
def quantiles(raw):
    \"\"\"Three quantiles of one raw example.\"\"\"
    model.set_tensor(given["index"], stored(raw)[None])
    model.invoke()
    output = real(model.get_tensor(answer["index"])[0], answer)
    return output * {{ facts.spec.target.deviation }} + {{ facts.spec.target.mean }}
"""

REPORT = TaskReport(
    question=lambda spec: f"quantiles of {spec.target['name']}",
    sections={"quantiles": ("Quantiles", "Coverage of the quantiles")},
    metrics={"coverage": "Coverage"},
    compared={"coverage": "coverage"},
    templates={"quantiles": SECTION},
    card={
        "use": "Predicts quantiles of {{ facts.spec.target.name }}. ",
        "output": "Its output is three quantiles.\n",
        "code": CODE + REAL_VALUES,
        "head": (
            "| variant | pinball loss | interval | change | interval | coverage | gzip "
            "| raw |\n|---|---|---|---|---|---|---|---|\n"
        ),
        "cells": "| {{ row.coverage | accuracy }} ",
        "notes": "",
    },
)
