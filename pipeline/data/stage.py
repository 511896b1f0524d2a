"""data: from a source to a signature and disjoint splits.

In: a source. Out: spec.json, the splits, splits.npz, preview.png.
Run: python -m pipeline run data --exp digits
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data import preview
from pipeline.data.artifact import Split, write_split
from pipeline.data.examples import Examples
from pipeline.data.params import DataParams, reader_module
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.data.split import calibration, hash_examples, shared_hashes, split
from pipeline.engine.errors import UserError
from pipeline.engine.stage import Inputs


def run(params: DataParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Read, check, split and write."""
    inputs.progress(f"reading {params.source}")
    name = params.source.partition(":")[2]
    examples = importlib.import_module(reader_module(params.source)).read(name, params)
    _check(examples, params.source)
    places = split(examples, params.split, inputs.seed)
    spec = _spec(examples, params.source)
    write_spec(out, spec)
    parts = {key: Split(examples.x[at], examples.y[at]) for key, at in places.items()}
    for key, part in parts.items():
        write_split(out, key, part)
    chosen = calibration(parts["train"].y, params.calibration, inputs.seed)
    hashes = {key: hash_examples(part.x) for key, part in parts.items()}
    _write_splits(out, places, chosen, hashes)
    preview.draw(out / "preview.png", parts["train"], spec)
    return _metrics(parts, chosen, shared_hashes(hashes))


def _check(examples: Examples, source: str) -> None:
    if len(np.unique(examples.y)) < 2:
        raise UserError(f'data.source "{source}": holds one class; two are needed')


def _spec(examples: Examples, source: str) -> TaskSpec:
    return TaskSpec(
        name=source.partition(":")[2],
        source=source,
        shape=examples.x.shape[1:],
        dtype=str(examples.x.dtype),
        classes=examples.classes,
        scale=examples.scale,
        offset=examples.offset,
    )


def _write_splits(
    out: Path,
    places: dict[str, np.ndarray],
    chosen: np.ndarray,
    hashes: dict[str, np.ndarray],
) -> None:
    index = {f"{key}_index": value for key, value in places.items()}
    digests = {f"{key}_hash": value for key, value in hashes.items()}
    np.savez(out / "splits.npz", calibration=chosen, **index, **digests)


def _metrics(
    parts: dict[str, Split], chosen: np.ndarray, shared: int
) -> dict[str, Any]:
    counts = {key: len(part) for key, part in parts.items()}
    total = sum(counts.values())
    balance = {key: np.bincount(part.y).tolist() for key, part in parts.items()}
    doubles = f", {shared} examples in two of them" if shared else ""
    return {
        "headline": f"{total:,} examples, {len(parts)} disjoint splits{doubles}",
        "examples": counts,
        "calibration": len(chosen),
        "class_balance": balance,
        "shared_between_splits": shared,
    }
