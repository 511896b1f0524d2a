"""Create the pool that an experiment asks for: local processes or a Ray cluster.

In: a section of the experiment file with `workers`, `engine` and `address`. Out: the
pool. No result depends on these keys, so none of them enters the fingerprint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pipeline.core.errors import UserError
from pipeline.engine.time_limits import TimeLimit

if TYPE_CHECKING:
    from pipeline.engine.workers.pool import Method, TaskPool

Engine = Literal["local", "ray"]


class Section(Protocol):
    """A section of the experiment file that configures workers."""

    @property
    def workers(self) -> int:
        """Maximum number of tasks that run at once."""

    @property
    def engine(self) -> Engine:
        """`local` for processes of this machine, `ray` for a Ray cluster."""

    @property
    def address(self) -> str | None:
        """HOST:PORT of the head of the Ray cluster; None starts one here."""


S = TypeVar("S", bound=Section)


def check_address(params: S) -> S:
    """Validate that only Ray has an address.

    Args:
        params: a section that configures workers.

    Returns:
        The section, unchanged, as a pydantic validator must.

    Raises:
        ValueError: when `address` is set and `engine` is not `ray`.
    """
    if params.address is not None and params.engine != "ray":
        raise ValueError(
            f"address {params.address} needs engine: ray, but engine is "
            f"{params.engine}; set engine to ray, or remove address"
        )
    return params


def pool_of(
    params: Section, name: str, method: Method, limit: TimeLimit | None = None
) -> TaskPool:
    """Create the pool that a section configures.

    Args:
        params: the section.
        name: name of the section, for the error.
        method: start method of local processes: `fork` or `spawn`.
        limit: maximum time of a task; default None.

    Returns:
        An empty pool.

    Raises:
        UserError: when Ray is not installed, or no cluster answers.
    """
    if params.engine == "local":
        from pipeline.engine.workers.pool import Pool  # `status` starts no process

        return Pool(params.workers, method, limit)
    from pipeline.engine.workers.ray import RayPool  # an optional dependency

    try:
        return RayPool(params.workers, params.address, limit)
    except UserError as error:
        raise UserError(
            f"{name}.engine ray, {name}.address {params.address}: {error}; or remove "
            f"{name}.engine and {name}.address"
        ) from None
