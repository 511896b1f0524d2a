"""What an experiment file says of its data."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from pipeline.engine.errors import UserError, nearest
from pipeline.engine.params import Params

# Kind -> what stands behind the colon.
SOURCES = {
    "sklearn": "a data set inside scikit-learn, such as sklearn:digits",
    "tfds": "a TensorFlow Datasets name, such as tfds:fashion_mnist",
}


class SplitParams(Params):
    """Fractions of the examples; a source's own test split replaces `test`."""

    train: float = Field(0.6, gt=0, lt=1)
    validation: float = Field(0.2, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"train, validation and test must add up to 1, not {total:g}"
            )
        return self


class DataParams(Params):
    """The source and how it is split.

    Args:
        source: `kind:name`.
        data_dir: where TensorFlow Datasets keeps its files; its default if null.
        download: fetch a TFDS set that is not on this machine.
        calibration: examples of the training split that set int8 ranges.
    """

    source: str
    data_dir: str | None = None
    download: bool = True
    split: SplitParams = SplitParams()
    calibration: int = Field(200, ge=1, le=100_000)

    @field_validator("source")
    @classmethod
    def _known(cls, source: str) -> str:
        try:
            check_source(source)
        except UserError as error:
            raise ValueError(str(error)) from None
        return source


def check_source(source: str) -> None:
    """Refuse a source that is not of the form `kind:name`."""
    kind, _, name = source.partition(":")
    if kind not in SOURCES or not name:
        known = "; ".join(f"{kind}: {text}" for kind, text in SOURCES.items())
        hint = nearest(kind, SOURCES)
        raise UserError(f'source "{source}" must be KIND:NAME{hint} ({known})')


def reader_module(source: str) -> str:
    """The module that reads this kind of source."""
    return f"pipeline.data.sources.{source.partition(':')[0]}"
