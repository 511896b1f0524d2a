"""The text of index.html, a Jinja2 template; `page` fills it in.

It is a Python module because fingerprints follow imports: an edit of the page makes
the report stale, which an edit of a file that is merely read would not.
"""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f8; --card: #fff; --ink: #1d2125; --soft: #5a636b; --line: #dfe3e6;
  --green: #137a4c; --green-paper: #e8f3ee; --red: #b3261e; --code: #eef0f2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e6e9ec; --soft: #a2abb3;
    --line: #343a40; --green: #5fce9a; --green-paper: #16301f; --red: #ff8a80;
    --code: #262b30;
  }
  .plot { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: break-word;
}
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 0.3rem; }
h2 { font-size: 1.25rem; margin: 0 0 0.6rem; }
p { margin: 0 0 0.8rem; max-width: 46rem; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--green); outline-offset: 2px; }
nav { margin: 0.6rem 0 1rem; color: var(--soft); font-size: 0.93rem; }
nav a { margin-right: 0.9rem; display: inline-block; padding: 0.15rem 0; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.2rem; margin: 0 0 1rem;
}
.soft, figcaption, td small { color: var(--soft); }
.verdict { border-left: 6px solid var(--green); }
.verdict.none { border-left-color: var(--red); }
.verdict h2 { font-size: 1.45rem; line-height: 1.3; color: var(--green); }
.verdict.none h2 { color: var(--red); }
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr));
  gap: 0.8rem; margin: 0.6rem 0 1rem;
}
.figures div { border-top: 1px solid var(--line); padding-top: 0.5rem; }
.figures dt { color: var(--soft); font-size: 0.9rem; }
.figures dd { margin: 0; }
.figures .large { font-size: 1.7rem; font-weight: 650; line-height: 1.25; }
pre {
  background: var(--code); border-radius: 6px; font-size: 0.88rem;
  padding: 0.6rem 0.8rem; margin: 0 0 0.8rem; overflow-x: auto;
}
code { font-family: ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; }
figure { margin: 0 0 1rem; overflow-x: auto; }
figure:last-child { margin-bottom: 0; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: 0.9rem; margin-top: 0.4rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: 0 -0.2rem 0.8rem; padding: 0 0.2rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td {
  text-align: left; vertical-align: top; padding: 0.45rem 0.7rem 0.45rem 0;
  border-bottom: 1px solid var(--line);
}
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 9rem; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.words { white-space: normal; min-width: 9rem; }
td small { display: block; }
tr.chosen > * { background: var(--green-paper); }
tr.chosen > :first-child { box-shadow: inset 4px 0 var(--green); padding-left: 0.7rem; }
tr.pale { color: var(--soft); }
.tag { color: var(--green); font-weight: 650; }
.wrong { color: var(--red); font-weight: 650; }
dl.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem;
  margin: 0 0 1.2rem;
}
.row { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: end; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; min-width: 0; }
details { margin-top: 0.8rem; }
summary { cursor: pointer; padding: 0.2rem 0; }
details pre { margin-top: 0.5rem; }
footer { color: var(--soft); font-size: 0.88rem; padding-bottom: 2rem; }
@media (max-width: 34rem) {
  section { padding: 0.9rem; border-radius: 8px; }
  h1 { font-size: 1.5rem; }
  figure .plot { max-width: none; width: 33rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: 0.5rem; }
}
"""

PAGE = """\
{%- macro picture(name, alt, caption, kind="plot") %}
{% if name in pictures %}
<figure>
  <img class="{{ kind }}" src="{{ pictures[name] }}" alt="{{ alt }}">
  <figcaption>{{ caption }}</figcaption>
</figure>
{% endif %}
{% endmacro %}

{%- macro table(label) %}
<div class="scroll" role="region" aria-label="{{ label }}" tabindex="0">
<table>
{{ caller() }}
</table>
</div>
{% endmacro %}

{%- macro figure(label, large, small) %}
<div><dt>{{ label }}</dt><dd class="large">{{ large }}</dd><dd>{{ small }}</dd></div>
{% endmacro -%}

<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ facts.title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<header>
<h1>{{ facts.title }}</h1>
<p class="soft">{{ facts.spec.source }}: {{ facts.spec.classes | length }} classes,
{{ summary.examples | number }} test examples, {{ facts.rows | length }} variants</p>
<nav aria-label="Sections">
<a href="#frontier">Frontier</a> <a href="#variants">Variants</a>
<a href="#classes">Classes</a> <a href="#search">Search</a>
<a href="#curves">Learning curves</a> <a href="#data">Data</a>
<a href="#environment">Environment</a>
</nav>
</header>
<main>

