"""Does a policy fit the data? Said before anything is trained."""

from __future__ import annotations

from pipeline.augment.grammar import COLOUR, MODALITIES
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step, str_pipe


def check_policy(steps: tuple[Step, ...], spec: TaskSpec) -> None:
    """Refuse steps for other data, and sizes that do not come out.

    Raises:
        UserError: naming the step and its position.
    """
    sides = spec.shape[:2]
    for at, step in enumerate(steps, 1):
        where = f'augment.policy "{str_pipe(steps)}": step {at}, {step}'
        _check_kind(step, spec, where)
        if step.name == "pad":
            sides = tuple(side + 2 * step.args["pixels"] for side in sides)
        if step.name == "random_crop":
            sides = _cropped(sides, step.args["size"], where)
    if sides != spec.shape[:2]:
        raise UserError(
            f'augment.policy "{str_pipe(steps)}": makes images of {_size(sides)}, the '
            f"model takes {_size(spec.shape[:2])}; pad and random_crop must cancel out"
        )


def _check_kind(step: Step, spec: TaskSpec, where: str) -> None:
    allowed = MODALITIES[step.name]
    ranks = {"image": 3, "table": 1}  # arrays of another are none that a step knows
    rank = ranks.get(spec.modality, len(spec.shape))
    if spec.modality not in allowed or len(spec.shape) != rank:
        fit = ", ".join(
            name for name in MODALITIES if spec.modality in MODALITIES[name]
        )
        raise UserError(
            f"{where}: is for {' and '.join(sorted(allowed))}; {spec.source} has "
            f"{spec.modality} of {spec.shape} (steps for it: {fit})"
        )
    if step.name in COLOUR and spec.shape[-1] != 3:
        raise UserError(
            f"{where}: needs images of 3 channels; {spec.source} has {spec.shape[-1]}"
        )
    if step.name in ("gain", "background") and _is_mfcc(spec):
        raise UserError(f"{where}: needs log_mel features; {spec.source} has mfcc")


def _cropped(sides: tuple[int, ...], size: int, where: str) -> tuple[int, int]:
    if size > min(sides):
        raise UserError(
            f"{where}: images are of {_size(sides)} there, smaller than that"
        )
    return (size, size)


def _is_mfcc(spec: TaskSpec) -> bool:
    return any(step["step"] == "mfcc" for step in spec.preprocess)


def _size(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))
