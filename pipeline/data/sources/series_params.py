"""The section `data.series`: columns and windows of numbers over time."""

from __future__ import annotations

from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params
from pipeline.core.wording import repeated

MAX_STEPS = 100_000


class SeriesParams(Params):
    """Roles of the columns of a table over time, and windows of its rows.

    An example is a window of past rows; its target is the next `horizon` rows. Every
    column of the table must be named here or in `data.columns.ignore`.

    Args:
        time: column of the time: dates as `2026-01-31`, `2026-01` or
            `2026-01-31 13:00`, with or without an offset, or plain numbers.
        format: how times are written otherwise, as for Python's `strptime`, such as
            `%d.%m.%Y`; null reads the forms above.
        timezone: such as `Europe/Berlin`: times are local times of it, with daylight
            saving; null takes times without an offset as UTC.
        id: column of the name of a series, where a table holds several.
        targets: columns to predict.
        observed: inputs that are known up to the present only, such as measurements.
        known: inputs that are known in advance, such as a calendar or a plan; the model
            gets their values up to the end of the horizon.
        label: column of the class of a row, for tasks with classes, such as anomaly
            detection: an example is a window, its class is that of its last row, and
            nothing is predicted; null otherwise.
        delays: observed column -> steps after its time at which a value is known; the
            model gets older values then.
        window: past steps that a model gets.
        horizon: steps to predict.
        season: steps of a season: a forecast is compared with the same step of the last
            season; 1 compares with the last value.
        stride: steps from one example to the next.
        gap: steps between the targets of one split and of the next; null is the
            horizon, or the window where rows have a label.
        gaps: a missing row or number is an error (`error`), ends a series (`split`), or
            is filled with the last value in inputs, and never predicted (`fill`).
        anchor: what targets and their past are relative to, in each example: the `mean`
            or the `last` value of its window, for series whose level drifts away from
            that of training; `none` keeps their level.
        quantiles: levels to predict with `loss: quantile`, such as `[0.1, 0.5, 0.9]`,
            whose outer ones are an interval; empty predicts one number.
    """

    time: str = "time"
    format: str | None = None
    timezone: str | None = None
    id: str | None = None
    targets: list[str] = Field(default=["value"], min_length=1)
    observed: list[str] = Field(default=[])
    known: list[str] = Field(default=[])
    label: str | None = None
    delays: dict[str, int] = Field(default={})
    window: int = Field(default=48, ge=1, le=MAX_STEPS)  # two days of hours
    horizon: int = Field(default=12, ge=1, le=MAX_STEPS)
    season: int = Field(default=1, ge=1, le=MAX_STEPS)  # no season unless stated
    stride: int = Field(default=1, ge=1, le=MAX_STEPS)  # all examples there are
    gap: int | None = Field(default=None, ge=0, le=MAX_STEPS)
    gaps: Literal["error", "split", "fill"] = "error"  # may be a fault of the file
    anchor: Literal["none", "mean", "last"] = "none"
    quantiles: list[float] = Field(default=[])  # an interval costs outputs

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of numbers that are read, in the order of the model's input."""
        return (*self.targets, *self.observed, *self.known)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the model's inputs; a known column also ends with the horizon."""
        ahead = (f"{name} +{self.horizon}" for name in self.known)
        return (*self.names, *ahead)

    @property
    def between(self) -> int:
        """Steps between the targets of one split and of the next."""
        default = self.window if self.label else self.horizon
        return default if self.gap is None else self.gap

    @property
    def ahead(self) -> int:
        """Steps after a window that belong to its example."""
        return 0 if self.label else self.horizon

    @property
    def history(self) -> int:
        """Steps before the first target of an example."""
        return self.window if self.label else max(self.window, self.season)

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f'no time zone "{name}"; a name is such as Europe/Berlin or UTC'
            ) from None
        return name

    @field_validator("quantiles")
    @classmethod
    def _are_levels(cls, levels: list[float]) -> list[float]:
        inside = all(0 < level < 1 for level in levels)
        if levels and (not inside or 0.5 not in levels or levels != sorted({*levels})):
            raise ValueError(
                "levels are between 0 and 1, ascending, with the median 0.5, such as "
                "[0.1, 0.5, 0.9]"
            )
        return levels

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        single = [name for name in (self.id, self.label) if name]
        roles = (self.time, *single, *self.names)
        if twice := repeated(roles):
            raise ValueError(
                f'column "{twice[0]}" has two roles of time, id, label, targets, '
                "observed and known; a target is not known in advance, and its past "
                "is an input without being named"
            )
        for name, steps in self.delays.items():
            if name in self.known:
                raise ValueError(
                    f'"{name}" is known in advance and has a delay of {steps} steps: '
                    "it would be used before its time; move it to observed"
                )
            if name not in self.observed or not 0 <= steps <= MAX_STEPS:
                raise ValueError(
                    f'delays: "{name}: {steps}" must be an observed column and steps '
                    "from 0"
                )
        if self.label and (self.known or self.quantiles):
            raise ValueError(
                "label classifies windows, and predicts nothing: leave known and "
                "quantiles out; a column known in advance can be observed"
            )
        if self.known and self.window < self.horizon:
            raise ValueError(
                f"window ({self.window}) must be at least the horizon "
                f"({self.horizon}), because known columns end with it"
            )
        return self
