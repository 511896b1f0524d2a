"""The sections of index.html on how files behave: what they get wrong, and when.

A task has those that make sense for it. Python text for the reason that
`page_template` gives.
"""

CLASSES = """\
{% if charts.classes %}
<p>Of {{ charts.classes.name }} against the float baseline: most changed is
<strong>{{ facts.spec.classes[after.most_changed_class] }}</strong>
({{ after.recall_change[after.most_changed_class].value | signed }}), worst is
<strong>{{ facts.spec.classes[after.worst_class] }}</strong>
({{ after.recall[after.worst_class] | accuracy }} of its examples are found).</p>
<figure>{{ chart("classes", "Change of the recall of each class against the float "
  "baseline; the numbers are in the table below") }}
<figcaption>Change of recall, with 95 % intervals by paired bootstrap. Few examples make
them wide.</figcaption></figure>
{% endif %}
{{ picture("confusion", "Confusion matrices; the recall of each class is in the table",
  "Rows are true classes. Blue is found, orange is taken for another class.") }}
<details><summary>Recall of each class</summary>
{% call table("Recall of each class",
  ["Class"] + compared | map("name") | list + ["Change"]) %}
{% for label in facts.spec.classes %}{% set number = loop.index0 %}
<tr><th scope="row">{{ label }}</th>
{% for row in compared %}<td>{% if row.recall[number] is none %}not in test
{%- else %}{{ row.recall[number] | accuracy }}{% endif %}</td>{% endfor %}
<td>{% set change = after.recall_change[number] if after.recall_change is defined %}
{%- if change %}{{ change.value | signed }}{% if change.interval %}
<small>{{ change.interval[0] | signed }} to {{ change.interval[1] | signed }}</small>
{%- endif %}{% else %}–{% endif %}</td></tr>
{% endfor %}
{% endcall %}
</details>
"""

FLIPPED = """\
{% if flips is none %}
{{ absent("This run's evaluate stage listed no flipped examples "
          "(evaluate/flips.json).") }}
{% elif not flips.examples %}
<p>On every test example the answer is that of the float baseline.</p>
{% else %}
<p>{{ flips.flipped | number }} of {{ summary.examples | number }} answers are not those
of the float baseline
{%- if flips.examples | length < flips.flipped %}; {{ flips.examples | length }} are
shown{% endif %}. What became wrong comes first, the surest mistakes before the others.
</p>
<ul class="flips{{ " words" if not tiles }}">
{% for one in flips.examples %}{% set classes = facts.spec.classes %}
<li>{% if tiles %}<img src="{{ tiles[loop.index0] }}" alt="Test example
{{ one.position }}, {{ classes[one.true] }}" width="96" height="96">{% endif %}
{%- if one.words %}<q>{{ one.words }}</q>{% endif %}
<strong>{{ classes[one.true] }}</strong><br>
{% if one.after == one.true %}<span class="tag">now right</span>, was
{{ classes[one.before] }}
{% else %}<span class="wrong">now {{ classes[one.after] }}</span>
{%- if one.before != one.true %}, was {{ classes[one.before] }}{% endif %}
{% endif %}
<br><span class="soft">{{ "%.0f" | format(100 * one.confidence) }} % sure</span></li>
{% endfor %}
</ul>
{% endif %}
"""

CALIBRATION = """\
{% if charts.reliability %}
<p>A model that is right as often as it is sure lies on the dotted line. Dashed: after
division of the logits by a temperature that was fitted on validation.</p>
<figure>{{ chart("reliability", "Reliability diagram: confidence against the part that "
  "is right; the errors are in the table below") }}
<figcaption>{{ facts.extras.calibration.bins }} bins of equal width; a larger point
holds more examples.</figcaption></figure>
{% call table("Calibration",
  ["Variant", "ECE", "at its temperature", "Temperature", "NLL", "Brier"]) %}
{% for row in compared %}
<tr><th scope="row">{{ row | name }}</th><td>{{ row.ece | accuracy }}
{{- moved(row, "ece") }}</td><td>{{ row.ece_scaled | accuracy }}</td>
<td>{{ "%.2f" | format(row.temperature) }}</td>
<td>{{ row.nll | accuracy }}{{ moved(row, "nll") }}</td>
<td>{{ row.brier | accuracy }}{{ moved(row, "brier") }}</td></tr>
{% endfor %}
{% endcall %}
{% else %}
{{ absent("This run's evaluate stage wrote no calibration "
          "(evaluate/calibration.json).") }}
{% endif %}
"""

