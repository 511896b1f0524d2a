"""compress: build variants by recipes, and choose the smallest file in the budget.

In: data, augment, train, distill. Out: variants/*.tflite, golden/*.npz, best.tflite,
kit/* (C source), front_end.npz (and .wav or .png), labels.txt, metadata.json,
pareto.json, pareto.csv, pareto.png, ledger.json; device/*.tflite and best_device.tflite
where the target stores another file;
for text generation, and causal models of sound, stateful/*.tflite (.npz) and
best_stateful.tflite; for text generation samples.json.
Run: python -m pipeline run compress --exp digits
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.compress import device, generation, sound_stream
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.import_model.reference import with_reference
from pipeline.compress.kit import write as kit
from pipeline.compress.limits_check import unreachable
from pipeline.compress.params import CompressParams
from pipeline.compress.search import search
from pipeline.compress.selection import (
    latency,
    ledger,
    other_metrics,
    pareto_plot,
    pareto_table,
)
from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.point import Interval, OtherDrops, Point
from pipeline.compress.stateful.streams import is_stream
from pipeline.compress.tflite import front_end
from pipeline.compress.variant import BuildContext, Variant, VariantResult
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.core.wording import quantity
from pipeline.data.artifact import read_data, with_experience
from pipeline.engine.stage import Inputs, silent
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.export import export_of
from pipeline.tasks.floor import floor_warning
from pipeline.tasks.registry import task_of
from pipeline.train.artifact import read_architecture


def run(params: CompressParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build the variants, each in its own process; compare them and publish the best.

    Args:
        params: section `compress` of the experiment.
        inputs: published folders of data, augment, train and, unless the model was
            imported, distill; `volatile` receives the latency.
        out: folder that is published.

    Returns:
        The metrics of the stage, see `pareto_table.metrics`.

    Raises:
        UserError: when no variant has a file, or the float baseline has none.
    """
    context = build_context(params, inputs)
    _warn_about_calibration(context)
    device.warn_about_estimates(params)
    variants = plan(params, tuple(context.models))
    for sentence in unreachable(variants, context, params):
        print(f"warning: {sentence}")
    results = search(variants, context, params, inputs)
    results = device.measure(results, context, params, inputs)
    _publish_files(results, context, params.target, out)
    intervals = _drop_intervals(results, context)
    inputs.volatile.update(latency.measure(results, context))
    times = inputs.volatile["latency_ms"]
    unbalanced = _is_unbalanced(context)
    task = context.data.spec.task
    limits = pareto_table.limits_of(params.budget, task, times, unbalanced)
    rows = [result.row for result in results]
    others = _other_drops(results, limits, context)
    points = pareto_table.compare(rows, limits, intervals, others)
    document = {**pareto_table.document(points, limits), "target": params.target}
    pareto_table.write(out, document)
    inputs.volatile["latency_words"] = latency.words(times)
    inputs.volatile["latency_frontier"] = latency.frontier(points, limits, times)
    write_json(out / "ledger.json", {"variants": ledger.document(results)})
    pareto_plot.draw(out / "pareto.png", document, context.data.spec.name, limits)
    _write_chosen(points, document["chosen"], context, params.c_symbol, out)
    if is_stream(spec := context.data.spec):
        module = generation if task_of(spec).generates else sound_stream
        module.write(results, document["chosen"], context, out)
    metrics = pareto_table.metrics(points, limits)
    if "guard" in metrics:
        print(f"note: {metrics['guard']}")
    return {**metrics, **_doubts(results, document["chosen"], context)}


def plan(
    params: CompressParams, sources: Sequence[str] = ("baseline", "student")
) -> list[Variant]:
    """List the variants: a float file per model, then every recipe on every source.

    Args:
        params: sources and recipes.
        sources: the models that exist; default both.

    Returns:
        The variants, without repeats.
    """
    pairs = [(source, "float") for source in sources]
    pairs += [(source, text) for source in params.sources for text in params.recipes]
    variants = [Variant(source, parse_recipe(text)) for source, text in pairs]
    return list({variant.id: variant for variant in variants}.values())


