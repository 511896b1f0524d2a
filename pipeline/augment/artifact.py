"""policy.json: the augmentation policy as later stages read it."""

from __future__ import annotations

from pathlib import Path

from pipeline.augment.policy import Policy
from pipeline.augment.strength import strengthen
from pipeline.core.json_io import read_json, write_json


def write_policy(folder: Path, policy: Policy) -> None:
    """Write policy.json.

    Args:
        folder: existing folder, where the file is created or replaced.
        policy: written as its canonical text; the seed is not written.
    """
    write_json(folder / "policy.json", {"policy": str(policy)})


def read_policy(folder: Path, seed: int, strength: float = 1.0) -> Policy:
    """Read the policy of a published augment stage.

    Args:
        folder: with a policy.json.
        seed: of the policy's draws.
        strength: multiplier of the steps' amounts.

    Returns:
        The policy at that strength.
    """
    policy = Policy(read_json(folder / "policy.json")["policy"], seed)
    return with_strength(policy, strength)


def with_strength(policy: Policy, strength: float) -> Policy:
    """Scale the amounts of a policy, keeping its seed.

    Args:
        policy: to scale.
        strength: multiplier, see `pipeline.augment.strength`; 1 returns the policy
            itself.

    Returns:
        A policy of scaled steps.
    """
    if strength == 1:
        return policy
    return Policy(strengthen(str(policy), strength), policy.seed)
