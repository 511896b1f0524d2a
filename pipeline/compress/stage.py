"""compress: a search over recipes, and the smallest file within the budget.

In: data, augment, train, distill. Out: variants/*.tflite, golden/*.npz, best.tflite,
model_data.h, model_data.cc, labels.txt, metadata.json, pareto.json, pareto.csv,
pareto.png, ledger.json.
Run: python -m pipeline run compress --exp digits
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.compress.tflite import c_array
from pipeline.compress.selection import latency, ledger, pareto_plot, pareto_table
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.params import CompressParams
from pipeline.compress.search import Made, search
from pipeline.compress.variant import Row, Variant, Workshop
from pipeline.data.artifact import read_data
from pipeline.core.determinism import derive_seed
from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs
from pipeline.tasks.export import export_of
from pipeline.tasks.registry import task_of
from pipeline.train.artifact import read_architecture


def run(params: CompressParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build the variants, each in its own process; compare, choose, publish.

    Raises:
        UserError: when no variant has a file, or the float baseline has none.
    """
    shop = workshop(params, inputs)
    _look_at_calibration(shop)
    made = search(plan(params, tuple(shop.models)), shop, params, inputs)
    _publish_files(made, shop, out)
    rows = _compared(made, shop)
    inputs.volatile.update(latency.measure(rows, made, shop))
    times = inputs.volatile["latency_ms"]
    limits = pareto_table.limits_of(params.budget, shop.data.spec.task, times)
    document = pareto_table.document(rows, limits)
    pareto_table.write(out, document)
    inputs.volatile["latency_words"] = latency.words(times)
    inputs.volatile["latency_frontier"] = latency.frontier(document, times)
    write_json(out / "ledger.json", {"variants": ledger.document(made)})
    pareto_plot.draw(out / "pareto.png", document, shop.data.spec.name)
    _write_chosen(document, shop, out)
    return pareto_table.metrics(document, limits)


def plan(
    params: CompressParams, sources: Sequence[str] = ("baseline", "student")
) -> list[Variant]:
    """Float files of both models, then every recipe on every source, once each.

    Args:
        sources: the models that there are.
    """
    wanted = [(source, "float") for source in sources]
    wanted += [(source, text) for source in params.sources for text in params.recipes]
    variants = [Variant(source, parse_recipe(text)) for source, text in wanted]
    return list({variant.id: variant for variant in variants}.values())


def workshop(params: CompressParams, inputs: Inputs) -> Workshop:
    """What the variants of an experiment are made with."""
    models, strength = {"baseline": inputs["train"] / "model.keras"}, 1.0
    if "distill" in inputs.folders:  # a model from elsewhere has no student
        models["student"] = inputs["distill"] / "student.keras"
        strength = read_architecture(inputs["train"]).strength
    return Workshop(
        models=models,
        data=read_data(inputs["data"]),
        policy=read_policy(inputs["augment"], inputs.seed, strength),
        settings=params.fine_tuning(),
        taught=tuple(params.taught),
        imitation=(params.weight, params.temperature),
        seed=inputs.seed,
        threads=params.threads,
        shrink=params.shrink,
        folder=inputs.scratch,
    )


def _look_at_calibration(shop: Workshop) -> None:
    """Warn where ranges of int8 are set by examples that cannot have every class."""
    count, classes = len(shop.data.calibration()), len(shop.data.spec.classes)
    if task_of(shop.data.spec).predicts_classes and count < classes:
        print(
            f"warning: {count} calibration examples for {classes} classes: the ranges "
            "of int8 miss some; raise data.calibration"
        )


def _publish_files(made: Sequence[Made], shop: Workshop, out: Path) -> None:
    for name in ("variants", "golden"):
        (out / name).mkdir()
    for each in made:
        if each.row["file"]:
            folder, name = shop.of(each.variant), each.variant.id
            shutil.copyfile(folder / "model.tflite", out / each.row["file"])
            shutil.copyfile(folder / "golden.npz", out / "golden" / f"{name}.npz")


def _compared(made: Sequence[Made], shop: Workshop) -> list[Row]:
    """Rows with the interval of what they lost against the float baseline."""
    first = next(each for each in made if each.variant.id == pareto_table.BASELINE).evidence
    interval, y = shop.measure.drop_interval, shop.data.validation().y
    seed = derive_seed(shop.seed, "bootstrap")
    return [
        {**row, "drop_interval": interval(first, evidence, y, seed)}
        for row, evidence in ((each.row, each.evidence) for each in made)
    ]


def _write_chosen(document: dict[str, Any], shop: Workshop, out: Path) -> None:
    """The chosen file as it is and as a C array, with what its ends mean."""
    spec = shop.data.spec
    if labels := export_of(spec).labels(spec):
        text = "".join(f"{name}\n" for name in labels)
        (out / "labels.txt").write_text(text, encoding="utf-8")
    point = next(
        (each for each in document["points"] if each["id"] == document["chosen"]), None
    )
    if point:
        shutil.copyfile(out / point["file"], out / "best.tflite")
        c_array.write(out, spec, point)
