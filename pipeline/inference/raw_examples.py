"""Raw examples of one input of `predict`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.core.json_io import read_json
from pipeline.data.artifact import Data
from pipeline.data.sources.params import ColumnParams, LimitParams
from pipeline.data.sources.series_params import SeriesParams


@dataclass(frozen=True)
class RawExamples:
    """Raw examples of one input.

    Args:
        source: the file, or a word for an array in memory; names errors.
        names: of the examples, such as `mine.csv:2`.
        raw: `(n, ...)`, before the preprocessing of spec.json.
        notes: sentences about the file that the user should read.
        facts: per example, what was read beside it, such as times; empty for none.
    """

    source: str
    names: list[str]
    raw: np.ndarray
    notes: tuple[str, ...] = ()
    facts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class ReadSettings:
    """How the data stage read its source.

    Args:
        columns: roles and notation of columns.
        limits: bounds on what is decompressed.
        group: name of the column with groups; None without.
        targets: names of extra targets.
        series: windows of series.
    """

    columns: ColumnParams
    limits: LimitParams
    group: str | None
    targets: tuple[str, ...]
    series: SeriesParams


def read_settings(data: Data) -> ReadSettings:
    """Return the settings that the data stage recorded."""
    values = read_json(data.folder / "params.json")
    return ReadSettings(
        ColumnParams.model_validate(values.get("columns", {})),
        LimitParams.model_validate(values.get("limits", {})),
        values.get("split", {}).get("group"),
        tuple(values.get("extra_targets", {})),
        SeriesParams.model_validate(values.get("series", {})),
    )
