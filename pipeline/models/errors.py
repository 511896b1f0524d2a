"""Errors about models, and the experiment key that caused them.

This package names a key as `values.activation` or `builder unet` and does not know
which stage called it. The caller adds the missing prefix:

    with error_prefix("distill."):
        registry.build(...)                # distill.values.activation: no "nope" ...
    with error_prefix("distill.teachers.0.model: "):
        load_model(path)                   # ... : nets/a.keras: there is no such file
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.core.errors import UserError


class ModelError(UserError):
    """Invalid input about a model; the message starts with a stage's key or a file."""


@contextmanager
def error_prefix(prefix: str) -> Iterator[None]:
    """Prepend `prefix` to the message of every `ModelError` raised inside.

    Args:
        prefix: text such as `tune.`, including its punctuation.

    Raises:
        ModelError: the same error with the longer message.
    """
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{prefix}{error}") from error.__cause__
