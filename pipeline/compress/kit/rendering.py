"""Templates of the kit, read from this package's folder.

In: a template and its values. Out: C, C++, make, CMake or Markdown source without a
date, so that equal values give equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.compress.kit import c_text

TEMPLATES = Path(__file__).with_name("templates")
BLANK_LINES = re.compile(r"\n{3,}")


def render(name: str, values: Mapping[str, Any]) -> str:
    """Return the text of a template; of several blank lines one is left.

    Args:
        name: file name below `templates`, without `.j2`.
        values: variables of the template.
    """
    text = _environment().get_template(f"{name}.j2").render(values)
    return BLANK_LINES.sub("\n\n", text).rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"float32": c_text.float32, "comment": c_text.comment}
    return environment
