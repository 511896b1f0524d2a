"""A policy made stronger or weaker: the amounts of its steps times a number.

    strengthen("shift(2) | flip | rotate(10)", 0.5)   # "shift(1) | flip | rotate(5)"

What decides shapes (`pad`, `random_crop`), has no amount (`flip`), or mixes
examples, stays. A step whose amount becomes nothing goes.
"""

from __future__ import annotations

from pipeline.augment.grammar import GRAMMAR
from pipeline.core.pipe_language import Argument, Step, parse_pipe, str_pipe

# Step -> the argument that says how strong it is.
AMOUNT = {
    **dict.fromkeys(("shift",), "pixels"),
    **dict.fromkeys(("rotate", "shear", "hue"), "degrees"),
    **dict.fromkeys(("zoom", "perspective", "contrast", "saturation"), "fraction"),
    **dict.fromkeys(("noise", "gain", "jitter"), "amount"),
    **dict.fromkeys(("time_shift", "time_mask"), "frames"),
    **dict.fromkeys(("word_dropout", "swap"), "rate"),
    "brightness": "delta",
    "blur": "sigma",
    "cutout": "size",
    "randaugment": "magnitude",
    "freq_mask": "bins",
}


def can_strengthen(policy: str) -> bool:
    """Whether any step of the policy has an amount."""
    return any(step.name in AMOUNT for step in parse_pipe(policy, GRAMMAR))


def strengthen(policy: str, strength: float) -> str:
    """The policy's text with all amounts times `strength`, within what they allow."""
    steps = [_scaled(step, strength) for step in parse_pipe(policy, GRAMMAR)]
    return str_pipe(tuple(step for step in steps if step))


def _scaled(step: Step, strength: float) -> Step | None:
    if step.name not in AMOUNT:
        return step
    name = AMOUNT[step.name]
    argument = next(one for one in GRAMMAR[step.name].params if one.name == name)
    amount = _amount(step.args[name] * strength, argument)
    return Step(step.name, {**step.args, name: amount}) if amount else None


def _amount(value: float, argument: Argument) -> float | int:
    value = min(value, argument.high) if argument.high is not None else value
    return round(value) if argument.kind is int else round(value, 6)
