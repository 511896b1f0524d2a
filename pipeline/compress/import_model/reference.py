"""Outputs of the float model on validation, in the place of labels.

In: an imported model, and examples without labels. Out: reference.npy `(n, *output)`
float32; data whose validation targets are these outputs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from pipeline.compress.import_model.misreading import outputs_of
from pipeline.data.artifact import Data

FILE = "reference.npy"


def write_reference(model: keras.Model, data: Data, out: Path) -> None:
    """Write the outputs of a model on the validation examples.

    Args:
        model: the float model.
        data: published data.
        out: folder of the stage.
    """
    inputs = data.spec.to_input(data.validation().x)
    np.save(out / FILE, outputs_of(model, inputs).astype(np.float32))


def with_reference(data: Data, train: Path) -> Data:
    """Return data whose validation targets are the float model's outputs.

    Args:
        data: published data.
        train: published folder of the train stage; without the file, labels are used.
    """
    path = train / FILE
    return replace(data, reference=path) if path.is_file() else data