NUMBERS = """\
<p>How far the numbers that a file predicts are from the true ones, in the unit of
<strong>{{ facts.spec.target.name }}</strong> (in training: mean
{{ facts.spec.target.mean | amount }}, deviation
{{ facts.spec.target.deviation | amount }}). Changes are against
the float baseline, with 95 % intervals by paired bootstrap.</p>
{% call table("Errors of numbers",
  ["Variant", "Mean absolute error", "Root of the mean squared error"]) %}
{% for row in facts.rows if row[score.key] is not none %}
<tr><th scope="row">{{ row | name }}</th>
<td>{{ row.mae | amount }}{{ moved(row, "mae") }}</td>
<td>{{ row.rmse | amount }}{{ moved(row, "rmse") }}</td></tr>
{% endfor %}
{% endcall %}
"""

ANOMALIES = """\
<p>An example is rebuilt, and its score is its mean squared error. What is above a
file's threshold is called an anomaly. The threshold was chosen on validation, for each
file: where the part of the anomalies above it is most ahead of the part of the normal
examples above it (Youden). AUC does not depend on it.</p>
{% call table("Anomalies at each file's threshold",
  ["Variant", "Threshold", "Anomalies found", "False alarms"]) %}
{% for row in facts.rows if row[score.key] is not none %}
<tr><th scope="row">{{ row | name }}</th>
<td>{% if row.threshold is none %}none{% else %}{{ row.threshold | amount }}{% endif %}
</td>
<td>{% if row.found is none %}–{% else %}{{ row.found | accuracy }}{% endif %}</td>
<td>{% if row.false_alarms is none %}–{% else %}{{ row.false_alarms | accuracy }}
{%- endif %}</td></tr>
{% endfor %}
{% endcall %}
"""

ROBUSTNESS = """\
{% if charts.robustness %}
<p>{{ facts.extras.robustness.examples | number }} test examples, drawn at random and
listed in <code>evaluate/robustness.json</code>, made worse: corruptions in five
severities
{%- if charts.robustness | selectattr("kind", "equalto", "attack") | list %}, and
attacks made on the Keras baseline and shown to every file{% endif %}.</p>
<ul class="key">{% for line in charts.robustness[0].lines %}
<li class="{{ "before" if loop.first else "after" }}">{{ line.name }}</li>
{% endfor %}</ul>
<div class="small">
{% for kind in charts.robustness %}
{{ chart("robust-" ~ loop.index0, score.title ~ " under " ~ kind.name ~
  " against its amount; the numbers are in the table below", "low") }}
{% endfor %}
</div>
<details><summary>{{ score.title }} under each condition</summary>
{% call table("Robustness", ["Condition", "Amount"] +
  charts.robustness[0].lines | map(attribute="name") | list) %}
{% for kind in charts.robustness %}{% for amount in kind.amounts %}
{% set at = loop.index0 %}
<tr><th scope="row">{{ kind.name ~ ", " ~ kind.unit if loop.first }}</th>
<td>{{ amount }}</td>{% for line in kind.lines %}<td>{{ line.y[at] | accuracy }}</td>
{% endfor %}</tr>
{% endfor %}{% endfor %}
{% endcall %}
</details>
{% else %}
{{ absent("No corruptions or attacks were measured.") }}
{% endif %}
{% for reason in (facts.extras.robustness or {}).get("absent", []) %}
{{ absent("Not measured: " ~ reason ~ ".") }}
{% endfor %}
"""
