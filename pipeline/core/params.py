"""Base class of the typed sections of an experiment file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from pipeline.core.errors import UserError


class Params(BaseModel):
    """An immutable section: unknown keys and wrong types are errors.

    A field created with `unhashed` controls how a stage runs, not what it computes:
    changing it does not make the stage stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def hashed(self) -> dict[str, Any]:
        """Return the values that the result of a stage depends on.

        Returns:
            Field name -> value, ready for JSON, without the fields of `unhashed`.
        """
        return _without_unhashed(self, self.model_dump(mode="json"))


@contextmanager
def as_validation_error() -> Iterator[None]:
    """Turn a `UserError` into the `ValueError` that pydantic collects.

    Raises:
        ValueError: with the text of the `UserError`.
    """
    try:
        yield
    except UserError as error:
        raise ValueError(str(error)) from None


def unhashed(default: Any, **settings: Any) -> Any:
    """Declare a pydantic field that is not part of the fingerprint.

    Args:
        default: the default value of the field.
        **settings: further arguments of `pydantic.Field`, such as `ge=1`.

    Returns:
        The field, to be assigned to an annotated name in a subclass of `Params`.
    """
    return Field(default, json_schema_extra={"hashed": False}, **settings)


def _without_unhashed(params: BaseModel, values: dict[str, Any]) -> dict[str, Any]:
    hashed = {}
    for name, field in type(params).model_fields.items():
        if not _is_hashed(field):
            continue
        section = getattr(params, name)
        nested = isinstance(section, BaseModel)
        value = values[name]
        hashed[name] = _without_unhashed(section, value) if nested else value
    return hashed


def _is_hashed(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return not (isinstance(extra, dict) and extra.get("hashed") is False)
