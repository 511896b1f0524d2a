"""How a model is fitted: what train, tune, distill and compress have in common."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.core.params import Params, unhashed

Optimizer = Literal["adam", "adamw", "sgd", "rmsprop", "lion"]
Schedule = Literal["constant", "step", "exponential", "cosine", "one_cycle", "plateau"]
Loss = Literal["cross_entropy", "focal", "binary", "mse", "mae", "huber"]
ONLY_CLASSES = ("cross_entropy", "focal", "binary")
Monitor = Literal["loss", "accuracy", "r2", "auc"]
# What the loop of train and distill has, and Keras's own fit of tf_keras has not.
OWN_LOOP = ("accumulate", "ema", "swa", "phases", "jit")


class Phase(Params):
    """One part of a fit with layers of its own to train.

    Args:
        epochs: at most; each phase stops early by itself.
        unfreeze: part of the layers with weights, counted from the output, that is
            trained; 0 is the last one alone, 1 is all.
        rate: times the learning rate.
    """

    epochs: int = Field(ge=1, le=100_000)
    unfreeze: float = Field(1.0, ge=0, le=1)
    rate: float = Field(1.0, gt=0, le=100)


class FitSettings(Params):
    """Settings of one fit.

    Args:
        epochs: at most; `phases` have their own, and then this one is not used.
        patience: epochs without a better `monitor` before it stops.
        min_delta: what counts as better for `patience`.
        monitor: `loss`, or the measure of the task: `accuracy`, `r2` of a regression,
            `auc` of an anomaly task; on validation. The weights of its best epoch
            are kept.
        schedule: of the learning rate; see `pipeline.fit.schedules`.
        warm_up: part of all steps in which the rate rises (cosine, one_cycle).
        decay: the rate is multiplied by it: at each milestone (step), over the whole
            fit (exponential), after `plateau_patience` epochs without a better
            `monitor` (plateau).
        milestones: parts of all steps.
        plateau_patience: epochs without a better `monitor` before it (plateau).
        optimizer: `sgd` has momentum of Nesterov's kind.
        momentum: of sgd.
        weight_decay: decoupled from the gradient; adam with it is adamw, and adamw
            without it is adam.
        loss: `cross_entropy`, `focal`, `binary`, `mse`, `mae` or `huber`; if null,
            cross-entropy for classes, and mse for numbers and for what is rebuilt,
            which also take mae and huber.
        label_smoothing: part of each target that goes to all classes alike.
        clip_norm: the longest gradient, over all weights; null does not clip.
        clip_value: the largest entry of a gradient; null does not clip.
        accumulate: batches whose gradients are averaged for one step.
        ema: decay of a moving average of the weights, which is what is validated
            and kept; null keeps the weights themselves.
        swa: part of the epochs after which the weights at the ends of epochs are
            averaged, with batch statistics of their own; null does not.
        phases: fine-tuning in parts, each with `epochs` of its own in the place of
            those above; empty is one part, with all layers.
        steps_per_call: batches in one call into TensorFlow; null is the whole epoch.
        jit: compile the step with XLA; on a CPU it is slower at most sizes.
        checkpoint_seconds: at least this long between two checkpoints.
    """

    epochs: int = Field(60, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    learning_rate: float = Field(2e-3, gt=0, le=10)
    schedule: Schedule = "cosine"
    warm_up: float = Field(0.1, ge=0, lt=1)
    decay: float = Field(0.1, gt=0, lt=1)
    milestones: list[float] = Field([0.5, 0.75], min_length=1)
    plateau_patience: int = Field(5, ge=1)
    optimizer: Optimizer = "adam"
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0, le=1)
    patience: int = Field(15, ge=1)
    min_delta: float = Field(0.0, ge=0)
    monitor: Monitor = "loss"
    loss: Loss | None = None
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    clip_norm: float | None = Field(None, gt=0)
    clip_value: float | None = Field(None, gt=0)
    accumulate: int = Field(1, ge=1, le=10_000)
    ema: float | None = Field(None, gt=0, lt=1)
    swa: float | None = Field(None, ge=0, lt=1)
    phases: list[Phase] = []
    steps_per_call: int | None = unhashed(None, ge=1)
    jit: bool = False
    checkpoint_seconds: float = unhashed(15.0, ge=0)

    @model_validator(mode="after")
    def _one_average(self) -> Self:
        if self.ema and self.swa is not None:
            raise ValueError("ema and swa are two averages of the weights; choose one")
        if self.clip_norm and self.clip_value:
            raise ValueError(
                "clip_norm and clip_value are two ways to clip; choose one"
            )
        if not all(0 < part < 1 for part in self.milestones):
            raise ValueError(
                f"milestones are parts of the fit, 0 .. 1, not {self.milestones}"
            )
        return self

    @property
    def own_loop(self) -> list[str]:
        """What is asked for that fine-tuning in compress, Keras's own fit, has not."""
        fields = FitSettings.model_fields
        usual = {n: fields[n].get_default(call_default_factory=True) for n in OWN_LOOP}
        given = [name for name in OWN_LOOP if getattr(self, name) != usual[name]]
        return given + ["schedule: plateau"] * (self.schedule == "plateau")

    @property
    def parts(self) -> list[Phase]:
        """The phases, or the one that a fit without phases is."""
        return self.phases or [Phase(epochs=self.epochs)]
