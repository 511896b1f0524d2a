"""One fit on as many devices as asked for.

    python -m tests.helpers.training_devices_drive 2

Prints, as JSON, the weights and the history.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.devices import prepare, shared
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

SPEC = TaskSpec("x", "x:x", (6,), "float32", ("a", "b"), modality="table")


def main() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(96, 6)).astype(np.float32)
    split = Split(x, (x[:, 0] > 0).astype(np.int64), class_weights=(1.0, 2.0))
    settings = FitSettings(epochs=3, batch_size=16, weight_decay=0.01)
    devices = int(sys.argv[1])
    prepare(devices, settings.batch_size)
    values = {"units": 8, "dropout": 0.0, "l2": 1e-3, "normalization": "none"}
    model = registry.build("mlp", values, SPEC, 4)
    with shared(model, devices) as copy:
        history = fit(copy, FitData(SPEC, split, split), settings, FitContext(4))
    weights = [weight.tolist() for weight in model.get_weights()]
    print(json.dumps({"weights": weights, "rows": history.rows}))


if __name__ == "__main__":
    main()
