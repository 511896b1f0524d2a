"""train: fit the best hyperparameters fully; the result is baseline and teacher.

In: data, augment, tune. Out: model.keras, model.json, history.csv, curves.png.
Run: python -m pipeline run train --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.data.artifact import read_data
from pipeline.engine.stage import Inputs
from pipeline.fit.history import summary
from pipeline.fit.loop import fit
from pipeline.models import registry
from pipeline.models.files import save_model
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.train.params import TrainParams
from pipeline.tune.artifact import read_best


def run(params: TrainParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build, fit with early stopping, save."""
    data = read_data(inputs["data"])
    best = read_best(inputs["tune"])
    model = registry.build(best.builder, best.values, data.spec, inputs.seed)
    history = fit(
        model,
        data.spec,
        data.train(),
        data.validation(),
        params.settings(best.values["learning_rate"]),
        seed=inputs.seed,
        policy=read_policy(inputs["augment"], inputs.seed),
        progress=inputs.progress,
    )
    weights = model.count_params()
    save_model(model, out / "model.keras")
    write_architecture(out, Architecture(best.builder, best.values, weights))
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "baseline")
    return summary(history, params.epochs, weights)
