"""Typed rows of pareto.json: a variant as measured, and as compared.

In: measurements of one variant. Out: `VariantRow`, and `Point`, which adds the
comparison with the float baseline. Both are read from and written as JSON objects whose
keys are the fields, with those of `metrics` beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

Interval = list[float]  # low and high end
Parity = dict[str, float]
OtherDrops = dict[str, list[float | None]]  # key -> drop, low and high end


@dataclass(frozen=True)
class VariantRow:
    """Measurements of one variant; those of a variant without a file are None.

    Args:
        id: name of the variant and of its file.
        source: `baseline` or `student`.
        recipe: canonical text of the recipe.
        status: `ok`; `broken`, when the file is not what the recipe claims; `failed`,
            without a file; `screened`, stopped before the last rung.
        reason: why the status is not `ok`.
        file: path of the file in the published folder.
        left_out: `technique: layer (class)` for each layer that a technique left out.
        metrics: key of the task's metric -> its value on validation, and whatever else
            the task fixes there for each file, such as a threshold.
        bytes_raw, bytes_gzip: size of the .tflite file in bytes, and after gzip -9.
        bytes_flash: bytes of the file as the target stores it.
        device_file: path of that file in the published folder; None where it is `file`.
        weights: number of stored parameters.
        sparsity: fraction of the kernels' values that is exactly zero.
        distinct_weights: largest number of distinct values in one kernel.
        per_channel: True when a kernel has one scale per output channel.
        macs: multiply-accumulates per example; None as well where a loop decides.
        arena_bytes: bytes of the arena that the file needs.
        estimated: those of `flash` and `arena` that were not measured.
        device: whatever else was measured on the target: `refused`, why it does not run
            the float baseline; `head` and `tail` of the arena; `peak`, the operator
            that needs most; `parity` with LiteRT.
        parity: `largest`, the maximum difference between file and model in units of the
            largest output, and for classes `agreement`, the fraction of equal
            predictions.
        tensor_dtypes: number of tensors per dtype.
        operators: number of operators per kind.
        float_operators: names of the operators that compute in float.
    """

    id: str
    source: str
    recipe: str
    status: str
    reason: str | None = None
    file: str | None = None
    left_out: list[str] = field(default_factory=list)
    metrics: dict[str, float | None] = field(default_factory=dict)
    bytes_raw: int | None = None
    bytes_gzip: int | None = None
    bytes_flash: int | None = None
    device_file: str | None = None
    weights: int | None = None
    sparsity: float | None = None
    distinct_weights: int | None = None
    per_channel: bool | None = None
    macs: int | None = None
    arena_bytes: int | None = None
    estimated: list[str] = field(default_factory=list)
    device: dict[str, Any] = field(default_factory=dict)
    parity: Parity | None = None
    tensor_dtypes: dict[str, int] = field(default_factory=dict)
    operators: dict[str, int] = field(default_factory=dict)
    float_operators: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Source and recipe, as printed: `student | prune(0.6) | pqat`."""
        return f"{self.source} | {self.recipe}"

    @property
    def refused(self) -> str | None:
        """Why the target does not run the file; None if it does."""
        reason: str | None = self.device.get("refused")
        return reason

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, with the metrics beside the other fields."""
        own = {name: getattr(self, name) for name in _names(type(self))}
        return {**own, **self.metrics}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Rebuild a row from its JSON object.

        Args:
            row: at least `id`, `source`, `recipe` and `status`; keys that are no field
                become metrics.
        """
        names = _names(cls)
        own = {name: row[name] for name in names if name in row}
        metrics = {key: value for key, value in row.items() if key not in names}
        return cls(**own, metrics=metrics)


@dataclass(frozen=True)
class Point(VariantRow):
    """A row of pareto.json: a variant, compared with the float baseline.

    Args:
        drop: loss of the metric, positive where the variant is worse.
        drop_interval: paired 95 % interval of the drop; None where it is undefined.
        dominated: True when another variant is nowhere worse and somewhere better, and
            for every variant that is not `ok`.
        other_drops: losses of other metrics that the budget limits: key -> drop, low
            and high end of its paired interval; default none.
        beaten_by: recipe with the first steps of this one alone, and the same kind of
            file, that is clearly better on validation; empty (default) for none.
    """

    drop: float | None = None
    drop_interval: Interval | None = None
    dominated: bool = False
    other_drops: OtherDrops = field(default_factory=dict)
    beaten_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; `other_drops` and `beaten_by` only where set."""
        values = super().to_json()
        for name in ("other_drops", "beaten_by"):
            if not values[name]:
                del values[name]
        return values

    @property
    def upper_drop(self) -> float:
        """The upper end of the drop's interval, or the drop where there is none.

        Raises:
            ValueError: for a variant without a file.
        """
        if self.drop is None:
            raise ValueError(f"{self.id}: no drop was measured")
        if self.drop_interval is None:
            return self.drop
        return max(self.drop_interval[1], self.drop)


def points_of(pareto: Mapping[str, Any]) -> list[Point]:
    """Read the points of a pareto.json document.

    Args:
        pareto: content of the file.
    """
    return [Point.from_json(row) for row in pareto["points"]]


def _names(kind: type[VariantRow]) -> list[str]:
    return [item.name for item in fields(kind) if item.name != "metrics"]
