"""One trial, run in its own process: build, count, train, score on validation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.augment.artifact import read_policy
from pipeline.core.errors import StageFailed
from pipeline.data.artifact import Data, Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.metrics.metric import Metric
from pipeline.models import registry
from pipeline.models.describe import describe
from pipeline.models.errors import error_prefix
from pipeline.models.files import save_model
from pipeline.tasks.registry import for_chain
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from pipeline.tune.params import TuneParams
from pipeline.tune.space import Values, plain_values

Result = dict[str, Any]
COSTS = ("parameters", "macs", "bytes_int8", "activation_bytes")


@dataclass(frozen=True)
class Trainer:
    """Trains one proposal; has plain values only, so that it can be sent to a cluster.

    Args:
        params: section `tune`.
        data, augment: published folders.
    """

    params: TuneParams
    data: Path
    augment: Path

    @error_prefix("tune.")
    def __call__(
        self,
        values: Values,
        epochs: int,
        seed: int,
        thresholds: list[float | None],
        path: Path | None = None,
    ) -> Result:
        """Train one model.

        Args:
            values: hyperparameters, as the oracle names them.
            epochs: maximum number of epochs.
            seed: seed of the weights and of the order of examples.
            thresholds: merit to reach per epoch, see `tune.early_termination`.
            path: file for the trained model; None saves nothing. Default None.

        Returns:
            Status, score, costs and curve, ready for JSON.

        Raises:
            StageFailed: when the validation loss is not finite.
            UserError: when values and data do not fit the builder.
        """
        begin = time.monotonic()
        data = read_data(self.data)
        family, plain = plain_values(values, self.params)
        model = registry.build(family, plain, data.spec, seed)
        model_costs = costs(model)
        metric = for_chain(data.spec.task).metric
        pruner = TrialPruner(self.params.objective, thresholds, metric)
        history = self._fit(model, plain, data, seed, epochs, pruner)
        result = pruner.result(history)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_model(model, path)
        seconds = round(time.monotonic() - begin, 3)
        return {**model_costs, **result, "seconds": seconds}

    def _fit(
        self,
        model: keras.Model,
        plain: Values,
        data: Data,
        seed: int,
        epochs: int,
        pruner: TrialPruner,
    ) -> History:
        strength = plain.get("augmentation", 1.0)
        fit_data = FitData(
            data.spec,
            subset(data.train(), self.params.examples),
            data.validation(),
            read_policy(self.augment, seed, strength),
        )
        context = FitContext(seed, callbacks=[pruner])
        return fit(model, fit_data, settings(plain, self.params, epochs), context)

    @error_prefix("tune.")
    def costs(self, spec: TaskSpec, values: Values) -> dict[str, int]:
        """Return the costs of an untrained model.

        Args:
            spec: the task.
            values: hyperparameters, as the oracle names them.
        """
        family, plain = plain_values(values, self.params)
        return costs(registry.build(family, plain, spec, seed=1))


def _check_finite(numbers: list[float]) -> None:
    if not all(map(math.isfinite, numbers)):
        raise StageFailed("the validation loss is not finite; lower the learning rate")


class TrialPruner(keras.callbacks.Callback):
    """Records the curve, and ends a training whose best merit is below a threshold.

    Args:
        objective: `accuracy`, `loss` or `accuracy_and_size`.
        thresholds: merit that must have been reached per epoch; None for no decision.
        metric: metric of the task.

    Attributes:
        curve: merit after each epoch.
        reason: why the training was ended; None if it was not.
    """

    def __init__(self, objective: str, thresholds: list[float | None], metric: Metric):
        super().__init__()
        self.objective, self.metric = objective, metric
        self.thresholds = thresholds
        self.curve: list[float] = []
        self.reason: str | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare the validation merit with the threshold.

        Args:
            epoch: number of the epoch, from 0.
            logs: `val_loss` and the metric on validation.
        """
        logs = logs or {}
        value, loss = logs[f"val_{self.metric.key}"], logs["val_loss"]
        self.curve.append(merit(self.objective, value, loss, self.metric))
        threshold = self.thresholds[epoch] if epoch < len(self.thresholds) else None
        best = max(self.curve)
        if threshold is not None and best < threshold:
            sign = -1 if self.objective == "loss" else self.metric.sign
            self.reason = (
                f"epoch {epoch + 1}: best {sign * best:.4f}, threshold "
                f"{sign * threshold:.4f}"
            )
            self.model.stop_training = True

    def result(self, history: History) -> Result:
        """Return status, score and curve of the training that has ended.

        Args:
            history: of the training.

        Raises:
            StageFailed: when the validation loss is not finite.
        """
        score, loss = history.best[f"val_{self.metric.key}"], history.best["val_loss"]
        _check_finite([score, loss, *self.curve])
        return {
            "status": "stopped" if self.reason else "ok",
            "reason": self.reason,
            "score": score,
            "loss": loss,
            "epoch": history.best["epoch"],
            "epochs": len(history.rows),
            "curve": self.curve,
        }


def merit(objective: str, value: float, loss: float, metric: Metric) -> float:
    """Return the number that the search maximizes.

    Args:
        objective: `accuracy`, `loss` or `accuracy_and_size`.
        value: metric on validation.
        loss: loss on validation.
        metric: metric of the task.

    Returns:
        The merit of the metric, or the negative loss.
    """
    return -float(loss) if objective == "loss" else metric.merit(float(value))


def settings(plain: Values, params: TuneParams, epochs: int) -> FitSettings:
    """Return the settings of a fit: from the values, else from the experiment file.

    Args:
        plain: hyperparameters without `family/` in front.
        params: section `tune`.
        epochs: maximum number of epochs.
    """
    searched = {name: plain[name] for name in plain if name in FitSettings.model_fields}
    defaults = {"batch_size": params.batch_size, "patience": params.patience}
    return FitSettings(**{**defaults, **searched, "epochs": epochs})


def subset(split: Split, count: int | None) -> Split:
    """Return evenly spaced examples: the same ones in every trial.

    Args:
        split: examples.
        count: number of examples; None for all.
    """
    if count is None or count >= len(split):
        return split
    positions = np.linspace(0, len(split) - 1, count).astype(int)
    return replace(split, x=np.asarray(split.x[positions]), y=split.y[positions])


def costs(model: keras.Model) -> dict[str, int]:
    """Return the costs that limits refer to, see `tune.params.Limits`."""
    description = describe(model)
    counts = (
        description.parameters,
        description.macs,
        description.int8_size,
        description.peak // 4,  # of float32, so a quarter in int8
    )
    return dict(zip(COSTS, counts))
