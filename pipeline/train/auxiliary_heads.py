"""`train.heads`: extra targets of the data, learned beside the main one.

In: `{speaker: 0.3}`, and data whose extra targets include a speaker. Out: the objective
and metrics of a fit, and heads.keras, the model with all of its heads; model.keras has
the main head alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.artifact import Data
from pipeline.data.spec import TaskSpec
from pipeline.models.files import save_model
from pipeline.tasks.registry import task_of
from pipeline.training.auxiliary_heads import (
    AuxiliaryHead,
    HeadMetrics,
    MultiHeadObjective,
    column_of,
    spec_of,
    with_heads,
)
from pipeline.training.context import FitContext
from pipeline.training.losses import example_losses
from pipeline.training.params import FitSettings

FILE = "heads.keras"


@dataclass(frozen=True)
class AuxiliaryHeads:
    """The auxiliary heads of a training run; without any, every method is a no-op.

    Args:
        heads: the heads, in the order of the model's outputs after the first.
        data: published data.
    """

    heads: tuple[AuxiliaryHead, ...]
    data: Data

    def add_to(self, model: keras.Model, seed: int) -> keras.Model:
        """Return the model with all heads, or the model itself if there are none."""
        return with_heads(model, self.heads, seed) if self.heads else model

    def extend(
        self, context: FitContext, model: keras.Model, settings: FitSettings
    ) -> FitContext:
        """Return the context with the objective and the metrics of the heads.

        Args:
            context: of a fit without auxiliary heads.
            model: the model with all heads.
            settings: name the main loss.
        """
        if not self.heads:
            return context
        main = example_losses(settings, self.data.spec)
        return replace(
            context,
            objective=MultiHeadObjective(self.heads, main),
            extra_metrics=HeadMetrics(model, self.heads, self.data.validation()),
        )

    def save(self, model: keras.Model, folder: Path) -> None:
        """Write the model with all heads to heads.keras, if there are any."""
        if self.heads:
            save_model(model, folder / FILE)


def headline(
    weights: Mapping[str, float], spec: TaskSpec, best: Mapping[str, float]
) -> str:
    """Return the metric of each head in the best epoch, for the end of a headline.

    Args:
        weights: `train.heads`.
        spec: signature of the data.
        best: record of the best epoch.
    """
    columns = {
        target["name"]: column_of(target["name"], spec_of(target, spec))
        for target in spec.also
        if target["name"] in weights
    }
    return "".join(f", {name} {best[col]:.3f}" for name, col in columns.items())


def read_heads(
    weights: Mapping[str, float], data: Data, policy: Policy
) -> AuxiliaryHeads:
    """Return the heads that an experiment asks for.

    Args:
        weights: `train.heads`: name of the target -> weight of its loss.
        data: published data.
        policy: augmentation of the training examples.

    Raises:
        UserError: for a target that the data do not have, a task without heads, or a
            policy that mixes examples.
    """
    if not weights:
        return AuxiliaryHeads((), data)
    _check(weights, data, policy)
    targets = {target["name"]: target for target in data.spec.also}
    train, validation = data.extra_targets("train"), data.extra_targets("validation")
    heads = [
        AuxiliaryHead(
            name,
            spec_of(targets[name], data.spec),
            weight,
            train[name],
            validation[name],
        )
        for name, weight in weights.items()
    ]
    return AuxiliaryHeads(tuple(heads), data)


def _check(weights: Mapping[str, float], data: Data, policy: Policy) -> None:
    task = task_of(data.spec)
    if not task.auxiliary_heads:
        raise UserError(
            f"train.heads: {data.spec.source} is for {task.title}, which has no "
            "auxiliary heads; remove it"
        )
    _check_names(weights, data.spec)
    if policy.mixes:
        raise UserError(
            f"train.heads: augment.policy {policy} mixes examples, but only the main "
            "target can be mixed; remove that step, or the heads"
        )


def _check_names(weights: Mapping[str, float], spec: TaskSpec) -> None:
    names = [target["name"] for target in spec.also]
    for name in weights:
        if name not in names:
            available = f"available: {', '.join(names)}" if names else "it has none"
            raise UserError(
                f'train.heads: {spec.source} has no extra target "{name}"'
                f"{did_you_mean(name, names)} ({available}; declare it in "
                "data.extra_targets)"
            )
