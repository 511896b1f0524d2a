"""All devices of all hosts as one row: which arrays are copied, which are divided.

In: processes that have joined each other. Out: global arrays of JAX. Weights are
replicated; a batch is divided along its first axis. A jitted function of such arrays
computes what one host would compute: JAX adds the communication where a mean goes over
the whole batch, in a loss as in a batch normalization, and draws random numbers for the
positions of an array, wherever they are.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import numpy as np

AXIS = "examples"
# Types that JAX does not compute in -> their substitutes.
NARROWER = {
    np.dtype("int64"): np.dtype("int32"),
    np.dtype("float64"): np.dtype("float32"),
}
PATIENCE = 300  # seconds until all processes must have joined


@cache
def jax_module(name: str = "jax") -> Any:
    """Import a module of JAX, by name: it is optional, and not in the fingerprint.

    Args:
        name: dotted name; default `jax`.
    """
    return importlib.import_module(name)


@contextmanager
def joined(rank: int, count: int, address: str) -> Iterator[None]:
    """Join the other processes; must be entered before JAX has run an operation.

    Without the exit, JAX aborts the process when it ends.

    Args:
        rank: number of this process, from 0.
        count: number of processes; a single one joins nobody.
        address: HOST:PORT where the process with rank 0 waits for the others.
    """
    jax = jax_module()
    if count == 1:
        yield
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, count, rank, initialization_timeout=PATIENCE)
    yield
    jax.distributed.shutdown()


class Mesh:
    """The devices of all processes, one after another."""

    def __init__(self) -> None:
        jax, sharding = jax_module(), jax_module("jax.sharding")
        self.rank, self.count = jax.process_index(), jax.process_count()
        self.devices = len(jax.devices())
        mesh = sharding.Mesh(np.array(jax.devices()), (AXIS,))
        self.replicated = sharding.NamedSharding(mesh, sharding.PartitionSpec())
        self.divided = sharding.NamedSharding(mesh, sharding.PartitionSpec(AXIS))

    def rows(self, size: int) -> slice:
        """Return the rows of a batch that this process prepares.

        Args:
            size: examples of the batch, a multiple of the number of devices.
        """
        share = size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def replicate(self, arrays: Sequence[Any]) -> list[Any]:
        """Return arrays that every device has; all processes pass equal ones."""
        make = jax_module().make_array_from_process_local_data
        return [make(self.replicated, np.asarray(array)) for array in arrays]

    def divide(self, array: np.ndarray) -> Any:
        """Return the global batch of which this process has `rows`.

        Args:
            array: its rows, `(batch / processes, ...)`.
        """
        make = jax_module().make_array_from_process_local_data
        return make(self.divided, array.astype(NARROWER.get(array.dtype, array.dtype)))

    def own_rows(self, array: Any) -> np.ndarray:
        """Return this process's rows of a divided array.

        Args:
            array: `(batch, ...)`.
        """
        shards = sorted(array.addressable_shards, key=lambda s: s.index[0].start or 0)
        return np.concatenate([np.asarray(shard.data) for shard in shards])

    def mean(self, value: float) -> float:
        """Return the mean of a number over all processes, equal on each."""
        if self.count == 1:
            return value
        gather = jax_module("jax.experimental.multihost_utils").process_allgather
        return float(np.mean(np.asarray(gather(np.float32(value)))))


def on_host(array: Any) -> np.ndarray:
    """Return a replicated array as one of NumPy.

    Args:
        array: of JAX.
    """
    return np.asarray(array.addressable_data(0))


def place_of(variable: keras.Variable, variables: Sequence[keras.Variable]) -> int:
    """Return the position of a variable among others, by identity.

    Args:
        variable: one of the others.
        variables: of a model or an optimizer.
    """
    return next(i for i, other in enumerate(variables) if other is variable)
