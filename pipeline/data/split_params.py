"""Parameters of splits and of labels: `data.split` and `data.labels`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.core.params import Params


class SplitParams(Params):
    """Fractions of the examples, groups, and cross-validation.

    Args:
        train, validation, test: fraction of the examples; the three add up to 1. A
            split that the source brings, or `data.split_sources` names, replaces its
            fraction. With `test: 0` there is no test split, and the test examples of
            the source validate; evaluate and report then have nothing to read.
        group: keep examples of one group in one split: a column of a CSV file, an
            array of an .npz file, or a field of `data.file_name`. For an embedding, it
            is the identity that is recognized, in the place of the class.
        use_source_splits: use the source's own validation and test splits where it has
            them.
        rare_classes: `allow` also splits where a class has too few examples for every
            split, or none that `data.classes` names; for `error`, both are refused.
        folds, fold: cross-validation: fold `fold` of `folds`, counted from 0, is the
            test split (the validation split, where the test split is the source's).
    """

    # A fifth each for validation and test: intervals of metrics stay narrow on small
    # data sets, and training keeps most of the examples.
    train: float = Field(default=0.6, gt=0, lt=1)
    validation: float = Field(default=0.2, gt=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    group: str | None = None  # examples are taken to be independent
    use_source_splits: bool = True  # results compare with published ones
    # A class that is not learned is worse than a run that stops.
    rare_classes: Literal["error", "allow"] = "error"
    folds: int | None = Field(default=None, ge=2, le=100)  # one split is one training
    fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"train, validation and test must add up to 1, not {total:g} "
                f"({self.train:g} + {self.validation:g} + {self.test:g})"
                f"{self._defaults()}"
            )
        if self.fold >= (self.folds or 1):
            raise ValueError(
                f"fold {self.fold} needs folds of at least {self.fold + 1}; "
                "folds are counted from 0"
            )
        return self

    def _defaults(self) -> str:
        """Name the fractions that were not set, which still have their defaults."""
        names = ("train", "validation", "test")
        unset = [name for name in names if name not in self.model_fields_set]
        if not unset or len(unset) == len(names):
            return ""
        values = " and ".join(f"{name} {getattr(self, name):g}" for name in unset)
        return f"; {values} is the default: set all three"


class LabelParams(Params):
    """Changes to the labels of the training split.

    Args:
        noise: fraction of them that is replaced by another class, for studies.
        label_errors: `list` writes suspected label errors into label_errors.csv, `drop`
            and `relabel` also act on them; `off` does not search.
        folds: cross-validation folds of the search for label errors.
    """

    noise: float = Field(default=0.0, ge=0, le=0.9)
    # The search fits a model per fold, and its findings need a person's look.
    label_errors: Literal["off", "list", "drop", "relabel"] = "off"
    folds: int = Field(default=5, ge=2, le=20)  # as scikit-learn's cross_val_predict
