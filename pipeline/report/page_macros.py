"""What the sections of index.html have in common: Jinja2 macros.

A Python module for the reason that `page_template` gives.
"""

MACROS = """\
{%- macro picture(name, alt, caption, kind="plot") %}
{% if name in pictures %}
<figure>
  <div class="scrolled"><img class="{{ kind }}" src="{{ pictures[name] }}"
    alt="{{ alt }}"></div>
  <figcaption>{{ caption }}</figcaption>
</figure>
{% endif %}
{% endmacro %}

{#- A table: its rows are what calls it. Of a sortable one all columns but the first
    and the last can be sorted. #}
{%- macro table(label, heads, kind="") %}
<div class="scroll" role="region" aria-label="{{ label }}" tabindex="0">
<table{% if kind %} class="{{ kind }}"{% endif %}>
<thead><tr>{% for head in heads %}<th scope="col"
{%- if kind == "sortable" and not (loop.first or loop.last) %} data-sort{% endif %}>
{{- head }}</th>
{% endfor %}</tr></thead>
<tbody>
{{ caller() }}
</tbody>
</table>
</div>
{% endmacro %}

{#- A cell with a number; sorted by it, or last where there is none. #}
{%- macro cell(value, text, more="") %}
<td data-value="{{ value if value is not none }}">
{%- if value is none %}–{% else %}{{ text }}{% endif %}
{%- if more %}<small>{{ more }}</small>{% endif %}</td>
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
{%- if found %}<small>{{ found.value | moved(name) }}
{%- if found.interval %} ({{ found.interval[0] | moved(name) }} to
{{ found.interval[1] | moved(name) }}){% endif %}</small>{% endif %}
{%- endmacro %}

{%- macro counts_of(values) %}
{% for kind, count in values.items() %}{{ count }}
{{ kind }}{{ ", " if not loop.last }}{% endfor %}
{% endmacro %}

{%- macro absent(text) %}<p class="absent">{{ text }}</p>{% endmacro -%}
"""
