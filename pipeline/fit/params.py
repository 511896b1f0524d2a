"""How a model is fitted: what train, tune, distill and compress have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.engine.params import Params


class FitSettings(Params):
    """Settings of one fit.

    Args:
        epochs: at most.
        patience: epochs without a better `monitor` before it stops.
        monitor: measured on validation; the weights of its best epoch are kept.
        schedule: `cosine` rises for a tenth of the steps and falls to zero.
        weight_decay: of AdamW; 0 is Adam.
        loss: `cross_entropy`, `focal`, `binary`, `mse`, `mae` or `huber`; if null,
            cross-entropy for classes and mse for numbers.
        label_smoothing: part of each target that goes to all classes alike.
        clip_norm: the longest gradient, over all weights; null does not clip.
    """

    epochs: int = Field(60, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    learning_rate: float = Field(2e-3, gt=0, le=10)
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = Field(0.0, ge=0, le=1)
    patience: int = Field(15, ge=1)
    monitor: Literal["loss", "accuracy"] = "loss"
    loss: Literal["cross_entropy", "focal", "binary", "mse", "mae", "huber"] | None = (
        None
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    clip_norm: float | None = Field(None, gt=0)
