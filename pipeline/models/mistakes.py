"""Mistakes in what a user asks of a model, and where they stand in the experiment.

The room of models knows a key as `values.activation` or `builder unet`, and not which
stage asks; whoever asks puts the rest in front:

    with told_as("distill."):
        registry.build(...)                # distill.values.activation: no "nope" ...
    with told_as("distill.teachers.0.model: "):
        load_model(path)                   # ... : nets/a.keras: there is no such file
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.core.errors import UserError


class Mistake(UserError):
    """Bad input whose text begins with a key below a stage's, or with a file."""


@contextmanager
def told_as(where: str) -> Iterator[None]:
    """Put `where` before what is wrong.

    Raises:
        Mistake: with it.
    """
    try:
        yield
    except Mistake as error:
        raise Mistake(f"{where}{error}") from error.__cause__
