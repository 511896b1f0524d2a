"""`train.heads`: further targets of the data, learnt beside the main one.

In: `{speaker: 0.3}`, and data whose `data.also` has a speaker. Out: what a fit needs
for it, and heads.keras, the model with all of its heads; model.keras is the main head
alone, as if there were no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Data
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError, nearest
from pipeline.fit.heads import Head, Heads, Measured, column_of, spec_of, with_heads
from pipeline.fit.losses import example_losses
from pipeline.fit.params import FitSettings
from pipeline.models.files import save_model

FILE = "heads.keras"


@dataclass(frozen=True)
class Several:
    """The heads of a training; empty where there is the main one alone."""

    heads: tuple[Head, ...]
    data: Data

    def on(self, model: keras.Model, seed: int) -> keras.Model:
        """The model with all heads; itself where there are none."""
        return with_heads(model, self.heads, seed) if self.heads else model

    def fitting(self, model: keras.Model, settings: FitSettings) -> dict[str, Any]:
        """Arguments of `fit` for the model with all heads."""
        if not self.heads:
            return {}
        main = example_losses(settings, self.data.spec)
        return {
            "objective": Heads(self.heads, main),
            "also": Measured(model, self.heads, self.data.validation()),
        }

    def save(self, whole: keras.Model, folder: Path) -> None:
        """Write heads.keras, if there are heads."""
        if self.heads:
            save_model(whole, folder / FILE)


def headline(
    weights: Mapping[str, float], spec: TaskSpec, best: Mapping[str, float]
) -> str:
    """How good each further head is in the kept epoch, for the end of a line."""
    columns = {
        target["name"]: column_of(target["name"], spec_of(target, spec))
        for target in spec.also
        if target["name"] in weights
    }
    return "".join(f", {name} {best[one]:.3f}" for name, one in columns.items())


def read_heads(weights: Mapping[str, float], data: Data, policy: Policy) -> Several:
    """The heads that an experiment asks for.

    Raises:
        UserError: for a target that the data do not have, a task without heads, or a
            policy that mixes examples.
    """
    if not weights:
        return Several((), data)
    _check(weights, data, policy)
    targets = {target["name"]: target for target in data.spec.also}
    train, validation = data.also("train"), data.also("validation")
    return Several(
        tuple(
            Head(
                name,
                spec_of(targets[name], data.spec),
                weight,
                train[name],
                validation[name],
            )
            for name, weight in weights.items()
        ),
        data,
    )


def _check(weights: Mapping[str, float], data: Data, policy: Policy) -> None:
    known = [target["name"] for target in data.spec.also]
    if data.spec.task not in ("classification", "regression"):
        raise UserError(
            f"train.heads: {data.spec.source} is a {data.spec.task}, whose model ends "
            "in what it rebuilds; heads are for classification and regression"
        )
    for name in weights:
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "it has none"
            raise UserError(
                f"train.heads: {data.spec.source} has no further target "
                f'"{name}"{nearest(name, known)} ({there}; name it in data.also)'
            )
    if policy.mixes:
        raise UserError(
            f"train.heads: augment.policy {policy} mixes examples, and only the main "
            "target is mixed with them; leave that step out, or the heads"
        )
