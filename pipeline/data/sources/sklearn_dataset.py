"""`sklearn:NAME`: the data sets inside the scikit-learn package; nothing to download.

digits: 1,797 scanned digits of 8x8, 17 gray levels (Alpaydin, Kaynak, Optical
Recognition of Handwritten Digits, UCI, 1998). breast_cancer, iris, wine: tables.
diabetes: a table of 442 patients and the progression of their disease after one year
(Efron et al., Least Angle Regression, 2004), numbers to predict.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import datasets

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import SKLEARN, check_known
from pipeline.tasks.registry import reading

CLASS_TABLES = {
    "breast_cancer": datasets.load_breast_cancer,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}
NUMBER_TABLES = {"diabetes": lambda: datasets.load_diabetes(scaled=False)}


def read(context: ReadContext) -> Examples:
    """Load a data set that scikit-learn includes; see `SourceReader`."""
    name = context.name
    check_known(f"sklearn:{name}", context.key)
    if (name in NUMBER_TABLES) != context.wants_numbers:
        raise UserError(
            f'{context.key} "sklearn:{name}": is for data.task '
            f"{' or '.join(reading(SKLEARN[name]))}, "
            f"not {context.params.task}"
        )
    if name in NUMBER_TABLES:
        return _number_table(NUMBER_TABLES[name]())
    return _digits() if name == "digits" else _class_table(CLASS_TABLES[name]())


def _digits() -> Examples:
    bunch: Any = datasets.load_digits()
    return Examples(
        x=bunch.images.astype(np.uint8)[..., None],
        y=bunch.target.astype(np.int64),
        classes=tuple(map(str, bunch.target_names)),
        scale=1 / 16,
    )


def _class_table(bunch: Any) -> Examples:
    return Examples(
        x=bunch.data.astype(np.float32),
        y=bunch.target.astype(np.int64),
        classes=tuple(map(str, bunch.target_names)),
        modality="table",
        learns="standardise",
        inputs=tuple(bunch.feature_names),
    )


def _number_table(bunch: Any) -> Examples:
    return Examples(
        x=bunch.data.astype(np.float32),
        y=bunch.target.astype(np.float64),
        classes=(),
        modality="table",
        learns="standardise",
        inputs=tuple(bunch.feature_names),
    )
