"""Settings of one fit, shared by tune, train, distill and compress."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.core.params import Params, unhashed

Optimizer = Literal["adam", "adamw", "sgd", "rmsprop", "lion"]
Schedule = Literal["constant", "step", "exponential", "cosine", "one_cycle", "plateau"]
# Supported by the loop of train and distill, but not by Keras's own fit of tf_keras.
LOOP_ONLY = (
    "gradient_accumulation_steps",
    "ema_momentum",
    "swa",
    "phases",
    "jit_compile",
    "q_learning",
)


class Phase(Params):
    """One phase of a fit, which trains a subset of the layers.

    Args:
        epochs: maximum number of epochs; each phase stops early on its own.
        unfreeze: fraction of the layers with weights that is trained, counted from the
            output; 0 is the last one alone, 1 is all.
        rate: factor of the learning rate.
    """

    epochs: int = Field(ge=1, le=100_000)
    unfreeze: float = Field(default=1.0, ge=0, le=1)  # all layers
    rate: float = Field(default=1.0, gt=0, le=100)  # the learning rate itself


class QLearning(Params):
    """Double deep Q-learning, by which models of an environment are trained.

    Args:
        steps: in the environment per epoch; each is followed by one update.
        actors: environments that are played side by side.
        memory: transitions that updates are drawn from.
        discount: factor of the reward one step later.
        warmup: steps before the first update.
        exploration: steps during which the probability of a random action falls from 1.
        final_exploration: that probability afterwards.
        average: momentum of the moving average of the weights, which is validated and
            kept in their place.
        target_period: updates after which the copy of the weights that values the next
            state is renewed.
    """

    steps: int = Field(default=1000, ge=1, le=10_000_000)  # between two validations
    actors: int = Field(default=8, ge=1, le=1024)  # one call of the model for all
    memory: int = Field(default=50_000, ge=100, le=10_000_000)  # fits into 10 MB
    discount: float = Field(default=0.99, ge=0, lt=1)  # as Mnih et al., 2015
    warmup: int = Field(default=1000, ge=0)  # more than a batch
    exploration: int = Field(default=10_000, ge=1)  # a fifth of the memory
    final_exploration: float = Field(default=0.1, ge=0, le=1)  # as Mnih et al., 2015
    average: float = Field(default=0.998, ge=0, lt=1)  # half an epoch
    target_period: int = Field(default=256, ge=1)  # a quarter of an epoch

    def exploration_at(self, steps: int) -> float:
        """Return the probability of a random action after a number of steps."""
        progress = min(1.0, steps / self.exploration)
        return 1 + (self.final_exploration - 1) * progress


class FitSettings(Params):
    """Settings of one fit.

    Args:
        epochs: maximum number of epochs; replaced by those of `phases` where set.
        batch_size: examples per step.
        learning_rate: the highest rate of the schedule.
        patience: epochs without an improved `monitor` before training stops.
        min_delta: smallest change of `monitor` that counts as an improvement for
            `patience`.
        monitor: validation quantity that selects the best epoch, whose weights are
            restored: `loss`, or the metric of the task (`accuracy`, `r2` for
            regression, `auc` for anomaly detection).
        schedule: learning rate schedule; see `pipeline.training.schedules`.
        warmup_fraction: fraction of all steps during which the rate rises (cosine,
            one_cycle).
        decay: factor of the rate: at each milestone (step), over the whole fit
            (exponential), after `plateau_patience` epochs without an improved `monitor`
            (plateau).
        milestones: fractions of all steps.
        plateau_patience: epochs without an improved `monitor` before the rate is
            lowered (plateau).
        optimizer: name of the optimizer; `sgd` uses Nesterov momentum.
        momentum: momentum of sgd.
        weight_decay: decoupled weight decay; adam with it is adamw, and adamw without
            it is adam.
        loss: `cross_entropy`, `focal`, `binary`, `mse`, `mae` or `huber`; null selects
            cross-entropy for classes and mse for numbers and reconstructed examples,
            which also accept mae and huber. Segmentation and embedding have losses of
            their own.
        label_smoothing: fraction of each target that is spread over all classes.
        global_clipnorm: maximum norm of the gradient over all weights; null does not
            clip.
        clipvalue: maximum absolute entry of a gradient; null does not clip.
        gradient_accumulation_steps: batches whose gradients are averaged for an
            update.
        ema_momentum: momentum of a moving average of the weights, which is validated
            and kept in their place; null disables it.
        swa: fraction of the epochs after which the weights at the ends of epochs are
            averaged, with newly measured batch statistics; null disables it.
        phases: fine-tuning in several phases, each with its own `epochs`; empty is one
            phase that trains all layers.
        q_learning: how a policy is trained in its environment.
        steps_per_execution: batches per call into TensorFlow; null is the whole epoch.
        jit_compile: compile the training step with XLA.
        checkpoint_seconds: minimum time between two checkpoints, in seconds.
    """

    epochs: int = Field(default=60, ge=1, le=100_000)  # early stopping ends most fits
    batch_size: int = Field(default=32, ge=1, le=65_536)  # small data, small models
    learning_rate: float = Field(default=2e-3, gt=0, le=10)  # small nets, with Adam
    schedule: Schedule = "cosine"  # robust without tuning (Loshchilov, Hutter, 2017)
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)  # until Adam's moments hold
    decay: float = Field(default=0.1, gt=0, lt=1)  # the usual factor of ten
    milestones: list[float] = Field(default=[0.5, 0.75], min_length=1)  # as ResNet's
    plateau_patience: int = Field(default=5, ge=1)  # well below `patience`
    optimizer: Optimizer = "adam"  # needs the least tuning of its rate
    momentum: float = Field(default=0.9, ge=0, lt=1)  # the usual choice
    weight_decay: float = Field(default=0.0, ge=0, le=1)  # off: small models underfit
    patience: int = Field(default=15, ge=1)  # a quarter of the epochs
    min_delta: float = Field(default=0.0, ge=0)  # any improvement counts
    monitor: str = "loss"  # less noisy than a metric on few examples
    loss: str | None = None  # the loss of the task
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)  # off
    global_clipnorm: float | None = Field(default=None, gt=0)  # off
    clipvalue: float | None = Field(default=None, gt=0)  # off
    gradient_accumulation_steps: int = Field(default=1, ge=1, le=10_000)  # off
    ema_momentum: float | None = Field(default=None, gt=0, lt=1)  # off
    swa: float | None = Field(default=None, ge=0, lt=1)  # off
    phases: list[Phase] = []  # one phase
    q_learning: QLearning = QLearning()
    steps_per_execution: int | None = unhashed(None, ge=1)  # fewest calls
    jit_compile: bool = False  # slower on a CPU at most sizes
    checkpoint_seconds: float = unhashed(15.0, ge=0)  # little lost, little written

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ema_momentum and self.swa is not None:
            raise ValueError(
                "ema_momentum and swa are mutually exclusive: both average the "
                "weights; set one of them"
            )
        if self.global_clipnorm and self.clipvalue:
            raise ValueError(
                "global_clipnorm and clipvalue are mutually exclusive: both clip "
                "gradients; set one of them"
            )
        if not all(0 < milestone < 1 for milestone in self.milestones):
            raise ValueError(
                "milestones must be fractions of the fit between 0 and 1, "
                f"not {self.milestones}"
            )
        return self

    @property
    def effective_phases(self) -> list[Phase]:
        """The phases, or the single one of a fit without `phases`."""
        return self.phases or [Phase(epochs=self.epochs)]


def fine_tuning_conflict(settings: FitSettings, section: str = "") -> str:
    """Explain which settings Keras's own fit of tf_keras does not support.

    Args:
        settings: the settings of fine-tuning.
        section: prefix of the keys in the message, such as `compress.`.

    Returns:
        One sentence, or an empty text if all settings are supported.
    """
    fields = FitSettings.model_fields
    names = [
        name
        for name in LOOP_ONLY
        if getattr(settings, name)
        != fields[name].get_default(call_default_factory=True)
    ]
    names += ["schedule: plateau"] if settings.schedule == "plateau" else []
    if not names:
        return ""
    keys = " and ".join(f"`{section}{name}`" for name in names)
    verb, pronoun = ("are", "them") if len(names) > 1 else ("is", "it")
    return f"{keys} {verb} not supported during fine-tuning; remove {pronoun}"
