"""Stronger and weaker policies: the amounts of all steps times a number.

    strengthen("shift(2) | flip | rotate(10)", 0.5)   # "shift(1) | flip | rotate(5)"

Unchanged are steps that decide the image size (`pad`, `random_crop`), have no amount
(`flip`), have a level on a scale without a zero (`background`), or mix examples. A
step whose amount becomes 0 is removed.
"""

from __future__ import annotations

from pipeline.augment.grammar import GRAMMAR
from pipeline.core.pipe_language import Argument, Step, parse_pipe, str_pipe

# Step -> the argument that sets its strength.
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
    """Return True if a step of the policy has an amount.

    Args:
        policy: text of a pipe.
    """
    return any(step.name in AMOUNT for step in parse_pipe(policy, GRAMMAR))


def strengthen(policy: str, strength: float) -> str:
    """Multiply all amounts of a policy, up to their maximum.

    Args:
        policy: text of a pipe.
        strength: multiplier, 0 or more. Integer amounts are rounded.

    Returns:
        The canonical text of the scaled pipe.
    """
    steps = [_scaled(step, strength) for step in parse_pipe(policy, GRAMMAR)]
    return str_pipe(tuple(step for step in steps if step))


def _scaled(step: Step, strength: float) -> Step | None:
    if step.name not in AMOUNT:
        return step
    name = AMOUNT[step.name]
    argument = next(a for a in GRAMMAR[step.name].params if a.name == name)
    amount = _amount(float(step.args[name]) * strength, argument)
    return Step(step.name, {**step.args, name: amount}) if amount else None


def _amount(value: float, argument: Argument) -> float | int:
    value = min(value, argument.high) if argument.high is not None else value
    return round(value) if argument.kind is int else round(value, 6)
