"""The sections of index.html on what was chosen, among what, and why.

Python text for the reason that `page_template` gives.
"""

VERDICT = """\
{% if chosen %}
<section class="verdict" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">Chosen: {{ chosen | name }}</h2>
<p class="lead">{% if chosen.id == baseline.id %}No smaller file keeps to the budget:
the baseline itself is what is left. {% else %}
{{ chosen.ratio | ratio }} smaller than the float baseline, at
{{ chosen | change(score) }}{{ " " ~ score.unit if score.unit != score.name }} of test
{{ score.name }}.
{{ chosen | reading }}{% endif %}
{% if chosen.drop > facts.pareto.budget.max_drop %}<span class="warn">On test that is
more than the {{ allowed }} allowed on validation.</span>{% endif %}</p>
<dl class="figures">
{{ figure("Size", chosen.bytes_gzip | size,
          "gzip -9; " ~ (chosen.bytes_raw | size) ~ " raw") }}
{{ figure("Smaller than the float baseline", chosen.ratio | ratio,
          "from " ~ (baseline.bytes_gzip | size) ~ " gzip") }}
{{ figure("Test " ~ score.name, chosen[score.key] | accuracy,
          (chosen | change(score)) ~ " " ~ score.unit ~ ", 95 % interval " ~
          (chosen | span_of(score))) }}
{% if chosen.latency_ms is not none %}
{{ figure("Latency, one example", chosen.latency_ms | latency,
          "median, " ~ facts.threads ~ "; baseline " ~ (baseline.latency_ms | latency) ~
          ("; " ~ chosen.speed if chosen.speed)) }}
{% endif %}
{% if chosen.flips_worse is defined %}
{{ figure("Answers that changed", chosen.flips_worse + chosen.flips_better,
          (chosen.flips_worse ~ " to wrong, " ~ chosen.flips_better ~
           " to right") ~ ("; McNemar p " ~ (chosen.mcnemar | chance)
           if chosen.mcnemar is defined else "")) }}
{% endif %}
{% if chosen.mae is defined %}
{{ figure("Mean absolute error", chosen.mae | amount, "in " ~ facts.spec.target.name ~
          "; baseline " ~ (baseline.mae | amount)) }}
{% endif %}
{% if chosen.found is defined and chosen.found is not none %}
{{ figure("Anomalies found", chosen.found | accuracy, "with " ~
          (chosen.false_alarms | accuracy) ~ " of the normal examples taken for one") }}
{% endif %}
{% if chosen["corrupted_" ~ score.key] is defined
   and chosen["corrupted_" ~ score.key] is not none %}
{{ figure("When corrupted", chosen["corrupted_" ~ score.key] | accuracy, "mean " ~
          score.name ~ "; baseline " ~ (baseline["corrupted_" ~ score.key] | accuracy))
}}
{% endif %}
</dl>
<p class="soft">The smallest file that keeps on validation to {{ limits }}; a drop
counts at the upper end of its paired 95 % interval.
It is <code>compress/best.tflite</code>, SHA-256 <code>{{ best_hash }}</code>; how to
feed it is in <a href="model_card.md">model_card.md</a>. Reproduce it with</p>
{% else %}
<section class="verdict none" id="verdict" aria-labelledby="verdict-title">
<h2 id="verdict-title">No file meets the budget</h2>
<p class="lead">Allowed on validation: {{ limits }}.
{% if nearest %}The nearest miss is <strong>{{ nearest | name }}</strong>:
{{ summary.missed | join("; ") }}. It has {{ nearest.bytes_gzip | size }} gzip and
{{ nearest[score.key] | accuracy }} on test ({{ nearest | change(score) }}
{{ score.unit }}).{% endif %}</p>
{% endif %}
<div class="copy"><pre tabindex="0"><code id="command">{{ command }}</code></pre>
<button id="copy" type="button" hidden>Copy</button></div>
</section>
"""

FRONTIER = """\
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
<figcaption>{{ score.title }} of each exported file on the
{{ summary.examples | number }} test examples, with 95 % intervals. The line joins the
files that no other beat on validation, where all choices were made; on test they need
not stay in order; pale ones are dominated. A triangle stands for a file that lies
further below than is drawn, at the number beside it. A point tells its recipe and leads
to its row, under the mouse or, with the keyboard, by Tab and Enter.</figcaption>
</figure>
"""

