"""train: fit the best hyperparameters fully; the result is baseline and teacher.

In: data, augment, tune. Out: model.keras, model.json, history.csv, curves.png,
gradients.csv.
Run: python -m pipeline run train --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.artifact import read_data
from pipeline.engine.stage import Inputs
from pipeline.fit.gradients import gradient_norms, verdict, write_norms
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
    settings = params.settings(best.training())
    before = gradient_norms(model, data.spec, data.train(), settings)
    history = fit(
        model,
        data.spec,
        data.train(),
        data.validation(),
        settings,
        seed=inputs.seed,
        policy=best.policy(inputs["augment"], inputs.seed),
        progress=inputs.progress,
        folder=inputs.scratch,
        speed=inputs.volatile.setdefault("speed", {}),
    )
    after = gradient_norms(model, data.spec, data.train(), settings)
    for when, norms in (("before training", before), ("after training", after)):
        if said := verdict(norms):
            print(f"{when}: {said}")
    write_norms(out / "gradients.csv", before, after)
    weights = model.count_params()
    save_model(model, out / "model.keras")
    write_architecture(out, Architecture(best.builder, best.values, weights))
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "baseline")
    return summary(history, params.epochs, weights)
