"""`sklearn:digits`: 1,797 scanned digits of 8x8, 17 grey levels, inside the wheel.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
"""

from __future__ import annotations

import numpy as np
from sklearn import datasets

from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.engine.errors import UserError, nearest

NAMES = ("digits",)


def read(name: str, params: DataParams) -> Examples:
    """Read a data set that scikit-learn carries."""
    if name not in NAMES:
        known = ", ".join(NAMES)
        hint = nearest(name, NAMES)
        raise UserError(f'data.source "sklearn:{name}": unknown{hint} (known: {known})')
    bunch = datasets.load_digits()
    return Examples(
        x=bunch.images.astype(np.uint8)[..., None],
        y=bunch.target.astype(np.int64),
        classes=tuple(map(str, bunch.target_names)),
        scale=1 / 16,
    )
