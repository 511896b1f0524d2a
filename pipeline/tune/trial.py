"""One trial, in a process of its own: build, count, train, score on validation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.augment.artifact import read_policy
from pipeline.data.artifact import Data, Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import StageFailed
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings
from pipeline.models import registry
from pipeline.models.describe import describe
from pipeline.models.files import save_model
from pipeline.models.errors import error_prefix
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.tune.params import TuneParams
from pipeline.tune.space import Values, plain_values

Result = dict[str, Any]
COSTS = ("parameters", "macs", "bytes_int8", "activation_bytes")


@dataclass(frozen=True)
class Trainer:
    """Trains what is proposed; of plain values, so that it can go to other machines.

    Args:
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
        bars: list[float | None],
        keep: Path | None = None,
    ) -> Result:
        """Score, costs and curve of one training.

        Args:
            bars: what must be reached after each epoch, see `tune.stopping`.
            keep: where the trained model is saved, if anywhere.
        """
        begin = time.monotonic()
        data = read_data(self.data)
        family, plain = plain_values(values, self.params)
        model = registry.build(family, plain, data.spec, seed)
        told = costs(model)
        metric = for_chain(data.spec.task).metric
        column = f"val_{metric.key}"
        judge = Judge(self.params.objective, bars, metric)
        history = self._fit(model, plain, data, seed, epochs, judge)
        _check_finite([history.best[column], history.best["val_loss"], *judge.curve])
        if keep is not None:
            keep.parent.mkdir(parents=True, exist_ok=True)
            save_model(model, keep)
        return {
            **told,
            "status": "stopped" if judge.reason else "ok",
            "reason": judge.reason,
            "score": history.best[column],
            "loss": history.best["val_loss"],
            "epoch": history.best["epoch"],
            "epochs": len(history.rows),
            "curve": judge.curve,
            "seconds": round(time.monotonic() - begin, 3),
        }

    def _fit(
        self,
        model: keras.Model,
        plain: Values,
        data: Data,
        seed: int,
        epochs: int,
        judge: Judge,
    ) -> Any:
        strength = plain.get("augmentation", 1.0)
        fit_data = FitData(
            data.spec,
            some(data.train(), self.params.examples),
            data.validation(),
            read_policy(self.augment, seed, strength),
        )
        context = FitContext(seed, callbacks=[judge])
        return fit(model, fit_data, settings(plain, self.params, epochs), context)

    @error_prefix("tune.")
    def costs(self, spec: TaskSpec, values: Values) -> dict[str, int]:
        """What the model of these values would cost, untrained."""
        family, plain = plain_values(values, self.params)
        return costs(registry.build(family, plain, spec, seed=1))


def _check_finite(numbers: list[float]) -> None:
    if not all(map(math.isfinite, numbers)):
        raise StageFailed(
            "the loss on validation is not a number any more; lower the learning rate"
        )


class Judge(keras.callbacks.Callback):
    """Keeps the curve, and ends a training that is below the bar.

    Args:
        bars: for each epoch, the least that must have been reached, or None.
        metric: of the task.
    """

    def __init__(
        self, objective: str, bars: list[float | None], metric: Metric
    ):
        super().__init__()
        self.objective, self.metric = objective, metric
        self.bars = bars
        self.curve: list[float] = []
        self.reason: str | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at validation; the epoch is counted from 0."""
        logs = logs or {}
        value, loss = logs[f"val_{self.metric.key}"], logs["val_loss"]
        self.curve.append(merit(self.objective, value, loss, self.metric))
        bar = self.bars[epoch] if epoch < len(self.bars) else None
        best = max(self.curve)
        if bar is not None and best < bar:
            sign = -1 if self.objective == "loss" else self.metric.sign
            self.reason = f"epoch {epoch + 1}: best {sign * best:.4f}, bar "
            self.reason += f"{sign * bar:.4f}"
            self.model.stop_training = True


def merit(objective: str, value: float, loss: float, metric: Metric) -> float:
    """The number to maximize: the merit of the metric, or the negative loss."""
    return -float(loss) if objective == "loss" else metric.merit(float(value))


def settings(plain: Values, params: TuneParams, epochs: int) -> FitSettings:
    """How the values say to train; the rest is as the experiment file says."""
    told = {key: plain[key] for key in plain if key in FitSettings.model_fields}
    given = {"batch_size": params.batch_size, "patience": params.patience, **told}
    return FitSettings(**{**given, "epochs": epochs})


def some(split: Split, count: int | None) -> Split:
    """Examples at equal distances through the split: the same in every trial."""
    if count is None or count >= len(split):
        return split
    at = np.linspace(0, len(split) - 1, count).astype(int)
    return replace(split, x=np.asarray(split.x[at]), y=split.y[at])


def costs(model: keras.Model) -> dict[str, int]:
    """The counts that limits are about; activations as int8."""
    told = describe(model)
    counts = (told.parameters, told.macs, told.int8_size, told.peak // 4)
    return dict(zip(COSTS, counts))
