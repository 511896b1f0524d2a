"""The section `augment` of an experiment file."""

from __future__ import annotations

from pydantic import field_validator

from pipeline.augment.grammar import GRAMMAR
from pipeline.core.params import Params, as_validation_error
from pipeline.core.pipe_language import parse_pipe, str_pipe


class AugmentParams(Params):
    """The augmentation policy.

    Args:
        policy: a pipe of steps; an empty one augments nothing.
    """

    policy: str = ""  # which transformations keep the label, only the user knows

    @field_validator("policy")
    @classmethod
    def _canonical(cls, policy: str) -> str:
        with as_validation_error():
            steps = parse_pipe(policy, GRAMMAR)
        return str_pipe(steps)
