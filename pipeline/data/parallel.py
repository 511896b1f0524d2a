"""Files decoded by all cores, in blocks; what comes out does not depend on the cores.

In: files, and a function that reads one. Out: blocks of examples in the order of the
files, with the positions of those that were read and the reasons of the others. A block
is read by a process of its own, because Python decodes in one thread at a time.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from pipeline.core.errors import StageFailed
from pipeline.core.json_io import read_json, write_json
from pipeline.data.rows import Rows, RowWriter
from pipeline.data.shards import ShardRows, ShardWriter
from pipeline.engine.workers.pool import Pool

BLOCK, MIN_BLOCK = 2_048, 256  # files that one process decodes
BLOCKS = 16  # into which a small number of files is divided
AHEAD = 2  # blocks per core that may wait for an earlier one


@dataclass(frozen=True)
class BlockPlan:
    """How a block of files is decoded and stored.

    Args:
        read: file -> an example; it raises `error`.
        error: class of the errors that make a file a bad example.
        shape: of every example; another one is an error of `mismatch`.
        mismatch: shape of an example -> why it is bad.
        dtype: of the examples.
        folder: for the blocks.
        compressed: True stores shards, which a later run finds again.
    """

    read: Callable[[Any], np.ndarray]
    error: type[Exception]
    shape: tuple[int, ...]
    mismatch: Callable[[tuple[int, ...]], str]
    dtype: np.dtype
    folder: Path
    compressed: bool

    def path(self, number: int) -> Path:
        """Return the path of a block; of shards, without an extension."""
        suffix = "" if self.compressed else ".npy"
        return self.folder / f"block-{number:06d}{suffix}"


@dataclass(frozen=True)
class Block:
    """Decoded files.

    Args:
        rows: the examples.
        kept: positions of their files among all files.
        bad: position of a file -> why it holds no example.
    """

    rows: Rows | ShardRows | None
    kept: list[int]
    bad: dict[int, str]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def block_size(count: int) -> int:
    """Return the files per block, which depends on their number alone.

    Args:
        count: number of all files.
    """
    return min(BLOCK, max(MIN_BLOCK, count // BLOCKS))


def decoded_blocks(
    files: Sequence[Any], plan: BlockPlan, progress: Callable[..., None]
) -> Iterator[Block]:
    """Decode files, and yield their blocks in order.

    Args:
        files: all files.
        plan: how to decode and store them. Blocks of shards that an earlier run has
            finished in the same folder are not decoded again.
        progress: shows the number of finished files, and the time that is left.

    Raises:
        StageFailed: when the process of a block fails.
    """
    size = block_size(len(files))
    numbers = range(-(-len(files) // size))
    clock = _Clock(len(files), progress)
    done = {k for k in numbers if plan.compressed and _facts(plan.path(k)).exists()}
    waiting = deque(k for k in numbers if k not in done)
    decode = partial(_decode, files, plan)
    team = _Team(decode, waiting, cores()) if len(waiting) > 1 else None
    try:
        for number in numbers:
            if team and number not in done:
                team.finish(number)
            elif number not in done:
                decode(number)
            clock.show(min(len(files), (number + 1) * size), number in done)
            yield _load(plan, number)
    finally:
        if team:
            team.pool.close()


class _Team:
    """Processes that decode blocks, a little ahead of the block that is needed.

    Args:
        decode: decodes the block of a number.
        waiting: numbers of the blocks to decode, in order.
        workers: number of processes.
    """

    def __init__(
        self, decode: Callable[[int], None], waiting: deque[int], workers: int
    ):
        self.decode, self.waiting = decode, waiting
        self.pool, self.ready = Pool(workers), set[int]()

    def finish(self, number: int) -> None:
        """Return when a block is decoded.

        Raises:
            StageFailed: when its process failed.
        """
        while number not in self.ready:
            limit = number + AHEAD * self.pool.workers
            while self.waiting and self.waiting[0] < limit:
                block = self.waiting.popleft()
                self.pool.submit(block, self.decode, block)
            outcome = self.pool.wait()
            if outcome.error:
                raise StageFailed(f"decoding files: {outcome.error}")
            self.ready.add(cast(int, outcome.key))


class _Clock:
    """Shows how many files are decoded, and estimates the time that is left."""

    def __init__(self, total: int, progress: Callable[..., None]):
        self.total, self.progress = total, progress
        self.begin, self.first = time.monotonic(), 0

    def show(self, count: int, was_done: bool) -> None:
        if was_done:  # by an earlier run, in no time
            self.begin, self.first = time.monotonic(), count
        left = time_left(
            time.monotonic() - self.begin, count - self.first, self.total - count
        )
        self.progress(f"decoding files{left}", done=count, total=self.total)


def time_left(seconds: float, done: int, remaining: int) -> str:
    """Return a phrase such as `, 3 min left`; empty at the beginning and the end.

    Args:
        seconds: that the finished files took.
        done: number of finished files.
        remaining: number of files that are left.
    """
    if not done or not remaining:
        return ""
    left = seconds / done * remaining
    return f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"


def _decode(files: Sequence[Any], plan: BlockPlan, number: int) -> None:
    """Decode a block, and write what it holds and misses."""
    kept: list[int] = []
    bad: dict[int, str] = {}
    path = plan.path(number)
    kind: Any = ShardWriter if plan.compressed else RowWriter
    with kind(path, plan.shape, plan.dtype) as writer:
        size = block_size(len(files))
        for position in range(number * size, min((number + 1) * size, len(files))):
            try:
                example = plan.read(files[position])
                if example.shape != plan.shape:
                    raise plan.error(plan.mismatch(example.shape))
            except plan.error as error:
                bad[position] = str(error)
                continue
            writer.append(example[None])
            kept.append(position)
    unfinished = _facts(path).with_suffix(".partial")
    write_json(unfinished, {"kept": kept, "bad": [[k, bad[k]] for k in sorted(bad)]})
    unfinished.replace(_facts(path))  # a block with this file is complete


def _load(plan: BlockPlan, number: int) -> Block:
    path = plan.path(number)
    facts = read_json(_facts(path))
    rows: Rows | ShardRows | None = None
    if facts["kept"]:
        rows = ShardRows(path) if plan.compressed else Rows(path)
    return Block(rows, facts["kept"], dict(facts["bad"]))


def _facts(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix('.npy')}-files.json")