{% if chosen %}
<section class="verdict" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">Chosen: {{ chosen | name }}</h2>
<p>The smallest file that loses at most {{ allowed }} points of validation accuracy
{%- if summary.budget.max_bytes %} and has at most
{{ summary.budget.max_bytes | size }} {{ summary.budget.measure }}{% endif %}.</p>
<dl class="figures">
{{ figure("Size", chosen.bytes_gzip | size,
          "gzip -9; " ~ (chosen.bytes_raw | size) ~ " raw") }}
{{ figure("Smaller than the float baseline", chosen.ratio | ratio,
          "from " ~ (baseline.bytes_gzip | size) ~ " gzip") }}
{{ figure("Test accuracy", chosen.accuracy | accuracy,
          (chosen | change) ~ " points, 95 % interval " ~ (chosen | change_span)) }}
{% if chosen.latency_ms is not none %}
{{ figure("Latency, one example", chosen.latency_ms | latency,
          "median; baseline " ~ (baseline.latency_ms | latency)) }}
{% endif %}
</dl>
<p>Reproduce it with</p>
<pre tabindex="0"><code>{{ command }}</code></pre>
<p class="soft">The file is <code>compress/best.tflite</code>, SHA-256
<code>{{ best_hash }}</code>; how to feed it is in
<code>report/model_card.md</code>.</p>
</section>
{% else %}
<section class="verdict none" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">No file meets the budget</h2>
<p>Allowed are {{ allowed }} points of validation accuracy
{%- if summary.budget.max_bytes %} and {{ summary.budget.max_bytes | size }}
{{ summary.budget.measure }}{% endif %}.
{% if nearest %}The nearest miss is <strong>{{ nearest | name }}</strong>:
{{ nearest.bytes_gzip | size }} gzip, {{ nearest.accuracy | accuracy }} on test
({{ nearest | change }} points).{% endif %}</p>
<pre tabindex="0"><code>{{ command }}</code></pre>
</section>
{% endif %}

<section id="frontier" aria-labelledby="frontier-title">
<h2 id="frontier-title">Accuracy and size</h2>
{{ picture("frontier", frontier_alt,
  "Accuracy of each exported file on the " ~ (summary.examples | number) ~
  " test examples. The line joins the files that no other beat on validation, where "
  "all choices were made; on test they need not stay in order.") }}
</section>

<section id="variants" aria-labelledby="variants-title">
<h2 id="variants-title">Variants</h2>
<p class="soft">Every exported file, smallest first. What is chosen or dominated is so
on validation. A change is of test accuracy, against the float baseline;
intervals are at 95 %, of the change by paired bootstrap.</p>
{% call table("Variants") %}
<thead><tr><th scope="col">Variant</th><th scope="col">Validation</th>
<th scope="col">Test accuracy</th>
<th scope="col">Change, points</th><th scope="col">Flipped</th>
<th scope="col">gzip</th><th scope="col">raw</th><th scope="col">Smaller</th>
<th scope="col">Latency</th><th scope="col">Note</th></tr></thead>
<tbody>
{% for row in facts.rows %}
<tr id="variant-{{ row.id }}"
    {%- if row is sameas chosen %} class="chosen"
    {%- elif row.dominated %} class="pale"{% endif %}>
<th scope="row">{{ row | name }}</th>
<td>{% if row.validation_accuracy is not none %}{{ row.validation_accuracy | accuracy }}
    {%- else %}–{% endif %}</td>
{% if row.accuracy is not none %}
<td>{{ row.accuracy | accuracy }}<small>{{ row.accuracy_interval | span }}</small></td>
<td>{{ row | change }}<small>{{ row | change_span }}</small></td>
<td>{{ row.flips_worse }} to wrong<small>{{ row.flips_better }} to right</small></td>
{% else %}<td>–</td><td>–</td><td>–</td>{% endif %}
{% if row.file %}
<td>{{ row.bytes_gzip | size }}</td><td>{{ row.bytes_raw | size }}</td>
<td>{{ row.ratio | ratio }}</td>
{% else %}<td>–</td><td>–</td><td>–</td>{% endif %}
<td>{% if row.latency_ms is not none %}{{ row.latency_ms | latency }}
    {%- else %}–{% endif %}</td>
<td class="words">
{%- if row.status != "ok" %}
<span class="wrong">{{ row.status }}:</span> {{ row.reason }}
{%- else %}
{%- if row is sameas chosen %}<span class="tag">chosen</span>, {% endif %}
{%- if row is sameas baseline %}float baseline, {% endif %}
{{- "dominated" if row.dominated else "on the frontier" }}
{%- endif %}
{%- if row.left_out %}
<small>left out: {{ row.left_out | join(", ") }}</small>
{%- endif -%}
</td></tr>
{% endfor %}
</tbody>
{% endcall %}
</section>

<section id="classes" aria-labelledby="classes-title">
<h2 id="classes-title">Classes</h2>
{{ picture("confusion", "Confusion matrices; the recall of each class is in the table",
  "Rows are true classes. Blue is found, orange is taken for another class.") }}
