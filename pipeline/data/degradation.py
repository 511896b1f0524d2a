"""The steps of `data.degrade`, which make an input from a clean image.

    "downscale(2) | noise(0.05)"

In: a pipe. Out: its steps and the factor of their size. Imports nothing heavy, because
the experiment file is checked with it; `pipeline.data.degrade` applies the steps.
"""

from __future__ import annotations

import math

from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Argument, Signature, Step, parse_pipe, str_pipe

DEFAULT = "downscale(2)"
DOWNSCALE = "downscale"

GRAMMAR = {
    DOWNSCALE: Signature(
        (Argument("scale", int, low=2, high=4),),
        "reduce height and width by a whole factor, bicubic with antialiasing (Pillow)",
    ),
    "blur": Signature(
        (Argument("sigma", float, low=0, high=8),),
        "Gaussian blur with a standard deviation of `sigma` pixels",
    ),
    "noise": Signature(
        (Argument("sigma", float, low=0, high=1),),
        "add Gaussian noise with a standard deviation of `sigma`, where white is 1",
    ),
    "jpeg": Signature(
        (Argument("quality", int, low=1, high=95),),
        "compress as a JPEG file of this quality",
    ),
    "mask": Signature(
        (
            Argument("count", int, low=1, high=100),
            Argument("size", int, low=1, high=4096),
        ),
        "set `count` squares of `size` pixels at random positions to black",
    ),
}


def parse(pipe: str) -> tuple[Step, ...]:
    """Parse a degradation.

    Args:
        pipe: steps of `GRAMMAR`, separated by `|`.

    Raises:
        UserError: for a pipe that does not parse, changes nothing, or reduces images
            by more than four.
    """
    steps = parse_pipe(pipe, GRAMMAR)
    if not steps:
        raise UserError(f"a degradation needs a step; available: {', '.join(GRAMMAR)}")
    if scale_of(steps) > 4:
        raise UserError(
            f'"{str_pipe(steps)}" reduces images by {scale_of(steps)}; at most 4 is '
            "possible"
        )
    return steps


def scale_of(steps: tuple[Step, ...]) -> int:
    """Return the factor by which steps reduce height and width; 1 keeps them."""
    return math.prod(int(s.args["scale"]) for s in steps if s.name == DOWNSCALE)
