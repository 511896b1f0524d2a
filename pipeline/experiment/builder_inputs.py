"""The data that a builder can process, from its text, before any stage.

In: a builder's name and the section `data`. Out: an error where the builder would
refuse the data after the data stage. Builders are read, not imported; of a builder of
the user's own, and of a source whose header does not tell its shape, nothing is known.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import modality_of
from pipeline.experiment.builder_rules import module_file
from pipeline.experiment.source_shapes import Shape, example_shape
from pipeline.models import catalogue
from pipeline.tasks.registry import get

MIN_SIDE = 4  # default of `pipeline.models.input_output.is_image`


@dataclass(frozen=True)
class Needs:
    """The input of a builder.

    Args:
        test: name of the function that checks it, such as `is_image`; `no_tokens`.
        words: the input in words.
        side: minimum height and width, for images.
    """

    test: str
    words: str
    side: int = MIN_SIDE

    def accepts(self, modality: str | None, shape: Shape | None) -> bool:
        """Return False if data are known not to fit."""
        if modality == "text" or self.test == "is_tokens":
            fits = {"is_tokens": ("text",), "is_sequence": ("text",)}
            return modality is None or modality in fits.get(self.test, ())
        if self.test != "is_image":
            return True
        if shape is None:
            return modality != "table"
        return len(shape) == 3 and min(shape[:2]) >= self.side


def check_inputs(experiment: Any) -> None:
    """Refuse a builder that cannot process the examples of the source.

    Args:
        experiment: its checked values.

    Raises:
        UserError: names the builder, what it needs, what the data are, and a builder
            that fits.
    """
    data, distill = experiment.data, experiment.distill
    named = [("tune.builder", name) for name in experiment.tune.families]
    key = "distill.search.builders" if distill.search else "distill.builder"
    named += [(key, name) for name in distill.named_builders]
    modality, shape = _examples(data)
    for key, name in named:
        needs = needs_of(name)
        if needs is not None and not needs.accepts(modality, shape):
            raise UserError(
                f"{key}: {name} needs {needs.words}; {data.source} holds "
                f"{_described(modality, shape)}; set {key} to a builder for them, such "
                f"as {get(data.task).builder_for(modality)}"
            )


def needs_of(builder: str) -> Needs | None:
    """Return what a builder requires of its input; None where it is not known.

    Args:
        builder: `family`, `family:preset` or `module:function`.
    """
    choice = catalogue.parse(builder)
    path = None if choice.is_custom else module_file(choice.module)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    required = (c for c in calls if getattr(c.func, "id", "") == "require_input")
    return next((_needs(call) for call in required), None)


def _needs(call: ast.Call) -> Needs | None:
    """Read `require_input(family, spec, words, is_image(spec, 8))`."""
    _, _, words, fits = call.args[:4]
    if isinstance(fits, ast.UnaryOp):
        return Needs("no_tokens", "numbers, not texts")
    name = getattr(getattr(fits, "func", None), "id", "")
    usual = {"is_image": "images", "is_tokens": "texts", "is_sequence": "sequences"}
    if not isinstance(fits, ast.Call) or name not in usual:
        return None
    side = ast.literal_eval(fits.args[1]) if len(fits.args) > 1 else MIN_SIDE
    text = words.value if isinstance(words, ast.Constant) else usual[name]
    return Needs(name, str(text), side)


def _examples(data: DataParams) -> tuple[str | None, Shape | None]:
    """Modality and shape of the examples, as far as headers tell."""
    modality, shape = modality_of(data.source), example_shape(data)
    if data.tokens:
        return "text", shape
    if modality is None and shape is not None and len(shape) < 3:
        return "table", shape
    return modality, shape


def _described(modality: str | None, shape: Shape | None) -> str:
    names = {"table": "rows of numbers", "text": "texts", "audio": "clips"}
    words = names.get(modality or "", "examples")
    return f"{words} of shape {shape}" if shape else words
