"""Arguments of a fit beside its model and settings: the data, and the surroundings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import silent
from pipeline.training.losses import Loss
from pipeline.training.objective import Objective


@dataclass(frozen=True)
class FitData:
    """The data of one fit.

    Args:
        spec: signature of the data and its task.
        train: the split that weights are fitted on.
        validation: the split that selects the best epoch.
        policy: augmentation of the training examples; None does not augment.
    """

    spec: TaskSpec
    train: Split
    validation: Split
    policy: Policy | None = None


@dataclass(frozen=True)
class FitContext:
    """The surroundings of one fit: seed, objective, callbacks, checkpoint, reporting.

    Args:
        seed: of the order of the examples, and of layers that draw random numbers.
        loss: `(targets, outputs)` -> loss per example, `(batch,)`; None is the loss
            that the settings name. Targets are probabilities with a policy that mixes
            examples. It is also the validation loss.
        objective: training objective in the place of `loss` on the targets, see
            `pipeline.training.objective`; None is `loss`, or, for an interactive task,
            learning by acting (`pipeline.training.q_learning`).
        found_rate: receives the learning rate that a search from the model's own state
            has found; default None: no search. For `keras_fit` only.
        progress: called as `progress("epoch 3/60", done=3, total=60)`.
        callbacks: Keras callbacks. `fit` calls them at the ends of epochs and
            validations only, `keras_fit` also in every step.
        checkpoint_folder: holds the checkpoint, from which an interrupted fit resumes;
            None disables checkpoints.
        speed: filled with seconds to the first step and examples per second, if given.
        extra_metrics: returns further columns of an epoch's record, measured with the
            weights that are validated.
    """

    seed: int
    loss: Loss | None = None
    objective: Objective | None = None
    progress: Callable[..., None] = silent
    found_rate: Callable[[float], None] | None = None
    callbacks: Sequence[Any] = ()
    checkpoint_folder: Path | None = None
    speed: dict[str, Any] | None = None
    extra_metrics: Callable[[], dict[str, float]] | None = None
