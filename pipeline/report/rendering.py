"""Templates and static files of the report, read from this package's folders.

In: names of files below `templates` and `static`. Out: Jinja2 templates, text. The
import closure hashes both folders, so that an edit makes the report stale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
)

from pipeline.report import formatting

TEMPLATES = Path(__file__).with_name("templates")
STATIC = Path(__file__).with_name("static")
SCRIPTS = ("base.js", "frontier.js", "charts.js", "page.js")  # in this order


@cache
def html_template(name: str, task: Path) -> Template:
    """Return a template whose values are escaped for HTML.

    Args:
        name: path below `templates`, such as `page.html.j2`.
        task: folder of the task's templates, whose paths begin with `task/`.
    """
    return _environment(task, autoescape=True).get_template(name)


@cache
def markdown_template(name: str, task: Path, escape: Callable[[Any], Any]) -> Template:
    """Return a template that passes every value through `escape`.

    Args:
        name: path below `templates`, such as `card.md.j2`.
        task: folder of the task's templates, whose paths begin with `task/`.
        escape: makes a value safe to print in Markdown.
    """
    return _environment(task, finalize=escape).get_template(name)


@cache
def static_text(name: str) -> str:
    """Return the text of a script or a style sheet.

    Args:
        name: name below `static`, such as `page.js`.
    """
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def page_script() -> str:
    """Return the script of the page: all of `SCRIPTS` in a scope of their own."""
    body = "\n".join(map(static_text, SCRIPTS))
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _environment(task: Path, **options: Any) -> Environment:
    own = PrefixLoader({"task": FileSystemLoader(task)})
    environment = Environment(
        loader=ChoiceLoader([own, FileSystemLoader(TEMPLATES)]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
    environment.filters |= formatting.FILTERS
    return environment
