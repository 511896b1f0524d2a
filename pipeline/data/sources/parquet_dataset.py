"""`parquet:FILE`: a table in Parquet; its columns have the roles of those of `csv:`."""

from __future__ import annotations

from pipeline.data.sources.csv_dataset import read

__all__ = ["read"]
