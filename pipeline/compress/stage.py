"""compress: every recipe on every source, and the smallest file within the budget.

In: data, augment, train, distill. Out: variants/*.tflite, best.tflite, labels.txt,
pareto.json, pareto.csv, pareto.png.
Run: python -m pipeline run compress --exp digits
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.augment.artifact import read_policy
from pipeline.compress import pareto, picture
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.params import CompressParams
from pipeline.compress.runtime import LiteModel, measure_latency
from pipeline.compress.variant import Row, Variant, Workshop, failed, make
from pipeline.data.artifact import read_data
from pipeline.engine.pool import Pool
from pipeline.engine.stage import Inputs

MEASURED_EXAMPLES = 64  # that take turns when latency is measured


def run(params: CompressParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build all variants, each in its own process; compare, choose, publish.

    Raises:
        UserError: when no variant has a file, or the float baseline has none.
    """
    shop = _workshop(params, inputs, out)
    rows = _make_all(plan(params), shop, params.workers, inputs)
    document = pareto.document(rows, params.budget)
    pareto.write(out, document)
    picture.draw(out / "pareto.png", document, shop.data.spec.name)
    _write_labels(out, shop.data.spec.classes)
    if document["chosen"]:
        chosen = out / "variants" / f"{document['chosen']}.tflite"
        shutil.copyfile(chosen, out / "best.tflite")
    inputs.volatile["latency_ms"] = _latency(rows, shop)
    return pareto.metrics(document, params.budget)


def plan(params: CompressParams) -> list[Variant]:
    """Float files of both models, then every recipe on every source, once each."""
    wanted = [("baseline", "float"), ("student", "float")]
    wanted += [(source, text) for source in params.sources for text in params.recipes]
    variants = [Variant(source, parse_recipe(text)) for source, text in wanted]
    return list({variant.id: variant for variant in variants}.values())


def _workshop(params: CompressParams, inputs: Inputs, out: Path) -> Workshop:
    (out / "variants").mkdir()
    return Workshop(
        models={
            "baseline": inputs["train"] / "model.keras",
            "student": inputs["distill"] / "student.keras",
        },
        data=read_data(inputs["data"]),
        policy=read_policy(inputs["augment"], inputs.seed),
        settings=params.fine_tuning(),
        seed=inputs.seed,
        threads=inputs.threads,
        shrink=params.shrink,
        out=out,
    )


def _make_all(
    variants: Sequence[Variant], shop: Workshop, workers: int, inputs: Inputs
) -> list[Row]:
    """One row per variant, in the order of `variants`, whichever ends first."""
    pool, rows = Pool(workers), {}
    by_id = {variant.id: variant for variant in variants}
    inputs.progress(f"{len(variants)} variants, {workers} at a time", 0, len(variants))
    for variant in sorted(variants, key=_longest_first):
        pool.submit(variant.id, make, variant, shop)
    for outcome in pool.drain():
        variant = by_id[outcome.key]
        row = outcome.value or _failed(variant, outcome.error, shop)
        rows[variant.id] = row
        text = f"variant {len(rows)}/{len(variants)}  {variant.title}  {_told(row)}"
        inputs.progress(text, len(rows), len(variants))
    return [rows[variant.id] for variant in variants]


def _longest_first(variant: Variant) -> int:
    """What takes long must not start last, when the other workers have ended."""
    return -len(variant.recipe.techniques)


def _failed(variant: Variant, reason: str, shop: Workshop) -> Row:
    shop.file_of(variant).unlink(missing_ok=True)
    return failed(variant, reason)


def _told(row: Row) -> str:
    if row["status"] == "ok":
        return f"{row['accuracy']:.3f} in {row['bytes_gzip'] / 1000:.1f} kB gzip"
    return f"{row['status']}: {row['reason']}"


def _write_labels(out: Path, classes: Sequence[str]) -> None:
    """One class a line, in the order of the logits."""
    text = "".join(f"{name}\n" for name in classes)
    (out / "labels.txt").write_text(text, encoding="utf-8")


def _latency(rows: Sequence[Row], shop: Workshop) -> dict[str, dict[str, float]]:
    """Milliseconds of every file that runs, measured when nothing else does."""
    spec = shop.data.spec
    models = {
        row["id"]: LiteModel(shop.out / row["file"], spec, shop.threads)
        for row in rows
        if row["status"] == "ok"
    }
    return measure_latency(models, shop.data.validation().x[:MEASURED_EXAMPLES])