def build_context(params: CompressParams, inputs: Inputs) -> BuildContext:
    """Collect what all variants of an experiment are built from.

    Args:
        params: section `compress` of the experiment.
        inputs: published folders; an imported model has no distill, and no student.
    """
    models, strength = {"baseline": inputs["train"] / "model.keras"}, 1.0
    if "distill" in inputs.folders:
        models["student"] = inputs["distill"] / "student.keras"
        strength = read_architecture(inputs["train"]).strength
    return BuildContext(
        models=models,
        data=with_experience(
            with_reference(read_data(inputs["data"]), inputs["train"]), inputs["train"]
        ),
        policy=read_policy(inputs["augment"], inputs.seed, strength),
        settings=params.fine_tuning(),
        distilled_sources=tuple(params.distilled_sources),
        distillation_weight=params.distillation_weight,
        temperature=params.temperature,
        seed=inputs.seed,
        threads=params.threads,
        strip_metadata=params.strip_metadata,
        folder=inputs.scratch,
        search_rate=params.learning_rate is None and params.trainer == "tfmot",
        progress=inputs.progress if params.engine == "local" else silent,
        trainer=params.trainer,
    )


def _warn_about_calibration(context: BuildContext) -> None:
    """Warn when fewer examples calibrate int8 than there are classes."""
    count, classes = len(context.data.calibration()), len(context.data.spec.classes)
    if task_of(context.data.spec).predicts_classes and count < classes:
        examples = quantity(count, "calibration example")
        print(
            f"warning: {examples} for {classes} classes: the int8 "
            "ranges miss some classes; raise data.calibration"
        )


def _publish_files(
    results: Sequence[VariantResult], context: BuildContext, target: str, out: Path
) -> None:
    for name in ("variants", "golden"):
        (out / name).mkdir()
    for result in results:
        if result.row.file:
            folder, name = context.folder_of(result.variant), result.variant.id
            shutil.copyfile(folder / "model.tflite", out / result.row.file)
            shutil.copyfile(folder / "golden.npz", out / "golden" / f"{name}.npz")
        if result.row.device_file:
            path = out / result.row.device_file
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(device.file_of(result, context, target), path)


def _drop_intervals(
    results: Sequence[VariantResult], context: BuildContext
) -> list[Interval | None]:
    """The paired interval of the drop of each variant against the float baseline."""
    baseline = next(r for r in results if r.variant.id == pareto_table.BASELINE)
    interval, y = context.metric.drop_interval, context.data.validation().y
    seed = derive_seed(context.seed, "bootstrap")
    return [interval(baseline.evidence, result.evidence, y, seed) for result in results]


def _is_unbalanced(context: BuildContext) -> bool:
    data = context.data
    task = task_of(data.spec)
    return task.guard is not None and other_metrics.is_unbalanced(
        data.train().y, len(data.spec.classes)
    )


def _other_drops(
    results: Sequence[VariantResult], limits: Limits, context: BuildContext
) -> list[OtherDrops]:
    """The losses of each variant in the other metrics that the budget limits."""
    baseline = next(r for r in results if r.variant.id == pareto_table.BASELINE)
    keys = {**limits.max_drops, **limits.guard}
    missing = [key for key in keys if key not in context.metric.others]
    if missing:
        raise UserError(
            f"compress.budget.max_drop: the metric part of task "
            f"{context.data.spec.task} has no {', '.join(missing)}; remove it"
        )
    metrics = {key: context.metric.others[key] for key in keys}
    y, seed = context.data.validation().y, derive_seed(context.seed, "bootstrap")
    return [
        other_metrics.measure(baseline.evidence, result.evidence, y, metrics, seed)
        for result in results
    ]


def _doubts(
    results: Sequence[VariantResult], chosen: str | None, context: BuildContext
) -> dict[str, list[str]]:
    """Warn about a chosen file that is no better than a trivial prediction."""
    result = next((r for r in results if r.variant.id == chosen), None)
    if result is None or result.evidence is None:
        return {}
    data, validation = context.data, context.data.validation()
    warning = floor_warning(
        f"the chosen file ({result.variant.title})",
        data.spec,
        data.train().y,
        validation.x,
        validation.y,
        result.evidence,
        derive_seed(context.seed, "floor"),
    )
    if warning is None:
        return {}
    print(f"warning: {warning}")
    return {"doubts": [warning]}


def _write_chosen(
    points: Sequence[Point],
    chosen: str | None,
    context: BuildContext,
    symbol: str,
    out: Path,
) -> None:
    """Write the chosen file, its kit, and the meaning of its input and output."""
    spec = context.data.spec
    if labels := export_of(spec).labels(spec):
        text = "".join(f"{name}\n" for name in labels)
        (out / "labels.txt").write_text(text, encoding="utf-8")
    point = next((point for point in points if point.id == chosen), None)
    if point and point.file:
        shutil.copyfile(out / point.file, out / "best.tflite")
        if point.device_file:
            shutil.copyfile(out / point.device_file, out / "best_device.tflite")
        golden = out / "golden" / f"{point.id}.npz"
        kit.write(out, context.data, point, golden, symbol)
        model = LiteModel(out / "best.tflite", spec)
        front_end.write(out, context.data, model.input)
