"""The base of every typed section of an experiment file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Params(BaseModel):
    """A frozen section: unknown keys and wrong types are errors.

    A field made by `unhashed` says how to run, not what to compute: it can
    change without making a stage stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def hashed(self) -> dict[str, Any]:
        """The values that a stage's result depends on, ready for JSON."""
        values = self.model_dump(mode="json")
        return _without_unhashed(self, values)


def unhashed(default: Any, **settings: Any) -> Any:
    """A pydantic field that does not enter the fingerprint."""
    return Field(default, json_schema_extra={"hashed": False}, **settings)


def _without_unhashed(params: BaseModel, values: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, field in type(params).model_fields.items():
        if (field.json_schema_extra or {}).get("hashed") is False:
            continue
        inner = getattr(params, name)
        nested = isinstance(inner, BaseModel)
        kept[name] = _without_unhashed(inner, values[name]) if nested else values[name]
    return kept
