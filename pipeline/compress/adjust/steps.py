"""Steps of a recipe that adjust post-training quantization, and their valid orders.

They stand after the techniques and before the export.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.core.pipe_language import Argument, Signature

ADJUSTMENTS = {
    "equalize": Signature(
        (Argument("ranges", str, "weights", allowed=("weights", "activations")),),
        "cross-layer equalization: scales channels of one layer down and of the next "
        "up, so that all channels have similar ranges of `weights`, or of "
        "`activations`",
    ),
    "calibrate_percentile": Signature(
        (Argument("percentile", float, low=90, high=100),),
        "sets the range of each activation by a percentile instead of the minimum and "
        "maximum",
    ),
    "calibrate_mse": Signature(
        summary="sets the range of each activation to the one with the least mean "
        "squared error"
    ),
    "correct_bias": Signature(
        summary="changes biases so that the mean output of each channel is that of the "
        "float model"
    ),
    "int16_activations": Signature(
        (Argument("layer", str),),
        "computes one layer with int16 input and output; can be repeated",
    ),
    "keep_float": Signature(
        (Argument("layer", str),),
        "leaves one layer in float; can be repeated",
    ),
}
CALIBRATIONS = ("calibrate_percentile", "calibrate_mse")
PER_LAYER = ("int16_activations", "keep_float")  # can be repeated
# Export -> the adjustments that it supports.
ADJUSTABLE = {"int8": tuple(ADJUSTMENTS), "int16x8": ("equalize",)}


def problem_of(
    name: str,
    before: Sequence[str],
    techniques: Collection[str],
    ties: Collection[str],
) -> str:
    """Say why a step cannot follow the earlier ones; empty if it can.

    Args:
        name: of the step.
        before: names of the earlier steps.
        techniques: names of the steps that train the model.
        ties: names of the techniques that leave few distinct weights.
    """
    adjusted = [step for step in before if step in ADJUSTMENTS]
    if name in techniques and adjusted:
        return f"trains the model, so it must come before {adjusted[0]}"
    if name not in ADJUSTMENTS:
        wrong = [step for step in adjusted if step not in ADJUSTABLE.get(name, ())]
        return f"cannot follow {wrong[0]}; write int8" if wrong else ""
    if name == "equalize":
        return _equalize_problem(adjusted, [step for step in before if step in ties])
    others = [step for step in before if step in CALIBRATIONS]
    if name in CALIBRATIONS and others:
        return f"and {others[0]} exclude each other: both set the same ranges"
    return ""


def _equalize_problem(adjusted: Sequence[str], ties: Sequence[str]) -> str:
    if ties:
        return f"would change the distinct weights that {ties[0]} leaves; remove it"
    if adjusted:
        return f"changes the model, so it must come before {adjusted[0]}"
    return ""
