"""The text of model_card.md, a Jinja2 template; `card` fills it in.

A Python module for the reason that `page_template` gives. A backslash at the end of
a line joins it with the next one: what is a paragraph here is one line there.
"""

CARD = """\
{% macro value(row, key) %}
{% if row[key] is defined and row[key] is not none %}{{ row[key] | accuracy }}\
{% else %}-{% endif %}
{% endmacro %}
{% macro recall(row, number) %}
{% if row.recall[number] is none %}not in test\
{% else %}{{ row.recall[number] | accuracy }}{% endif %}
{% endmacro %}
# {{ facts.title }}

{% if chosen %}
{{ chosen | name }}: {{ chosen.bytes_gzip | size }} gzip, {{ chosen.ratio | ratio }} \
smaller than the float baseline, {{ score.name }} {{ chosen[score.key] | accuracy }} \
on test \
({{ chosen | change(score) }} {{ score.unit }} against the baseline, 95 % interval \
{{ chosen | span_of(score) }}).

## Intended use

{% include "use" %}
It is meant for examples like those of \
{{ facts.spec.source }}; on others it has not been measured.

## Model

| | |
|---|---|
| file | `compress/best.tflite` |
| SHA-256 | `{{ best_hash }}` |
| recipe | {{ chosen | name }} |
| architecture | builder {{ model.builder }}, {{ pairs(model.values) }} |
{% if chosen.macs is defined and chosen.macs is not none %}
| MACs | {{ chosen.macs | number }} for one example |
{% endif %}
| weights | {{ model.weights | number }} before compression, \
{{ chosen.weights | number }} in the file, \
{{ "%.0f" | format(100 * chosen.sparsity) }} % of its kernels zero |
| tensors | {{ counts(chosen.tensor_dtypes) }} |
| operators | {{ counts(chosen.operators) }} |
| size | {{ chosen.bytes_raw | size }} raw, {{ chosen.bytes_gzip | size }} gzip -9 |
{% if chosen.latency_ms is not none %}
| latency | {{ chosen.latency_ms | latency }} median for one example\
{{ ", against the float baseline " ~ chosen.speed if chosen.speed }}; \
{{ facts.threads }}, \
{{ host.machine }}, {{ host.processors }} processors, {{ host.system }} |
{% endif %}
| parameters | all of them are in `report/index.html`, under Environment |

## How to feed it

{% if facts.spec.preprocess %}
`raw` is what the steps of `data/spec.json` make of the original: \
{{ facts.spec.preprocess | map(attribute="step") | join(", ") }}; \
`pipeline/data/features.py` applies them.
{% endif %}
Raw examples are {{ facts.spec.dtype }} of shape {{ facts.spec.shape | join("x") }}. \
{% if facts.spec.modality == "text" %}
They are word numbers, below {{ facts.spec.vocabulary }}: 0 is padding, 1 an unknown \
word, word k of `data/vocabulary.txt`, counted from 0, has number k. The file's input \
is {{ chosen.input.dtype }} and takes them as they are.
{% else %}
The model's input is `float32(raw) * {{ facts.spec.scale }} + {{ facts.spec.offset }}`.
{% if chosen.input.scale %}
The file's input is {{ chosen.input.dtype }}: divide by {{ chosen.input.scale }}, \
round, add {{ chosen.input.zero_point }}, clip to what {{ chosen.input.dtype }} holds, \
and only then cast; a cast alone would wrap round.
{% else %}
The file's input is {{ chosen.input.dtype }}, so that is all.
{% endif %}
{% endif %}
{% include "output" %}

```python
import numpy as np
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("compress/best.tflite")
model.allocate_tensors()
given, answer = model.get_input_details()[0], model.get_output_details()[0]


{% include "code" %}


def stored(raw):
    \"\"\"A raw example as the file takes it.\"\"\"
{% if facts.spec.modality == "text" %}
    return np.asarray(raw).astype(given["dtype"])
{% else %}
    values = np.float32(raw) * np.float32({{ facts.spec.scale }})
    values = values + np.float32({{ facts.spec.offset }})
    if np.issubdtype(given["dtype"], np.integer):
        scale, zero_point = given["quantization"]
        steps = values / np.float32(scale)
        rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point
        limits = np.iinfo(given["dtype"])
        values = np.clip(rounded, limits.min, limits.max)
    return values.astype(given["dtype"])
{% endif %}
```

{% else %}
No file keeps on validation to the budget of {{ limits }}, so there is no model to \
describe.
{% if nearest %}
The nearest miss is {{ nearest | name }}: {{ summary.missed | join("; ") }}. It has \
{{ nearest.bytes_gzip | size }} gzip and {{ nearest[score.key] | accuracy }} on test \
({{ nearest | change(score) }} {{ score.unit }}).
{% endif %}

{% endif %}
## Metrics

On {{ summary.examples | number }} test examples that no decision has seen. A \
change is against the float baseline, in {{ score.unit }}; intervals are at 95 %.

{% include "head" %}
{% for row in facts.rows if row[score.key] is not none %}
| {{ row | name }}{{ ", chosen" if row is sameas chosen }} \
| {{ row[score.key] | accuracy }} | {{ row[score.key ~ "_interval"] | span }} \
| {{ row | change(score) }} | {{ row | span_of(score) }} \
{% include "cells" %}
| {{ row.bytes_gzip | size }} | {{ row.bytes_raw | size }} |
{% endfor %}

{% include "notes" %}
{% if measured %}
| variant | top 5 | AUC | agreement | KL | McNemar p | NLL | Brier | ECE | \
ECE at its temperature | corrupted | attacked |
|---|---|---|---|---|---|---|---|---|---|---|---|
{% for row in measured %}
| {{ row | name }} | {{ value(row, "top5") | trim }} | {{ value(row, "auc") | trim }} \
| {{ row.agreement | accuracy }} | {{ row.kl | accuracy }} \
| {{ row.mcnemar | chance }} \
| {{ row.nll | accuracy }} | {{ row.brier | accuracy }} | {{ row.ece | accuracy }} \
| {{ row.ece_scaled | accuracy }} | {{ value(row, "corrupted_accuracy") | trim }} \
| {{ value(row, "attacked_accuracy") | trim }} |
{% endfor %}

KL is in nats from the float baseline; temperatures were fitted on validation; \
corrupted and attacked are mean accuracies on \
{{ (facts.extras.robustness or {}).get("examples", 0) | number }} test examples, \
attacks made on the Keras baseline.

{% endif %}
{% if chosen and chosen.recall is defined %}
{% if chosen.worst_class is defined %}
Of {{ chosen | name }} the worst class is \
{{ facts.spec.classes[chosen.worst_class] }}, the most changed \
{{ facts.spec.classes[chosen.most_changed_class] }}.

{% endif %}
| class | recall of the chosen file | of the baseline |
|---|---|---|
{% for label in facts.spec.classes %}
| {{ label }} | {{ recall(chosen, loop.index0) | trim }} \
| {{ recall(baseline, loop.index0) | trim }} |
{% endfor %}

{% endif %}
## Ledger

{% if ledger %}
| {{ ledger.name }} | {{ score.name }} on validation | gzip | raw | latency |
|---|---|---|---|---|
{% for step in ledger.steps %}
| {{ step.step }} | {{ step[score.key] | accuracy }} | {{ step.bytes_gzip | size }} \
| {{ step.bytes_raw | size }} | {% if step.latency_ms is not none %}\
{{ step.latency_ms | latency }}{% else %}-{% endif %} |
{% endfor %}
{% else %}
This run has none: compress wrote no state after each step of a recipe.
{% endif %}

## Data

{{ facts.spec.source }}: {{ data.examples.train | number }} training, \
{{ data.examples.validation | number }} validation and \
{{ data.examples.test | number }} test examples; {{ data.shared_between_splits }} \
examples stand in two splits, compared by content\
{% if common %} ({{ pairs(common) }}){% endif %}. {{ data.calibration }} training \
examples set the int8 ranges.

| file | SHA-256 |
|---|---|
{% for name, digest in facts.records.data.outputs.items()
   if name.endswith((".npy", ".npz", "spec.json")) %}
| `data/{{ name }}` | `{{ digest }}` |
{% endfor %}

## Limits

- The test examples come from the same source as the training examples.
- Training, search and choice were made once, from one seed; another seed gives other \
numbers.
- The choice was made on validation. An interval is of the test examples only; one of \
no width says that no answer changed, not that none can.
- Zeros make a file smaller to send (gzip), not smaller to keep (raw), nor faster.
{% for reason in (facts.extras.robustness or {}).get("absent", []) %}
- Not measured: {{ reason }}.
{% endfor %}
- Corruptions{{ " and attacks" if task.attacks is none }} are of the \
kinds listed in `evaluate/robustness.json`; others may hurt more.
- Latency is that of the host named above, not of a device.

## Reproduce

```sh
{{ command }}
```

Settings: {{ settings }}. Libraries: {{ libraries }}. The same machine, settings and \
libraries give the same bytes.
"""
