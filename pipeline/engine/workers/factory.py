"""Where the tasks of a stage run: processes of this machine, or a Ray cluster.

In: a section of the experiment file with `workers`, `engine` and `address`. Out: the
pool. No result depends on it, so none of the three keys is hashed.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

from pipeline.core.errors import UserError
from pipeline.engine.workers.pool import Method, Pool, TaskPool

Engine = Literal["local", "ray"]


class Section(Protocol):
    """A section of the experiment file that says where its tasks run.

    Args:
        address: of the Ray cluster's head; None starts one on this machine.
    """

    workers: int
    engine: Engine
    address: str | None


S = TypeVar("S", bound=Section)


def check_address(params: S) -> S:
    """A validator of such a section: an address belongs to Ray.

    Raises:
        ValueError: when it is given and the engine is another.
    """
    if params.address is not None and params.engine != "ray":
        raise ValueError(
            f"address {params.address} is that of a Ray cluster, and engine is "
            f"{params.engine}: set engine to ray, or leave address out"
        )
    return params


def pool_of(params: Section, name: str, method: Method) -> TaskPool:
    """The pool that a section asks for.

    Args:
        name: of the section, for the error.
        method: how processes of this machine begin.

    Raises:
        UserError: when Ray is not installed, or no cluster answers.
    """
    if params.engine == "local":
        return Pool(params.workers, method)
    from pipeline.engine.workers.ray import RayPool  # an optional extra

    try:
        return RayPool(params.workers, params.address)
    except UserError as error:
        raise UserError(
            f"{name}.engine ray, {name}.address {params.address}: {error}; or leave "
            f"{name}.engine and {name}.address out"
        ) from None
