"""Python examples in the documentation use names that the package has."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import pipeline
from tests.helpers.docs_pages import EXAMPLE, PAGES, fenced

CODE = [(page, code) for page in PAGES for code in fenced(page, "python")]


@pytest.mark.parametrize(
    ("page", "code"), CODE, ids=lambda value: getattr(value, "stem", "")
)
def test_python_example_is_valid(page: Path, code: str):
    tree = ast.parse(code)
    if code in dict(EXAMPLE.findall(page.read_text())).values():
        return  # test_adding.py runs it
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        target = ast.unparse(call.func)
        if target.startswith("pipeline."):
            function = getattr(pipeline, target.removeprefix("pipeline."))
            keywords = {keyword.arg: None for keyword in call.keywords}
            inspect.signature(function).bind(*call.args, **keywords)
