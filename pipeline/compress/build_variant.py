"""Build one variant: a model and a recipe in, a folder with its file and results out.

    model.tflite    the file
    golden.npz      inputs and outputs, as the file takes and returns them
    stateful.tflite the same weights, read step by step, for tasks that need it
    state-N.tflite  the model after each technique but the last
    result.json     the results; written last, so that a folder with it is complete

Runs in a process of its own. The file is read back and run: the row holds what was
found in it, not what the recipe asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress import working_file
from pipeline.compress.grammar import AWARE
from pipeline.compress.native import build as native_build
from pipeline.compress.selection.point import Parity, VariantRow
from pipeline.compress.tflite.arena import estimate
from pipeline.compress.tflite.inspect import Facts, gzip_size, read_facts
from pipeline.compress.tflite.oracle import without_integer_kernel
from pipeline.compress.tflite.strip import check_same, strip
from pipeline.compress.tflite.verify import INTEGER_IO, violations
from pipeline.compress.tfmot import build as tfmot_build
from pipeline.compress.tfmot.build import CHECKED, Built
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.compress.variant import BuildContext, LedgerLine, Variant, VariantResult
from pipeline.core.hashing import hash_file
from pipeline.core.json_io import read_json
from pipeline.inference.interpreter import LiteModel, quantize
from pipeline.models.files import load_model
from pipeline.tasks.registry import task_of

BUILDERS = {"tfmot": tfmot_build.build, "native": native_build.build}
GOLDEN_EXAMPLES = 8
RESULT = "result.json"
STATEFUL = "stateful.tflite"
SIZES = ("bytes_raw", "bytes_gzip")
# Export -> maximum |file - model|, in units of the largest output, of the exports that
# compute the same function.
TOLERANCES = {"float": 1e-4, "float16": 2e-2}


def build_variant(
    variant: Variant, context: BuildContext, exports: Sequence[str] = ()
) -> VariantResult:
    """Build the file of a variant, and measure it.

    Args:
        variant: source and recipe.
        context: models, data and settings; its working folder receives the files.
        exports: tried in the place of the recipe's own, see `build`; default: its own.

    Returns:
        The result, as `finished` reads it.

    Raises:
        UserError: when the model, a technique or the export is not supported.
    """
    folder = context.folder_of(variant)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tuning = context.fine_tuning(variant)
    built = _build(variant, context, tuning, exports)
    content = _write(built.content, folder / "model.tflite", context)
    model = LiteModel(folder / "model.tflite", context.data.spec, context.threads)
    _write_golden(model, folder / "golden.npz", context)
    if built.stateful:
        (folder / STATEFUL).write_bytes(built.stateful)
    evidence = context.evidence(model)
    parity = _parity(built, model, context)
    row = _row(variant, built, read_facts(content), parity, _metrics(evidence, context))
    row = replace(row, arena_bytes=estimate(content).total)
    ledger = _ledger(variant, built, context, row, tuning)
    result = _publish(variant, row, evidence, ledger, folder)
    shutil.rmtree(context.checkpoints_of(variant), ignore_errors=True)
    return result


def finished(variant: Variant, context: BuildContext) -> VariantResult | None:
    """Read the result of an earlier run.

    Args:
        variant: source and recipe.
        context: its working folder is read.

    Returns:
        The result; None when there is none, or when a file of it has changed.
    """
    folder = context.folder_of(variant)
    content = working_file.read(folder / RESULT)
    if content is None or content.get("files") != _hashes(folder):
        return None
    return _read(variant, content)


def without_file(
    variant: Variant, context: BuildContext, reason: str, status: str = "failed"
) -> VariantResult:
    """Return the result of a variant without a file.

    Args:
        variant: source and recipe.
        context: defines the metrics, which are None.
        reason: one sentence.
        status: `failed` (default) or `screened`.
    """
    row = VariantRow(
        *_identity(variant),
        status=status,
        reason=reason,
        metrics=_metrics(None, context),
    )
    return VariantResult(variant, row)


def _publish(
    variant: Variant,
    row: VariantRow,
    evidence: np.ndarray,
    ledger: list[LedgerLine],
    folder: Path,
) -> VariantResult:
    content = {"row": row.to_json(), "evidence": evidence.tolist(), "ledger": ledger}
    working_file.write(folder / RESULT, {**content, "files": _hashes(folder)})
    return _read(variant, read_json(folder / RESULT))


def _read(variant: Variant, content: dict[str, Any]) -> VariantResult:
    return VariantResult(
        variant,
        VariantRow.from_json(content["row"]),
        np.array(content["evidence"], np.float64),
        tuple(content["ledger"]),
    )


def _hashes(folder: Path) -> dict[str, str]:
    """File name -> hash, of all files but the result: the working folder lives long."""
    files = [p for p in sorted(folder.iterdir()) if not p.name.startswith("result.")]
    return {path.name: hash_file(path) for path in files}


def _identity(variant: Variant) -> tuple[str, str, str]:
    return variant.id, variant.source, variant.recipe.text


def _build(
    variant: Variant, context: BuildContext, tuning: FineTuning, exports: Sequence[str]
) -> Built:
    source = load_model(context.models[variant.source])
    examples = context.data.spec.to_input(context.data.calibration().x)
    build = BUILDERS["tfmot" if variant.recipe.adjustments else context.trainer]
    return build(source, variant.recipe, tuning, examples, exports)


def _metrics(
    evidence: np.ndarray | None, context: BuildContext
) -> dict[str, float | None]:
    """The metric on validation, and what the task fixes there for each file."""
    decisions = context.metric.decisions
    if evidence is None:
        return dict.fromkeys((context.metric.key, *decisions))
    y = context.data.validation().y
    decided = {name: decide(evidence, y) for name, decide in decisions.items()}
    return {context.metric.key: context.value(evidence), **decided}


def _row(
    variant: Variant,
    built: Built,
    facts: Facts,
    parity: Parity | None,
    metrics: dict[str, float | None],
) -> VariantRow:
    """The row of a file, `broken` where it is not what its recipe claims."""
    export = built.export
    mixed = any(step.name == "keep_float" for step in variant.recipe.adjustments)
    broken = violations(facts, export, built.sparsity, built.distinct, mixed)
    broken += _parity_violations(parity, export)
    return VariantRow(
        *_identity(variant),
        status="broken" if broken else "ok",
        reason="; ".join(broken) or None,
        file=f"variants/{variant.id}.tflite",
        left_out=[*built.left_out, *_in_float(facts, export)],
        metrics=metrics,
        parity=parity,
        **_measurements(facts),
    )


def _in_float(facts: Facts, export: str) -> list[str]:
    """Operators of an integer file for which the runtime has no integer kernel."""
    names = without_integer_kernel(facts.float_operators)
    if export not in INTEGER_IO or not names:
        return []
    return [f"{export}: {', '.join(names)}, computed in float: no integer kernel"]


def _measurements(facts: Facts) -> dict[str, Any]:
    names = ("bytes_raw", "bytes_gzip", "weights", "tensor_dtypes", "operators")
    return {
        **{name: getattr(facts, name) for name in names},
        "sparsity": round(facts.sparsity, 6),
        "distinct_weights": max(facts.distinct, default=0),
        "per_channel": facts.per_channel,
        "float_operators": sorted(set(facts.float_operators)),
        "macs": facts.macs,
        "bytes_flash": facts.bytes_raw,  # for LiteRT; the target decides at the end
    }


def _write(content: bytes, path: Path, context: BuildContext) -> bytes:
    """Write a file, stripped if that is set; return what was written."""
    if context.strip_metadata:
        stripped = strip(content)
        check_same(content, stripped)
        content = stripped
    path.write_bytes(content)
    return content


def _write_golden(model: LiteModel, path: Path, context: BuildContext) -> None:
    """Write inputs and outputs to check another runtime with, in the file's dtypes."""
    raw = context.data.calibration().x[:GOLDEN_EXAMPLES]
    inputs = quantize(context.data.spec.to_input(raw), model.input)
    np.savez(path, inputs=inputs, outputs=model.outputs(inputs))