VARIANTS = """\
<p class="soft">Every exported file, smallest first. What is chosen or dominated is so
on validation. A change is of test {{ score.name }}, against the float baseline;
intervals are at 95 %, of the change by paired bootstrap.</p>
{% set flipped = baseline.flips_worse is defined %}
{% call table("Variants", ["Variant", "Validation", "Test " ~ score.name,
   "Change, " ~ score.unit] + (["Flipped"] if flipped else []) +
   ["gzip", "raw", "Smaller", "Latency", "Note"], "sortable") %}
{% for row in facts.rows %}
<tr id="variant-{{ row.id }}"
    {%- if row is sameas chosen %} class="chosen"
    {%- elif row.dominated %} class="pale"{% endif %}>
<th scope="row">
{%- if row[score.key] is not none %}
<a href="#detail-{{ row.id }}">{{ row | name }}</a>
{%- else %}{{ row | name }}{% endif %}</th>
{% set known = row["validation_" ~ score.key] %}
{{ cell(known, known | accuracy if known is not none) }}
{% if row[score.key] is not none %}
{{ cell(row[score.key], row[score.key] | accuracy, row[score.key ~ "_interval"] | span)
}}
{{ cell(-row.drop, row | change(score), row | span_of(score)) }}
{% if flipped %}
{{ cell(row.flips_worse, row.flips_worse ~ " to wrong", row.flips_better ~ " to right")
}}
{% endif %}
{% else %}<td>–</td><td>–</td>{% if flipped %}<td>–</td>{% endif %}{% endif %}
{% if row.file %}
{{ cell(row.bytes_gzip, row.bytes_gzip | size) }}
{{ cell(row.bytes_raw, row.bytes_raw | size) }}
{{ cell(row.ratio, row.ratio | ratio) }}
{% else %}<td>–</td><td>–</td><td>–</td>{% endif %}
{{ cell(row.latency_ms, row.latency_ms | latency if row.latency_ms is not none,
        row.speed or "") }}
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
{% endcall %}
<h3>All that was measured, file by file</h3>
{% for row in facts.rows if row[score.key] is not none %}
<details class="variant" id="detail-{{ row.id }}"><summary>{{ row | name }}</summary>
<div class="pair">
<dl class="facts">
<dt>Test {{ score.name }}</dt><dd>{{ row[score.key] | accuracy }},
95 % {{ row[score.key ~ "_interval"] | span }}</dd>
<dt>Change</dt>
<dd>{{ row | change(score) }} {{ score.unit }}, {{ row | span_of(score) }}</dd>
{% for key, label in metrics.items() if row[key] is defined and row[key] is not none %}
<dt>{{ label }}</dt><dd>{{ row[key] | measured(key) }}{{ moved(row, key) }}</dd>
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
<dt>Tensors</dt><dd>{{ counts_of(row.tensor_dtypes) }}</dd>
<dt>Operators</dt><dd>{{ counts_of(row.operators) }}</dd>
</dl>
</div>
</details>
{% endfor %}
"""

LEDGER = """\
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
<figure>{{ chart("ledger", "Size and validation " ~ score.name ~ " after each step of "
  "a recipe, from the float baseline; the numbers are in the table below") }}
<figcaption>Each bar is the file after one more step, the pale part what the step took
away (red: added); above, {{ score.name }} on validation.</figcaption></figure>
<details><summary>The ledger of every variant</summary>
{% call table("Ledger", ["Variant", "Step", score.title, "gzip", "raw", "Latency"]) %}
{% for one in charts.ledger.variants %}{% for step in one.steps %}
<tr><th scope="row">{{ one.name if loop.first }}</th><td>{{ step.step }}</td>
<td>{{ step[score.key] | accuracy }}</td><td>{{ step.bytes_gzip | size }}</td>
<td>{{ step.bytes_raw | size }}</td>
<td>{% if step.latency_ms is not none %}{{ step.latency_ms | latency }}
{%- else %}–{% endif %}</td></tr>
{% endfor %}{% endfor %}
{% endcall %}
</details>
{% else %}
{{ absent("This run's compress stage wrote no ledger of its steps "
          "(compress/ledger.json).") }}
{% endif %}
"""
