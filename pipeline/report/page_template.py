"""The text of index.html, Jinja2 templates; `page` fills them in.

They are Python modules because fingerprints follow imports: an edit of the page makes
the report stale, which an edit of a file that is merely read would not.
"""

from pipeline.report import page_behaviour, page_results, page_story
from pipeline.report.page_macros import MACROS

# Section -> what the navigation calls it, and its heading. Those of the task come
# before the section AFTER_TASK.
AFTER_TASK = "robustness"
OF_TASKS = ("classes", "flipped", "calibration", "numbers", "anomalies")
SECTIONS = {
    "frontier": ("Frontier", "{score} and size"),
    "variants": ("Variants", "Variants"),
    "ledger": ("Ledger", "Where the bytes went"),
    "robustness": ("Robustness", "Robustness"),
    "search": ("Search", "Search"),
    "learning": ("Learning", "Learning curves"),
    "data": ("Data", "Data"),
    "environment": ("Environment", "Environment and hashes"),
}
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ facts.title }}</title>
<link rel="icon" href="data:,">
<style>{{ style | safe }}</style>
</head>
<body>
<a class="skip" href="#verdict">To the verdict</a>
<header>
<h1>{{ facts.title }}</h1>
<p class="soft">{{ facts.spec.source }}: {{ asks }},
{{ summary.examples | number }} test examples, {{ facts.rows | length }} variants</p>
</header>
<nav aria-label="Sections"><ul>
<li><a href="#verdict">Verdict</a></li>
{% for name, (short, _) in sections.items() %}
<li><a href="#{{ name }}">{{ short }}</a></li>
{% endfor %}
</ul></nav>
<main>

{% include "verdict" %}
{% for name, (_, title) in sections.items() %}

<section id="{{ name }}" aria-labelledby="{{ name }}-title">
<h2 id="{{ name }}-title">{{ title }}</h2>
{% include name %}
</section>
{% endfor %}

</main>
<footer>Written by the report stage of <code>{{ facts.experiment }}</code>.
Latency is of the machine above, not of a device.</footer>
<script type="application/json" id="facts">{{ charts | tojson }}</script>
<script src="{{ library }}"></script>
<script>{{ script | safe }}</script>
</body>
</html>
"""
USES = """\
{% from "macros" import absent, cell, chart, counts_of, figure, moved, picture, table
   with context %}
"""
TEMPLATES = {"macros": MACROS, "page": PAGE} | {
    name: USES + getattr(module, name.upper())
    for module in (page_results, page_behaviour, page_story)
    for name in ("verdict", *SECTIONS, *OF_TASKS)
    if hasattr(module, name.upper())
}
