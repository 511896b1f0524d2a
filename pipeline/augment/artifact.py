"""policy.json: the augmentation policy as later stages read it."""

from __future__ import annotations

from pathlib import Path

from pipeline.augment.policy import Policy
from pipeline.augment.strength import strengthen
from pipeline.core.json_io import read_json, write_json


def write_policy(folder: Path, policy: Policy) -> None:
    """Write policy.json."""
    write_json(folder / "policy.json", {"policy": str(policy)})


def read_policy(folder: Path, seed: int, strength: float = 1.0) -> Policy:
    """The policy of a published augment stage, drawing from `seed`.

    Args:
        strength: all amounts times this number.
    """
    policy = Policy(read_json(folder / "policy.json")["policy"], seed)
    return adjusted(policy, strength)


def adjusted(policy: Policy, strength: float) -> Policy:
    """The policy, stronger or weaker."""
    if strength == 1:
        return policy
    return Policy(strengthen(str(policy), strength), policy.seed)
