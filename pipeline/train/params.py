"""What an experiment file says of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.core.params import Params, unhashed
from pipeline.fit.params import FitSettings, Optimizer

SCRATCH = "scratch"
Schedule = FitSettings.model_fields["schedule"].annotation


class PseudoLabels(Params):
    """Examples without labels, which the model labels itself where it is sure.

    Args:
        pool: an .npz file with an array `x` of stored examples, as spec.json has them;
            null takes the part of the training split whose labels are left aside.
        labelled: part of the training split whose labels are used.
        confidence: the least probability of a label that is believed.
    """

    pool: str | None = None
    labelled: float = Field(1.0, gt=0, le=1)
    confidence: float = Field(0.95, gt=0, le=1)


class TrainParams(FitSettings):
    """How the baseline, which is also the teacher, is fitted.

    Args:
        learning_rate, batch_size, schedule, weight_decay, optimizer: what the search's
            best trial was trained with if null, whether it was searched or fixed
            there (`tune.fix`, `tune.batch_size`).
        init_from: a .keras file of the same architecture, whose weights it begins
            with; if null, of an extended experiment (`data.extend`), the weights of
            before; `scratch` begins anew.
        heads: further targets of the data (`data.also`) that are learnt beside the main
            one: name -> weight of its loss, which the main one's is added to.
        replicates: seeds in all; more than one give a mean with an interval.
        folds: of a cross-validation on training and validation examples, besides;
            a group of `data.split.group` is in one fold alone.
        pseudo_labels: learn from examples without labels; null does not. For
            classifications.
        precision: `mixed` computes in bfloat16 where the hardware has it.
        devices: of this machine that share each batch; not with `accumulate`.
        workers: fits at once; no result depends on it.
    """

    learning_rate: float | None = Field(None, gt=0, le=10)
    batch_size: int | None = Field(None, ge=1, le=65_536)
    schedule: Schedule | None = None
    weight_decay: float | None = Field(None, ge=0, le=1)
    optimizer: Optimizer | None = None
    init_from: str | None = None
    heads: dict[str, Annotated[float, Field(ge=0)]] = {}
    replicates: int = Field(1, ge=1, le=100)
    folds: int | None = Field(None, ge=2, le=100)
    pseudo_labels: PseudoLabels | None = None
    precision: Literal["float32", "mixed"] = "float32"
    devices: int = Field(1, ge=1, le=64)
    workers: int = unhashed(2, ge=1, le=256)

    @model_validator(mode="after")
    def _one_way_to_share(self) -> Self:
        if self.devices > 1 and self.accumulate > 1:
            raise ValueError(
                f"devices {self.devices} and accumulate {self.accumulate}: Keras does "
                "not accumulate gradients on several devices; a batch_size times "
                f"{self.accumulate} is the same step"
            )
        return self

    @model_validator(mode="after")
    def _heads_alone(self) -> Self:
        others = {"folds": self.folds, "pseudo_labels": self.pseudo_labels}
        for name, given in others.items():
            if self.heads and given:
                raise ValueError(f"heads and {name} do not go together; leave one out")
        return self

    @property
    def files(self) -> list[str]:
        """Files outside the experiment."""
        pool = self.pseudo_labels.pool if self.pseudo_labels else None
        return [name for name in (self.init_from, pool) if name not in (None, SCRATCH)]

    def settings(self, tuned: Mapping[str, Any]) -> FitSettings:
        """The settings of a fit, with the search's where nothing is set."""
        values = {name: getattr(self, name) for name in FitSettings.model_fields}
        given = {name: one for name, one in values.items() if one is not None}
        return FitSettings(**{**tuned, **given})
