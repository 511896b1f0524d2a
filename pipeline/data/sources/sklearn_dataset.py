"""`sklearn:NAME`: the sets inside the wheel, nothing to download.

digits: 1,797 scanned digits of 8x8, 17 grey levels (Alpaydin, Kaynak, Optical
Recognition of Handwritten Digits, UCI, 1998). breast_cancer, iris, wine: tables.
diabetes: a table of 442 patients, and how far the disease went in a year (Efron et
al., Least Angle Regression, 2004), a regression.
"""

from __future__ import annotations

import numpy as np
from sklearn import datasets

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import Intake
from pipeline.data.sources.registry import check_known
from pipeline.core.errors import UserError

TABLES = {
    "breast_cancer": datasets.load_breast_cancer,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}
NUMBERS = {"diabetes": lambda: datasets.load_diabetes(scaled=False)}


def read(name: str, intake: Intake) -> Examples:
    """Read a data set that scikit-learn carries."""
    check_known(f"sklearn:{name}", intake.key)
    if (name in NUMBERS) != intake.wants_numbers:
        raise UserError(
            f'{intake.key} "sklearn:{name}": is for data.task '
            f"{'regression' if name in NUMBERS else 'classification or anomaly'}, "
            f"not {intake.params.task}"
        )
    if name in NUMBERS:
        return _numbers(NUMBERS[name]())
    return _digits() if name == "digits" else _table(TABLES[name]())


def _digits() -> Examples:
    bunch = datasets.load_digits()
    return Examples(
        x=bunch.images.astype(np.uint8)[..., None],
        y=bunch.target.astype(np.int64),
        classes=tuple(map(str, bunch.target_names)),
        scale=1 / 16,
    )


def _table(bunch) -> Examples:
    return Examples(
        x=bunch.data.astype(np.float32),
        y=bunch.target.astype(np.int64),
        classes=tuple(map(str, bunch.target_names)),
        modality="table",
        learns="standardise",
        inputs=tuple(bunch.feature_names),
    )


def _numbers(bunch) -> Examples:
    return Examples(
        x=bunch.data.astype(np.float32),
        y=bunch.target.astype(np.float64),
        classes=(),
        modality="table",
        learns="standardise",
        inputs=tuple(bunch.feature_names),
    )
