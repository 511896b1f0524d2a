"""How a file is quantized after training: the adjustments of a recipe, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.pipe_language import Step


@dataclass(frozen=True)
class Options:
    """Settings of post-training quantization.

    Args:
        percentile: of the activations, which sets their ranges; default None, minimum
            and maximum.
        mse: set ranges by the mean squared error; default False.
        correct_bias: correct the mean output of each channel; default False.
        float_layers: layers that stay in float; default none.
        int16_layers: layers with int16 activations; default none.
    """

    percentile: float | None = None
    mse: bool = False
    correct_bias: bool = False
    float_layers: tuple[str, ...] = ()
    int16_layers: tuple[str, ...] = ()


def options_of(steps: Sequence[Step]) -> Options:
    """Collect the adjustments of a recipe, apart from `equalize`.

    Args:
        steps: `Recipe.adjustments`.
    """
    first = {step.name: step for step in steps}
    percentile = None
    if "calibrate_percentile" in first:
        percentile = float(first["calibrate_percentile"].args["percentile"])
    return Options(
        percentile=percentile,
        mse="calibrate_mse" in first,
        correct_bias="correct_bias" in first,
        float_layers=_layers(steps, "keep_float"),
        int16_layers=_layers(steps, "int16_activations"),
    )


def check_layers(steps: Sequence[Step], layers: Sequence[str]) -> None:
    """Check that a model has the layers that adjustments name.

    Args:
        steps: `Recipe.adjustments`.
        layers: names of the model's layers.

    Raises:
        UserError: names the layer, and the most similar one.
    """
    for name in (str(step.args["layer"]) for step in steps if "layer" in step.args):
        if name not in layers:
            raise UserError(
                f'the recipe names the layer "{name}", which the model does not have'
                f"{did_you_mean(name, layers)} (its layers are {', '.join(layers)})"
            )


def _layers(steps: Sequence[Step], name: str) -> tuple[str, ...]:
    return tuple(str(step.args["layer"]) for step in steps if step.name == name)
