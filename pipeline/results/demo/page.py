"""demo.html: one file without network access that runs the model in a browser.

In: an experiment's content, and the runtime. Out: the text of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.report import formatting
from pipeline.report.security_policy import security_policy
from pipeline.results.demo.content import packed
from pipeline.results.demo.runtime import Runtime

FOLDER = Path(__file__).parent
SCRIPTS = ("pixels.js", "model.js", "drawing.js", "page.js")  # in this order


def render(content: Mapping[str, Any], runtime: Runtime) -> str:
    """Render the page.

    Args:
        content: as `content_of` returns it.
        runtime: the files of LiteRT for WebAssembly.
    """
    script = _script()
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("demo.html.j2").render(
        content=content,
        size=formatting.size(content["bytes"]),
        policy=policy(script),
        script=script,
        style=_static("demo.css"),
        runtime={
            "version": runtime.version,
            "script": packed(runtime.script),
            "binary": packed(runtime.binary),
        },
    )


def policy(script: str) -> str:
    """Return the Content-Security-Policy: this script and the runtime, no network.

    Args:
        script: the page's own script, between the line breaks that enclose it.
    """
    runtime = "blob: 'wasm-unsafe-eval'"
    return security_policy(script, scripts=runtime, images="data: blob:")


def _script() -> str:
    body = "\n".join(map(_static, SCRIPTS))
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _static(name: str) -> str:
    return (FOLDER / "static" / name).read_text(encoding="utf-8")
