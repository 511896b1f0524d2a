"""The sections of index.html on where it all came from: search, learning, data.

Python text for the reason that `page_template` gives.
"""

SEARCH = """\
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
{% call table("Trials of the search", trials[0] | list) %}
{% for trial in trials %}
<tr{% if trial.trial == facts.best.trial | string %} class="chosen"{% endif %}>
{% for value in trial.values() %}<td>{{ value | short }}</td>{% endfor %}</tr>
{% endfor %}
{% endcall %}
</details>
"""

LEARNING = """\
<p>Baseline: {{ facts.records.train.metrics.headline }}.<br>
Student: {{ facts.records.distill.metrics.headline }}.</p>
{% if facts.extras.gain and facts.extras.gain.verdict is defined %}
<p>Distillation: {{ facts.extras.gain.verdict }}.</p>
{% endif %}
{% for key, label in (("replicates", "The baseline with other seeds"),
                      ("cross_validation", "The baseline in cross-validation")) %}
{% set found = facts.extras[key] %}
{% if found %}
<p>{{ label }}: {{ found[score.key] | length }} runs, {{ found.mean | accuracy }} on
validation in the mean, deviation {{ found.spread | accuracy }}, 95 % interval
{{ found.interval | span }}.</p>
{% endif %}
{% endfor %}
{% if charts.curves %}
<div class="controls" hidden><label>Show <select id="curves-of">
{% for column in curve_columns %}<option>{{ column }}</option>{% endfor %}
</select></label></div>
<figure>{% call chart("curves",
  "Loss and " ~ score.name ~ " of baseline and student in each epoch, on training and "
  "validation examples") %}
{%- for name in ("train", "distill") if name in pictures %}
<img class="plot" src="{{ pictures[name] }}" alt="Loss and {{ score.name }} of the
{{ "baseline" if name == "train" else "student" }} in each epoch">
{%- endfor %}
{% endcall %}
<figcaption>The float baseline is also the teacher. The student's training loss also
measures how well it imitates the teacher.</figcaption></figure>
{% else %}
{{ absent("The stages wrote no learning curves (train/history.csv).") }}
{% endif %}
"""

DATA = """\
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
{% if facts.spec.classes %}
<dt>Classes</dt><dd>{{ facts.spec.classes | join(", ") }}</dd>
{% endif %}
{% if facts.spec.target %}
<dt>Number</dt><dd>{{ facts.spec.target.name }}</dd>
{% endif %}
{% for split in ("train", "validation", "test") %}
<dt>{{ split | capitalize }}</dt><dd>{{ data.examples[split] | number }} examples,
{% if data.numbers is defined %}
{{ data.numbers[split].low | amount }} to {{ data.numbers[split].high | amount }}
{%- elif task.normal_classes %}
{{ data.class_balance[split] | last }} of them anomalies
{%- else %}
{{ data.class_balance[split] | min }} to {{ data.class_balance[split] | max }} a class
{%- endif %}
</dd>
{% endfor %}
<dt>Calibration</dt><dd>{{ data.calibration }} of the training examples</dd>
</dl>
<div class="row">
{{ picture("data", "Training examples", "Training examples.", "photo") }}
{{ picture("augment", "Training examples and augmented versions of each",
  "Augmentation: " ~ facts.records.augment.metrics.headline ~
  ". Originals in the first column.", "photo") }}
</div>
"""

ENVIRONMENT = """\
<dl class="facts">
<dt>Machine</dt><dd>{{ host.machine }}, {{ host.processors }} processors,
{{ host.system }}</dd>
{% if host.git is defined and host.git %}
<dt>Code</dt><dd>commit <code>{{ host.git.commit }}</code>
{%- if host.git.dirty %}, with uncommitted changes{% endif %}</dd>{% endif %}
<dt>Settings</dt><dd>{{ settings }}</dd>
<dt>Libraries</dt><dd>{{ libraries }}</dd>
</dl>
{% call table("Stages", ["Stage", "Fingerprint", "Started", "Took", "Result"],
  "flow") %}
{% for stage, record in facts.records.items() %}
<tr><th scope="row">{{ stage }}</th><td><code>{{ record.fingerprint[:16] }}</code></td>
<td>{{ record.run.started }}</td><td>{{ "%.1f" | format(record.run.seconds) }} s</td>
<td class="words">{{ record.metrics.headline }}</td></tr>
{% endfor %}
{% endcall %}
<details><summary>SHA-256 of every published file, for <code>sha256sum -c</code>
</summary>
<pre tabindex="0">{{ checksums }}</pre></details>
<details><summary>Parameters of every stage</summary>
<pre tabindex="0">{{ parameters }}</pre></details>
"""
