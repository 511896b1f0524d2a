"""Parameters of the train stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params, unhashed
from pipeline.training.params import FitSettings, Optimizer, Schedule

SCRATCH = "scratch"
# All but the first pair number the training examples anew, which targets of heads and
# folds refer to.
EXCLUSIVE = (
    ("labelled", "pseudo_labels"),
    ("heads", "folds"),
    ("heads", "pseudo_labels"),
    ("heads", "labelled"),
    ("labelled", "folds"),
)


class PseudoLabels(Params):
    """Examples without labels, which the model labels itself where it is confident.

    Args:
        pool: an .npz file with an array `x` of stored examples, as spec.json describes
            them; null uses the training examples whose labels are set aside.
        labelled: fraction of the training split whose labels are used.
        confidence: minimum probability of a pseudo-label.
    """

    pool: str | None = None  # the examples that `labelled` sets aside
    labelled: float = Field(default=1.0, gt=0, le=1)  # no label is wasted
    confidence: float = Field(default=0.95, gt=0, le=1)  # as FixMatch (Sohn, 2020)


class Pretrain(Params):
    """Features learned without labels, before the training on labels.

    `pipeline.training.pretext` describes the methods. In the experiment file, the name
    of a method stands for this section with its defaults.

    Args:
        method: `contrastive` tells augmented views of an example from other examples,
            `masked` restores masked blocks, `autoencoder` removes noise.
        pool: an .npz file with an array `x` of further examples, as spec.json describes
            them; the training examples are always learned from.
        epochs: epochs of the pretraining.
        batch_size: examples per step, which are the negatives of `contrastive`.
        learning_rate: highest rate of a cosine schedule with Adam.
        temperature: divides the similarities of `contrastive`.
        masked: fraction of the blocks that `masked` hides.
        noise: standard deviation of the noise of `autoencoder`, relative to that of the
            data.
    """

    method: Literal["contrastive", "masked", "autoencoder"]
    pool: str | None = None  # the training examples alone
    epochs: int = Field(default=50, ge=1, le=100_000)  # longer than a fit on labels
    batch_size: int = Field(default=256, ge=2, le=65_536)  # SimCLR needs negatives
    learning_rate: float = Field(default=1e-3, gt=0, le=10)  # the usual one of Adam
    temperature: float = Field(default=0.2, gt=0, le=10)  # between 0.1 and 0.5
    masked: float = Field(default=0.5, gt=0, lt=1)  # hard, and enough left to see
    noise: float = Field(default=0.5, ge=0, le=10)  # half of the data's spread


class TrainParams(FitSettings):
    """Training of the baseline, which is also the teacher.

    Args:
        learning_rate, batch_size, schedule, weight_decay, optimizer: null takes the
            value of the search's best trial, whether it was searched or fixed there
            (`tune.fix`, `tune.batch_size`).
        init_from: a .keras file of the same architecture with the initial weights. With
            null, an extended experiment (`data.extend`) continues from its previous
            weights; `scratch` starts from random weights.
        heads: extra targets of the data (`data.extra_targets`) that are learned beside
            the main one: name -> weight of its loss, which is added to the main loss.
        replicates: number of seeds; more than one give a mean with an interval.
        folds: folds of an additional cross-validation on training and validation
            examples; a group of `data.split.group` is in a single fold. null disables
            it.
        labelled: fraction of the training split whose labels are used, drawn per class;
            the other examples serve `pretrain` only. To measure the worth of labels:
            the other stages use all of them.
        pretrain: learn features without labels first; null disables it. For models that
            end in a dense layer.
        pseudo_labels: learn from examples without labels; null disables it. For
            classification.
        precision: `mixed` computes in bfloat16 where the hardware supports it.
        devices: devices of this machine that share each batch; not together with
            `gradient_accumulation_steps`.
        engine: `tensorflow`, or `jax`, which trains in several processes, too; for
            classification. See `docs/scale.md`.
        hosts: processes of this machine that share each batch, with `engine: jax`;
            `batch_size` must be a multiple of it.
        workers: number of parallel fits; no result depends on it.
    """

    # The search decides these where they are null, so that they need no default here.
    learning_rate: float | None = Field(  # type: ignore[assignment]
        default=None, gt=0, le=10
    )
    batch_size: int | None = Field(  # type: ignore[assignment]
        default=None, ge=1, le=65_536
    )
    schedule: Schedule | None = None  # type: ignore[assignment]
    weight_decay: float | None = Field(  # type: ignore[assignment]
        default=None, ge=0, le=1
    )
    optimizer: Optimizer | None = None  # type: ignore[assignment]
    init_from: str | None = None  # random weights, unless `data.extend` is set
    heads: dict[str, Annotated[float, Field(ge=0)]] = {}  # the main target alone
    replicates: int = Field(default=1, ge=1, le=100)  # each costs a whole training
    folds: int | None = Field(default=None, ge=2, le=100)  # likewise
    labelled: float = Field(default=1.0, gt=0, le=1)  # no label is wasted
    pretrain: Pretrain | None = None  # pays only where labels are few
    pseudo_labels: PseudoLabels | None = None  # data sets are usually labeled
    precision: Literal["float32", "mixed"] = "float32"  # the same on every machine
    devices: int = Field(default=1, ge=1, le=64)  # small models gain nothing
    engine: Literal["tensorflow", "jax"] = "tensorflow"  # faster on one host
    hosts: int = Field(default=1, ge=1, le=1024)  # one process
    workers: int = unhashed(2, ge=1, le=256)  # the cores of a small machine

    @model_validator(mode="after")
    def _no_accumulation_on_devices(self) -> Self:
        steps = self.gradient_accumulation_steps
        if self.devices > 1 and steps > 1:
            raise ValueError(
                f"`gradient_accumulation_steps` ({steps}) must be 1 with `devices` "
                f"({self.devices}): Keras does not accumulate gradients on several "
                f"devices; a `batch_size` times {steps} is the same update"
            )
        return self

    @model_validator(mode="after")
    def _suits_the_engine(self) -> Self:
        if self.engine == "tensorflow" and self.hosts != 1:
            raise ValueError(
                f"`hosts` ({self.hosts}) needs `engine` jax: with TensorFlow, Keras 3 "
                "trains on one host; set `engine` to jax, or remove `hosts`"
            )
        if self.engine == "jax":
            self._check_jax()
        return self

    def _check_jax(self) -> None:
        unsupported = {
            "devices": self.devices > 1,
            "heads": bool(self.heads),
            "precision": self.precision != "float32",
        }
        for name, is_set in unsupported.items():
            if is_set:
                hint = "use `hosts`" if name == "devices" else "remove it"
                raise ValueError(
                    f"`{name}` is not supported with `engine` jax; {hint}, or set "
                    "`engine` to tensorflow"
                )
        size, hosts = self.batch_size, self.hosts
        if size and size % hosts:
            raise ValueError(
                f"`batch_size` ({size}) must be a multiple of `hosts` ({hosts}), which "
                f"share each batch; the next one is {size + -size % hosts}"
            )

    @field_validator("pretrain", mode="before")
    @classmethod
    def _method_alone(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _compatible(self) -> Self:
        active = {
            "heads": bool(self.heads),
            "labelled": self.labelled < 1,
            "folds": bool(self.folds),
            "pseudo_labels": bool(self.pseudo_labels),
        }
        for first, second in EXCLUSIVE:
            if active[first] and active[second]:
                raise ValueError(
                    f"{first} and {second} cannot be combined; remove one of them"
                )
        return self

    @property
    def files(self) -> list[str]:
        """Names of the files outside the experiment that training reads."""
        pools = [part.pool for part in (self.pseudo_labels, self.pretrain) if part]
        names = (self.init_from, *pools)
        return [name for name in names if name is not None and name != SCRATCH]

    def settings(self, tuned: Mapping[str, Any]) -> FitSettings:
        """Return the settings of a fit.

        Args:
            tuned: the settings of the best trial, which replace those that are null.
        """
        values = {name: getattr(self, name) for name in FitSettings.model_fields}
        own = {name: value for name, value in values.items() if value is not None}
        return FitSettings(**{**tuned, **own})
