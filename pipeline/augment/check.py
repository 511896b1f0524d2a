"""Checks that a policy fits the data, before anything is trained."""

from __future__ import annotations

from pipeline.augment.grammar import COLOUR, MIXING, MODALITIES
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step, str_pipe
from pipeline.data.spec import TaskSpec
from pipeline.tasks.registry import task_of

RANKS = {"image": 3, "table": 1}  # axes of an example; other modalities have one rank
PAIRED = ("flip",)  # steps that change a degraded image and the clean one alike
ON_LOG_ENERGIES = ("gain", "background")


def check_policy(steps: tuple[Step, ...], spec: TaskSpec) -> None:
    """Refuse steps for other data, and images that end in another size.

    Args:
        steps: of a policy.
        spec: signature of the data.

    Raises:
        UserError: names the step and its position.
    """
    pipe = f'augment.policy "{str_pipe(steps)}"'
    size = spec.shape[:2]
    for position, step in enumerate(steps, 1):
        where = f"{pipe}: step {position}, {step}"
        _check_data(step, spec, where)
        size = _size_after(step, size, where)
    if size != spec.shape[:2]:
        raise UserError(
            f"{pipe}: makes images of {_text(size)}, the model takes "
            f"{_text(spec.shape[:2])}; pad and random_crop must cancel out"
        )


def _check_data(step: Step, spec: TaskSpec, where: str) -> None:
    rank = RANKS.get(spec.modality, len(spec.shape))
    if spec.modality not in MODALITIES[step.name] or len(spec.shape) != rank:
        suitable = [name for name in MODALITIES if spec.modality in MODALITIES[name]]
        raise UserError(
            f"{where}: is for {' and '.join(sorted(MODALITIES[step.name]))}; "
            f"{spec.source} has {spec.modality} of shape {spec.shape} (steps for "
            f"{spec.modality}: {', '.join(suitable)})"
        )
    if step.name in COLOUR and spec.shape[-1] != 3:
        raise UserError(
            f"{where}: needs images of 3 channels; {spec.source} has {spec.shape[-1]}"
        )
    task = task_of(spec)
    if step.name in MIXING and (task.dense or task.unseen_classes):
        targets = "maps or boxes" if task.dense else "identities"
        raise UserError(
            f"{where}: mixes labels, and {spec.source} is for {task.title}, whose "
            f"targets are {targets}; leave the step out"
        )
    if task.per_step:
        raise UserError(
            f"{where}: changes tokens, and {spec.source} is for {task.title}, "
            "where every token is a target; leave the step out"
        )
    if task.degrades and step.name not in PAIRED:
        raise UserError(
            f"{where}: changes the degraded image in another way than the clean one; "
            f"{spec.source} is for {task.title} (steps for it: {', '.join(PAIRED)})"
        )
    if step.name in ON_LOG_ENERGIES and _is_mfcc(spec):
        raise UserError(f"{where}: needs log_mel features; {spec.source} has mfcc")


def _size_after(step: Step, size: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return height and width after a step."""
    if step.name == "pad":
        return tuple(side + 2 * int(step.args["pixels"]) for side in size)
    if step.name != "random_crop":
        return size
    side = int(step.args["size"])
    if side > min(size):
        raise UserError(
            f"{where}: images are {_text(size)} at this step; the size must be at "
            f"most {min(size)}"
        )
    return (side, side)


def _is_mfcc(spec: TaskSpec) -> bool:
    return any(step["step"] == "mfcc" for step in spec.preprocess)


def _text(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
