"""The text of index.html, a Jinja2 template; `page` fills it in.

It is a Python module because fingerprints follow imports: an edit of the page makes
the report stale, which an edit of a file that is merely read would not.
"""

PAGE = """\
{%- macro picture(name, alt, caption, kind="plot") %}
{% if name in pictures %}
<figure>
  <div class="scrolled"><img class="{{ kind }}" src="{{ pictures[name] }}"
    alt="{{ alt }}"></div>
  <figcaption>{{ caption }}</figcaption>
</figure>
{% endif %}
{% endmacro %}

{%- macro table(label, kind="") %}
<div class="scroll" role="region" aria-label="{{ label }}" tabindex="0">
<table{% if kind %} class="{{ kind }}"{% endif %}>
{{ caller() }}
</table>
</div>
{% endmacro %}

{%- macro figure(label, large, small) %}
<div><dt>{{ label }}</dt><dd class="large">{{ large }}</dd><dd>{{ small }}</dd></div>
{% endmacro %}

{%- macro chart(name, words, kind="") %}
<div class="chart {{ kind }}" id="chart-{{ name }}" role="img" aria-label="{{ words }}">
{%- if caller is defined %}{{ caller() }}{% endif %}</div>
{% endmacro %}

{%- macro moved(row, name) %}
{%- set found = row.change.get(name) if row.change is defined else none %}
{%- if found %}<small>{{ found.value | signed }}
{%- if found.interval %} ({{ found.interval[0] | signed }} to
{{ found.interval[1] | signed }}){% endif %}</small>{% endif %}
{%- endmacro %}

{%- macro absent(text) %}<p class="absent">{{ text }}</p>{% endmacro -%}

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
<p class="soft">{{ facts.spec.source }}: {{ facts.spec.classes | length }} classes,
{{ summary.examples | number }} test examples, {{ facts.rows | length }} variants</p>
</header>
<nav aria-label="Sections"><ul>
{% for name in sections %}
<li><a href="#{{ name | lower }}">{{ name }}</a></li>
{% endfor %}
</ul></nav>
<main>

{% if chosen %}
<section class="verdict" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">Chosen: {{ chosen | name }}</h2>
<p class="lead">{{ chosen.ratio | ratio }} smaller than the float baseline, at
{{ chosen | change }} points of test accuracy. {{ chosen | reading }}
{% if chosen.drop > facts.pareto.budget.max_drop %}<span class="warn">On test that is
more than the {{ allowed }} points allowed on validation.</span>{% endif %}</p>
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
{{ figure("Answers that changed", chosen.flips_worse + chosen.flips_better,
          (chosen.flips_worse ~ " to wrong, " ~ chosen.flips_better ~
           " to right") ~ ("; McNemar p " ~ (chosen.mcnemar | chance)
           if chosen.mcnemar is defined else "")) }}
{% if chosen.corrupted_accuracy is defined and chosen.corrupted_accuracy is not none %}
{{ figure("When corrupted", chosen.corrupted_accuracy | accuracy,
          "mean accuracy; baseline " ~ (baseline.corrupted_accuracy | accuracy)) }}
{% endif %}
</dl>
<p class="soft">The smallest file that loses at most {{ allowed }} points of validation
accuracy
{%- if summary.budget.max_bytes %} and has at most
{{ summary.budget.max_bytes | size }} {{ summary.budget.measure }}{% endif %}.
It is <code>compress/best.tflite</code>, SHA-256 <code>{{ best_hash }}</code>; how to
feed it is in <a href="model_card.md">model_card.md</a>. Reproduce it with</p>
{% else %}
<section class="verdict none" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">No file meets the budget</h2>
<p class="lead">Allowed are {{ allowed }} points of validation accuracy
{%- if summary.budget.max_bytes %} and {{ summary.budget.max_bytes | size }}
{{ summary.budget.measure }}{% endif %}.
{% if nearest %}The nearest miss is <strong>{{ nearest | name }}</strong>:
{{ nearest.bytes_gzip | size }} gzip, {{ nearest.accuracy | accuracy }} on test
({{ nearest | change }} points).{% endif %}</p>
{% endif %}
<div class="copy"><pre tabindex="0"><code id="command">{{ command }}</code></pre>
<button id="copy" type="button" hidden>Copy</button></div>
</section>

<section id="frontier" aria-labelledby="frontier-title">
<h2 id="frontier-title">Accuracy and size</h2>
<div class="controls" hidden>
<label>Across <select id="frontier-x">
{% for key, label in costs.items() %}<option value="{{ key }}">{{ label }}</option>
{% endfor %}</select></label>
<label>Up <select id="frontier-y">
{% for key, label in worths.items() %}<option value="{{ key }}">{{ label }}</option>
{% endfor %}</select></label>
</div>
<figure>
{% call chart("frontier", frontier_alt, "tall") %}
{%- if "frontier" in pictures %}<img class="plot" src="{{ pictures.frontier }}"
  alt="{{ frontier_alt }}">{% endif %}
{% endcall %}
<figcaption>Accuracy of each exported file on the {{ summary.examples | number }} test
examples, with 95 % intervals. The line joins the files that no other beat on
validation, where all choices were made; on test they need not stay in order; pale ones
are dominated. A point tells its recipe and leads to its row.</figcaption>
</figure>
</section>

<section id="variants" aria-labelledby="variants-title">
<h2 id="variants-title">Variants</h2>
<p class="soft">Every exported file, smallest first. What is chosen or dominated is so
on validation. A change is of test accuracy, against the float baseline;
intervals are at 95 %, of the change by paired bootstrap.</p>
{% call table("Variants", "sortable") %}
<thead><tr><th scope="col">Variant</th><th scope="col" data-sort>Validation</th>
<th scope="col" data-sort>Test accuracy</th>
<th scope="col" data-sort>Change, points</th><th scope="col" data-sort>Flipped</th>
<th scope="col" data-sort>gzip</th><th scope="col" data-sort>raw</th>
<th scope="col" data-sort>Smaller</th>
<th scope="col" data-sort>Latency</th><th scope="col">Note</th></tr></thead>
<tbody>
{% for row in facts.rows %}
<tr id="variant-{{ row.id }}"
    {%- if row is sameas chosen %} class="chosen"
    {%- elif row.dominated %} class="pale"{% endif %}>
<th scope="row">
{%- if row.accuracy is not none %}<a href="#detail-{{ row.id }}">{{ row | name }}</a>
{%- else %}{{ row | name }}{% endif %}</th>
<td data-value="{{ row.validation_accuracy if row.validation_accuracy is not none }}">
{%- if row.validation_accuracy is not none %}{{ row.validation_accuracy | accuracy }}
    {%- else %}–{% endif %}</td>
{% if row.accuracy is not none %}
<td data-value="{{ row.accuracy }}">{{ row.accuracy | accuracy -}}
<small>{{ row.accuracy_interval | span }}</small></td>
<td data-value="{{ -row.drop }}">{{ row | change -}}
<small>{{ row | change_span }}</small></td>
<td data-value="{{ row.flips_worse }}">{{ row.flips_worse }} to wrong
<small>{{ row.flips_better }} to right</small></td>
{% else %}<td>–</td><td>–</td><td>–</td>{% endif %}
{% if row.file %}
<td data-value="{{ row.bytes_gzip }}">{{ row.bytes_gzip | size }}</td>
<td data-value="{{ row.bytes_raw }}">{{ row.bytes_raw | size }}</td>
<td data-value="{{ row.ratio }}">{{ row.ratio | ratio }}</td>
{% else %}<td>–</td><td>–</td><td>–</td>{% endif %}
<td data-value="{{ row.latency_ms if row.latency_ms is not none }}">
{%- if row.latency_ms is not none %}{{ row.latency_ms | latency }}
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
<h3>All that was measured, file by file</h3>
{% for row in facts.rows if row.accuracy is not none %}
<details class="variant" id="detail-{{ row.id }}"><summary>{{ row | name }}</summary>
<div class="pair">
<dl class="facts">
<dt>Test accuracy</dt><dd>{{ row.accuracy | accuracy }},
95 % {{ row.accuracy_interval | span }}</dd>
<dt>Change</dt><dd>{{ row | change }} points, {{ row | change_span }}</dd>
{% for key, label in metrics.items() if row[key] is defined and row[key] is not none %}
<dt>{{ label }}</dt><dd>{{ row[key] | accuracy }}{{ moved(row, key) }}</dd>
{% endfor %}
{% if row.mcnemar is defined %}
<dt>McNemar's test</dt><dd>p {{ row.mcnemar | chance }}, {{ row.flips_worse }} to wrong,
{{ row.flips_better }} to right</dd>
<dt>Temperature</dt><dd>{{ "%.2f" | format(row.temperature) }}, fitted on
validation</dd>
<dt>Worst class</dt><dd>{{ facts.spec.classes[row.worst_class] }}</dd>
<dt>Most changed class</dt><dd>{{ facts.spec.classes[row.most_changed_class] }}</dd>
{% endif %}
</dl>
<dl class="facts">
<dt>File</dt><dd><code>compress/{{ row.file }}</code></dd>
<dt>SHA-256</dt><dd><code>{{ facts.records.compress.outputs.get(row.file, "–") }}
</code></dd>
<dt>Input</dt><dd>{{ row.input.dtype }}{% if row.input.scale %}, scale
{{ row.input.scale }}, zero point {{ row.input.zero_point }}{% endif %}</dd>
<dt>Weights</dt><dd>{{ row.weights | number }},
{{ "%.0f" | format(100 * row.sparsity) }} % of its kernels zero</dd>
{% for key, label in counts.items() if row[key] is defined and row[key] is not none %}
<dt>{{ label }}</dt><dd>{{ row[key] | number }}</dd>
{% endfor %}
<dt>Tensors</dt><dd>{% for kind, count in row.tensor_dtypes.items() %}{{ count }}
{{ kind }}{{ ", " if not loop.last }}{% endfor %}</dd>
<dt>Operators</dt><dd>{% for kind, count in row.operators.items() %}{{ count }}
{{ kind }}{{ ", " if not loop.last }}{% endfor %}</dd>
</dl>
</div>
</details>
{% endfor %}
</section>

<section id="ledger" aria-labelledby="ledger-title">
<h2 id="ledger-title">Where the bytes went</h2>
{% if charts.ledger %}
<div class="controls" hidden>
<label>Variant <select id="ledger-of">
{% for one in charts.ledger.variants %}
<option value="{{ one.id }}"{% if one.id == charts.ledger.chosen %} selected{% endif %}>
{{- one.name }}</option>
{% endfor %}</select></label>
<label>Size <select id="ledger-size"><option value="bytes_gzip">gzip -9</option>
<option value="bytes_raw">raw</option></select></label>
</div>
<figure>{{ chart("ledger", "Size and validation accuracy after each step of a recipe, "
  "from the float baseline; the numbers are in the table below") }}
<figcaption>Each bar is the file after one more step, the pale part what the step took
away (red: added); above, accuracy on validation.</figcaption></figure>
<details><summary>The ledger of every variant</summary>
{% call table("Ledger") %}
<thead><tr><th scope="col">Variant</th><th scope="col">Step</th>
<th scope="col">Accuracy</th><th scope="col">gzip</th><th scope="col">raw</th>
<th scope="col">Latency</th></tr></thead>
<tbody>
{% for one in charts.ledger.variants %}{% for step in one.steps %}
<tr><th scope="row">{{ one.name if loop.first }}</th><td>{{ step.step }}</td>
<td>{{ step.accuracy | accuracy }}</td><td>{{ step.bytes_gzip | size }}</td>
<td>{{ step.bytes_raw | size }}</td>
<td>{% if step.latency_ms is not none %}{{ step.latency_ms | latency }}
{%- else %}–{% endif %}</td></tr>
{% endfor %}{% endfor %}
</tbody>
{% endcall %}
</details>
{% else %}
{{ absent("This run's compress stage wrote no ledger of its steps "
          "(compress/ledger.json).") }}
{% endif %}
</section>

<section id="classes" aria-labelledby="classes-title">
<h2 id="classes-title">Classes</h2>
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
{% call table("Recall of each class") %}
<thead><tr><th scope="col">Class</th>
{% for row in compared %}<th scope="col">{{ row | name }}</th>{% endfor %}
<th scope="col">Change</th></tr></thead>
<tbody>
{% for label in facts.spec.classes %}{% set number = loop.index0 %}
<tr><th scope="row">{{ label }}</th>
{% for row in compared %}<td>{% if row.recall[number] is none %}not in test
{%- else %}{{ row.recall[number] | accuracy }}{% endif %}</td>{% endfor %}
<td>{% set change = after.recall_change[number] if after.recall_change is defined %}
{%- if change %}{{ change.value | signed }}{% if change.interval %}
<small>{{ change.interval[0] | signed }} to {{ change.interval[1] | signed }}</small>
{%- endif %}{% else %}–{% endif %}</td></tr>
{% endfor %}
</tbody>
{% endcall %}
</details>
</section>

<section id="flipped" aria-labelledby="flipped-title">
<h2 id="flipped-title">What it decides otherwise</h2>
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
</section>

<section id="calibration" aria-labelledby="calibration-title">
<h2 id="calibration-title">Calibration</h2>
{% if charts.reliability %}
<p>A model that is right as often as it is sure lies on the dotted line. Dashed: after
division of the logits by a temperature that was fitted on validation.</p>
<figure>{{ chart("reliability", "Reliability diagram: confidence against the part that "
  "is right; the errors are in the table below") }}
<figcaption>{{ facts.extras.calibration.bins }} bins of equal width; a larger point
holds more examples.</figcaption></figure>
{% call table("Calibration") %}
<thead><tr><th scope="col">Variant</th><th scope="col">ECE</th>
<th scope="col">at its temperature</th><th scope="col">Temperature</th>
<th scope="col">NLL</th><th scope="col">Brier</th></tr></thead>
<tbody>
{% for row in compared %}
<tr><th scope="row">{{ row | name }}</th><td>{{ row.ece | accuracy }}
{{- moved(row, "ece") }}</td><td>{{ row.ece_scaled | accuracy }}</td>
<td>{{ "%.2f" | format(row.temperature) }}</td>
<td>{{ row.nll | accuracy }}{{ moved(row, "nll") }}</td>
<td>{{ row.brier | accuracy }}{{ moved(row, "brier") }}</td></tr>
{% endfor %}
</tbody>
{% endcall %}
{% else %}
{{ absent("This run's evaluate stage wrote no calibration "
          "(evaluate/calibration.json).") }}
{% endif %}
</section>

<section id="robustness" aria-labelledby="robustness-title">
<h2 id="robustness-title">Robustness</h2>
{% if charts.robustness %}
<p>{{ facts.extras.robustness.examples | number }} test examples, drawn at random and
listed in <code>evaluate/robustness.json</code>, made worse: corruptions in five
severities, and attacks made on the Keras baseline and shown to every file.</p>
<ul class="key">{% for line in charts.robustness[0].lines %}
<li class="{{ "before" if loop.first else "after" }}">{{ line.name }}</li>
{% endfor %}</ul>
<div class="small">
{% for kind in charts.robustness %}
{{ chart("robust-" ~ loop.index0, "Accuracy under " ~ kind.name ~
  " against its amount; the numbers are in the table below", "low") }}
{% endfor %}
</div>
<details><summary>Accuracy under each condition</summary>
{% call table("Robustness") %}
<thead><tr><th scope="col">Condition</th><th scope="col">Amount</th>
{% for line in charts.robustness[0].lines %}<th scope="col">{{ line.name }}</th>
{% endfor %}</tr></thead>
<tbody>
{% for kind in charts.robustness %}{% for amount in kind.amounts %}
{% set at = loop.index0 %}
<tr><th scope="row">{{ kind.name ~ ", " ~ kind.unit if loop.first }}</th>
<td>{{ amount }}</td>{% for line in kind.lines %}<td>{{ line.y[at] | accuracy }}</td>
{% endfor %}</tr>
{% endfor %}{% endfor %}
</tbody>
{% endcall %}
</details>
{% else %}
{{ absent("No corruptions or attacks were measured.") }}
{% endif %}
{% for reason in (facts.extras.robustness or {}).get("absent", []) %}
{{ absent("Not measured: " ~ reason ~ ".") }}
{% endfor %}
</section>

<section id="search" aria-labelledby="search-title">
<h2 id="search-title">Search</h2>
<p>Builder <code>{{ facts.best.builder }}</code>. Trial {{ facts.best.trial }} won on
validation: {{ facts.best.score | accuracy }} with
{{ facts.best.weights | number }} weights.</p>
{% if charts.search %}
<figure class="scrolled">{{ chart("search", "Parallel coordinates: a line a trial "
  "through its hyperparameters to its score; the numbers are in the table below") }}
<figcaption>A line a trial, through what differed between trials, to its score on the
right; the winner is green.</figcaption></figure>
{% endif %}
{% if charts.importance %}
<figure>{{ chart("importance", "Importance of each hyperparameter: " ~
  (charts.importance.items() | map("join", " ") | join(", ")), "low") }}
<figcaption>How much of the difference in score each hyperparameter explains.
</figcaption></figure>
{% else %}
{{ absent("The search wrote no importance of hyperparameters "
          "(tune/importance.json).") }}
{% endif %}
<details{% if not charts.search %} open{% endif %}><summary>Every trial</summary>
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
</details>
</section>

<section id="learning" aria-labelledby="learning-title">
<h2 id="learning-title">Learning curves</h2>
<p>Baseline: {{ facts.records.train.metrics.headline }}.<br>
Student: {{ facts.records.distill.metrics.headline }}.</p>
{% if facts.extras.gain and facts.extras.gain.verdict is defined %}
<p>Distillation: {{ facts.extras.gain.verdict }}.</p>
{% endif %}
{% for key, label in (("replicates", "The baseline with other seeds"),
                      ("cross_validation", "The baseline in cross-validation")) %}
{% set found = facts.extras[key] %}
{% if found %}
<p>{{ label }}: {{ found.accuracy | length }} runs, {{ found.mean | accuracy }} on
validation in the mean, deviation {{ found.spread | accuracy }}, 95 % interval
{{ found.interval | span }}.</p>
{% endif %}
{% endfor %}
{% if charts.curves %}
<div class="controls" hidden><label>Show <select id="curves-of">
{% for column in curve_columns %}<option>{{ column }}</option>{% endfor %}
</select></label></div>
<figure>{% call chart("curves",
  "Loss and accuracy of baseline and student in each epoch, on training and "
  "validation examples") %}
{%- for name in ("train", "distill") if name in pictures %}
<img class="plot" src="{{ pictures[name] }}" alt="Loss and accuracy of the
{{ "baseline" if name == "train" else "student" }} in each epoch">
{%- endfor %}
{% endcall %}
<figcaption>The float baseline is also the teacher. The student's training loss also
measures how well it imitates the teacher.</figcaption></figure>
{% else %}
{{ absent("The stages wrote no learning curves (train/history.csv).") }}
{% endif %}
</section>

<section id="data" aria-labelledby="data-title">
<h2 id="data-title">Data</h2>
<p class="proof{{ " hurt" if data.shared_between_splits }}">
{% if data.shared_between_splits %}<strong>{{ data.shared_between_splits | number }}
examples stand in two splits</strong>, so the test is easier than it looks.
{% else %}<strong>No example stands in two splits.</strong> {% endif %}
Every example of every split was compared with all others by a hash of its content
{%- if common %}: {% for pair, count in common.items() %}{{ pair }} {{ count }}
{{- ", " if not loop.last }}{% endfor %} in common{% endif %}. Positions and hashes
stand in <code>data/splits.npz</code>, SHA-256
<code>{{ facts.records.data.outputs["splits.npz"] }}</code>. Only the evaluate stage can
read the test split.</p>
<dl class="facts">
<dt>Source</dt><dd>{{ facts.spec.source }}</dd>
<dt>Example</dt><dd>{{ facts.spec.modality }},
{{ facts.spec.shape | join("x") }} {{ facts.spec.dtype }}</dd>
<dt>Model input</dt><dd>
{%- if facts.spec.modality == "text" %}int32(word numbers)
{%- else %}float32(raw) * {{ facts.spec.scale }} + {{ facts.spec.offset }}
{%- endif %}</dd>
<dt>Classes</dt><dd>{{ facts.spec.classes | join(", ") }}</dd>
{% for split in ("train", "validation", "test") %}
<dt>{{ split | capitalize }}</dt><dd>{{ data.examples[split] | number }} examples,
{{ data.class_balance[split] | min }} to {{ data.class_balance[split] | max }} a class
</dd>
{% endfor %}
<dt>Calibration</dt><dd>{{ data.calibration }} of the training examples</dd>
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
{% if host.git is defined and host.git %}
<dt>Code</dt><dd>commit <code>{{ host.git.commit }}</code>
{%- if host.git.dirty %}, with uncommitted changes{% endif %}</dd>{% endif %}
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
<script type="application/json" id="facts">{{ charts | tojson }}</script>
<script src="{{ library }}"></script>
<script>{{ script | safe }}</script>
</body>
</html>
"""
