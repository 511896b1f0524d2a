"""Random actions as the floor of a policy, in the same episodes."""

from __future__ import annotations

from pipeline.tasks.floor import Array, Floor
from pipeline.tasks.policy.episodes import World, at_random, play, seeds_of
from pipeline.tasks.spec import TaskSpec


def _floor(spec: TaskSpec) -> Floor:
    """Return the floor of an environment.

    Args:
        spec: signature of the data.
    """
    world = World(spec)

    def evidence(teaching: Array, y: Array) -> Array:
        seeds = seeds_of(y)
        return play(world, seeds, at_random(world, seeds)).returns

    return Floor("random actions", evidence)


FLOOR = _floor
