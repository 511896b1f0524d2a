"""Listed files as examples: decoded by all cores, in order, bad ones left out.

In: listed files, and a function that reads one. Out: stored examples with labels,
groups, extra targets and names. With `data.cache: shards`, what is decoded stays in
shards, which a later run of the stage finds after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_value
from pipeline.data.extra_targets import as_values
from pipeline.data.folders import BadFileError, LabelledFiles, shape_problem
from pipeline.data.parallel import BlockPlan, decoded_blocks
from pipeline.data.shards import MIN_EXAMPLE, ShardRows, example_bytes
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored, write_rows

ReadFile = Callable[[Any], np.ndarray]


def read_files(
    files: LabelledFiles, read: ReadFile, context: ReadContext, dtype: np.dtype
) -> dict[str, Any]:
    """Read every file, on all cores; bad ones are an error or left out.

    Args:
        files: what to read.
        read: one file -> one example, all of one shape; it raises `BadFileError`.
        context: the settings, and the receiver of bad examples.
        dtype: of the examples.

    Returns:
        The fields of `Examples` that do not depend on the kind of file, and the
        `positions` of the files that were read.

    Raises:
        UserError: when no file could be read, or for a bad example.
    """
    rows, kept = _copy(files, read, context, dtype)
    # A class of which no file could be read is none.
    labels = [files.labels[position] for position in kept]
    y, classes = context.class_numbers(labels)
    kinds = context.params.extra_targets
    return {
        "x": rows,
        "y": y,
        "classes": classes,
        "groups": None if files.groups is None else _select(files.groups, kept),
        "extra_targets": {
            name: as_values(files.extra_targets[name], kind)[kept]
            for name, kind in kinds.items()
        },
        "positions": kept,
        "names": _select([files.place(file) for file in files.paths], kept),
    }


def _copy(
    files: LabelledFiles, read: ReadFile, context: ReadContext, dtype: np.dtype
) -> tuple[Stored, np.ndarray]:
    """Return the examples, and the positions in `files` of those that were read."""
    shape = _first_shape(files, read, context)
    small = example_bytes(shape, dtype) < MIN_EXAMPLE
    compressed = context.compressed and not small
    plan = BlockPlan(
        read=read,
        error=BadFileError,
        shape=shape,
        mismatch=partial(shape_problem, expected=shape),
        dtype=dtype,
        folder=_block_folder(context, compressed),
        compressed=compressed,
    )
    writer = None if compressed else context.writer(shape, dtype)
    kept: list[int] = []
    shards: list[Path] = []
    for block in decoded_blocks(files.paths, plan, context.progress):
        for position, reason in block.bad.items():
            context.bad(files.place(files.paths[position]), reason, files.root)
        kept += block.kept
        if isinstance(block.rows, ShardRows):
            shards += block.rows.paths
        elif writer is not None and block.rows is not None:
            write_rows(block.rows, np.arange(len(block.rows)), writer)
            block.rows.remove()
    if writer is not None:
        writer.close()
    rows = ShardRows(*shards) if writer is None else writer.rows()
    return rows, np.array(kept)


def _first_shape(
    files: LabelledFiles, read: ReadFile, context: ReadContext
) -> tuple[int, ...]:
    """Return the shape of the first file that can be read, which all must have."""
    reasons = {}
    for file in files.paths:
        try:
            return read(file).shape
        except BadFileError as error:
            reasons[file] = str(error)
            if context.params.on_bad_example == "error":
                break
    for file, reason in reasons.items():
        context.bad(files.place(file), reason, files.root)
    raise UserError(f"{files.root}: no file could be read")


def _block_folder(context: ReadContext, compressed: bool) -> Path:
    """Return the folder of the blocks of a source, which shards keep after a crash."""
    root = context.resumable if compressed and context.resumable else context.scratch
    folder = root / f"decoded-{hash_value(context.source)[:12]}"
    folder.mkdir(exist_ok=True)
    return folder


def _select(values: list[str], kept: np.ndarray) -> np.ndarray:
    return np.array(values, dtype=str)[kept]