<details><summary>Recall of each class</summary>
{% call table("Recall of each class") %}
<thead><tr><th scope="col">Class</th>
{% for row in compared %}<th scope="col">{{ row | name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for label in facts.spec.classes %}{% set number = loop.index0 %}
<tr><th scope="row">{{ label }}</th>
{% for row in compared %}<td>{% if row.recall[number] is none %}not in test
{%- else %}{{ row.recall[number] | accuracy }}{% endif %}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
{% endcall %}
</details>
</section>

<section id="search" aria-labelledby="search-title">
<h2 id="search-title">Search</h2>
<p>Builder <code>{{ facts.best.builder }}</code>. Trial {{ facts.best.trial }} won on
validation: {{ facts.best.score | accuracy }} with
{{ facts.best.weights | number }} weights.</p>
{% call table("Trials of the search") %}
<thead><tr>{% for column in trial_columns %}<th scope="col">{{ column }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for trial in facts.trials %}
<tr{% if trial.trial == facts.best.trial | string %} class="chosen"{% endif %}>
{% for column in trial_columns %}<td>{{ trial[column] | short }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
{% endcall %}
{{ picture("trials", "Validation accuracy of each trial against its weights, as in the "
  "table", "Validation accuracy against the number of weights, a point a trial.") }}
</section>

<section id="curves" aria-labelledby="curves-title">
<h2 id="curves-title">Learning curves</h2>
<p>Baseline: {{ facts.records.train.metrics.headline }}.<br>
Student: {{ facts.records.distill.metrics.headline }}.</p>
{{ picture("train", "Loss and accuracy of the baseline in each epoch",
  "The float baseline, which is also the teacher.") }}
{{ picture("distill", "Loss and accuracy of the student in each epoch",
  "The student; its training loss also measures how well it imitates the teacher.") }}
</section>

<section id="data" aria-labelledby="data-title">
<h2 id="data-title">Data</h2>
<dl class="facts">
<dt>Source</dt><dd>{{ facts.spec.source }}</dd>
<dt>Example</dt><dd>{{ facts.spec.modality }},
{{ facts.spec.shape | join("x") }} {{ facts.spec.dtype }}</dd>
<dt>Model input</dt><dd>float32(raw) * {{ facts.spec.scale }}
+ {{ facts.spec.offset }}</dd>
<dt>Classes</dt><dd>{{ facts.spec.classes | join(", ") }}</dd>
{% for split in ("train", "validation", "test") %}
<dt>{{ split | capitalize }}</dt><dd>{{ data.examples[split] | number }} examples,
{{ data.class_balance[split] | min }} to {{ data.class_balance[split] | max }} a class
</dd>
{% endfor %}
<dt>Calibration</dt><dd>{{ data.calibration }} of the training examples</dd>
<dt>In two splits</dt><dd>{{ data.shared_between_splits }} examples, compared by
content</dd>
<dt>Splits</dt>
<dd>SHA-256 <code>{{ facts.records.data.outputs["splits.npz"] }}</code></dd>
</dl>
<div class="row">
{{ picture("data", "Training examples of each class", "Training examples.", "photo") }}
{{ picture("augment", "Training examples and augmented versions of each",
  "Augmentation: " ~ facts.records.augment.metrics.headline ~
  ". Originals in the first column.", "photo") }}
</div>
</section>

<section id="environment" aria-labelledby="environment-title">
<h2 id="environment-title">Environment and hashes</h2>
<dl class="facts">
<dt>Machine</dt><dd>{{ host.machine }}, {{ host.processors }} processors,
{{ host.system }}</dd>
<dt>Settings</dt><dd>{{ settings }}</dd>
<dt>Libraries</dt><dd>{{ libraries }}</dd>
</dl>
{% call table("Stages") %}
<thead><tr><th scope="col">Stage</th><th scope="col">Fingerprint</th>
<th scope="col">Started</th><th scope="col">Took</th><th scope="col">Result</th></tr>
</thead>
<tbody>
{% for stage, record in facts.records.items() %}
<tr><th scope="row">{{ stage }}</th><td><code>{{ record.fingerprint[:16] }}</code></td>
<td>{{ record.run.started }}</td><td>{{ "%.1f" | format(record.run.seconds) }} s</td>
<td class="words">{{ record.metrics.headline }}</td></tr>
{% endfor %}
</tbody>
{% endcall %}
<details><summary>SHA-256 of every published file, for <code>sha256sum -c</code>
</summary>
<pre tabindex="0">{{ checksums }}</pre></details>
<details><summary>Parameters of every stage</summary>
<pre tabindex="0">{{ parameters }}</pre></details>
</section>

</main>
<footer>Written by the report stage of <code>{{ facts.experiment }}</code>.
Latency is of the machine above, not of a device.</footer>
</body>
</html>
"""
