"""The section `augment` of an experiment file."""

from __future__ import annotations

from pydantic import field_validator

from pipeline.augment.grammar import GRAMMAR
from pipeline.core.errors import UserError
from pipeline.core.params import Params
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
        try:
            return str_pipe(parse_pipe(policy, GRAMMAR))
        except UserError as error:
            raise ValueError(str(error)) from None
