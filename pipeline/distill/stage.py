"""distill: fit a smaller student that imitates the trained model.

In: data, augment, train. Out: student.keras, model.json, history.csv, curves.png.
Run: python -m pipeline run distill --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.data.artifact import read_data
from pipeline.distill.params import DistillParams
from pipeline.distill.student import Distilled
from pipeline.engine.errors import UserError
from pipeline.engine.stage import Inputs
from pipeline.fit.history import summary
from pipeline.fit.loop import fit
from pipeline.models import registry
from pipeline.models.files import load_model, save_model
from pipeline.train.artifact import Architecture, read_architecture, write_architecture


def run(params: DistillParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build the student, fit it beside its teacher, save it."""
    data = read_data(inputs["data"])
    large = read_architecture(inputs["train"])
    values = {**large.values, "width": params.width}
    teacher = load_model(inputs["train"] / "model.keras")
    student = registry.build(large.builder, values, data.spec, inputs.seed)
    _check_smaller(student.count_params(), large, params.width)
    history = fit(
        Distilled(student, teacher, params.weight, params.temperature),
        data.spec,
        data.train(),
        data.validation(),
        params,
        seed=inputs.seed,
        policy=read_policy(inputs["augment"], inputs.seed),
        progress=inputs.progress,
    )
    weights = student.count_params()
    save_model(student, out / "student.keras")
    write_architecture(out, Architecture(large.builder, values, weights))
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "student")
    smaller = {"smaller": round(large.weights / weights, 1)}
    return {**summary(history, params.epochs, weights), **smaller}


def _check_smaller(weights: int, large: Architecture, width: float) -> None:
    if width != 1 and weights == large.weights:
        raise UserError(
            f"distill.width {width:g}: builder {large.builder} makes {weights:,} "
            "weights with it as without it; it must scale its layers by the "
            'hyperparameter `width`, as hp.Fixed("width", 1.0)'
        )