def _parity(built: Built, model: LiteModel, context: BuildContext) -> Parity | None:
    """Compare the outputs of file and model; None where their shapes differ."""
    expected = built.outputs
    actual = model.logits(context.data.calibration().x[:CHECKED])
    if expected is None or actual.shape != expected.shape:
        return None
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-12)
    largest = float(np.abs(expected - actual).max(initial=0.0)) / scale
    parity = {"largest": float(f"{largest:.3g}")}
    if task_of(context.data.spec).predicts_classes:
        agreement = float(np.mean(expected.argmax(-1) == actual.argmax(-1)))
        parity["agreement"] = round(agreement, 6)
    return parity


def _parity_violations(parity: Parity | None, export: str) -> list[str]:
    if parity is None:
        return ["the file's output has another shape than the model's"]
    if export in TOLERANCES and not parity["largest"] <= TOLERANCES[export]:
        return [
            f"the file differs from its model by {parity['largest']:.2g} of the "
            f"largest output (allowed: {TOLERANCES[export]:g})"
        ]
    return []


def _ledger(
    variant: Variant,
    built: Built,
    context: BuildContext,
    row: VariantRow,
    tuning: FineTuning,
) -> list[LedgerLine]:
    """Metric and size of the model after each step, the file itself last.

    The lines of techniques hold the learning rates of their fits.
    """
    states = list(built.states)
    last = variant.recipe.export
    if states and last == "float":
        last = states.pop()[0]  # the same weights in the same kind of file
    elif variant.trains and variant.recipe.techniques[-1].name in AWARE:
        last = str(variant.recipe.techniques[-1])
    lines = [
        _state_line(step, content, number, variant, context)
        for number, (step, content) in enumerate(states, 1)
    ]
    key, sizes = context.metric.key, {name: getattr(row, name) for name in SIZES}
    lines += [{"step": last, key: row.metrics[key], **sizes}]
    for line, rates in zip(lines, tuning.rates.values()):
        line["learning_rates"] = rates
    return lines


def _state_line(
    step: str, content: bytes, number: int, variant: Variant, context: BuildContext
) -> LedgerLine:
    path = context.folder_of(variant) / f"state-{number}.tflite"
    content = _write(content, path, context)
    model = LiteModel(path, context.data.spec, context.threads)
    value = context.value(context.evidence(model))
    sizes = dict(zip(SIZES, (len(content), gzip_size(content))))
    return {"step": step, context.metric.key: value, **sizes}
