"""Successive halving over variants: only the promising ones are trained fully.

Post-training recipes take seconds and are built at once. Variants that are fine-tuned
are screened, at each rung but the last, with a fraction of the epochs; the better half
goes on (Jamieson, Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
Optimization, 2016): first those within the budget, the smallest first, then those that
exceed it least.

Finished variants stay in the working folder, so that a killed run resumes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipeline.compress.build_variant import build_variant, finished, without_file
from pipeline.compress.params import CompressParams
from pipeline.compress.selection import pareto_table
from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.point import Point, VariantRow
from pipeline.compress.target_check import refusals
from pipeline.compress.tflite.oracle import fallbacks
from pipeline.compress.variant import BuildContext, Variant, VariantResult
from pipeline.core.wording import quantity
from pipeline.engine.stage import Inputs
from pipeline.engine.time_limits import EXCEEDED, time_limit
from pipeline.engine.workers.factory import pool_of
from pipeline.engine.workers.pool import TaskPool
from pipeline.training.devices import start_method
from pipeline.training.gpu_memory import check_workers

CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE")  # ends of `pool.ending`
KEPT_FRACTION = 0.5  # of the variants of a rung
NOT_SHARED = (
    "does not share this folder; machines of a Ray cluster need the experiment's "
    "folder at the same path"
)


def search(
    variants: Sequence[Variant],
    context: BuildContext,
    params: CompressParams,
    inputs: Inputs,
) -> list[VariantResult]:
    """Build all variants, screening those that are fine-tuned.

    Args:
        variants: the float baseline among them.
        context: models, data and settings.
        params: rungs, budget and workers.
        inputs: of the stage, for its progress.

    Returns:
        One result per variant, in their order.

    Raises:
        UserError: when Ray is configured and not available.
    """
    limit = time_limit(inputs.minutes, "variant")
    if params.engine == "local":
        check_workers(params.workers, "compress.workers")
    pool = pool_of(params, "compress", start_method(), limit)
    reasons = refusals(variants, context, params.target, pool, inputs.progress)
    results = {
        variant.id: without_file(variant, context, reasons[variant.id])
        for variant in variants
        if variant.id in reasons
    }
    for result in results.values():
        print(f"warning: {result.variant.title}: {result.row.reason}")
    waiting = [v for v in variants if v.trains and v.id not in reasons]
    untrained = [variant for variant in variants if not variant.trains]
    for fraction in params.rungs[:-1]:
        if len(waiting) < 2:
            break
        rung = [replace(variant, epoch_fraction=fraction) for variant in waiting]
        # Drops are measured against the float baseline: it comes with the first rung.
        baselines = [v for v in untrained if v.id == pareto_table.BASELINE]
        first = [v for v in baselines if v.id not in results]
        results |= _build([*first, *rung], context, pool, inputs, f"{fraction:.0%}")
        better = _better(results, rung, params, context)
        stopped = [variant for variant in rung if variant.id not in better]
        results |= {v.id: _stopped(results[v.id], context) for v in stopped}
        waiting = [variant for variant in waiting if variant.id in better]
    rest = [variant for variant in untrained if variant.id not in results]
    results |= _build([*rest, *waiting], context, pool, inputs)
    return [results[variant.id] for variant in variants]


def _build(
    variants: Sequence[Variant],
    context: BuildContext,
    pool: TaskPool,
    inputs: Inputs,
    fraction: str = "",
) -> dict[str, VariantResult]:
    """Id -> result, in the order of completion; finished variants are read."""
    by_id = {variant.id: variant for variant in variants}
    kept = {id: finished(variant, context) for id, variant in by_id.items()}
    progress = _Progress(len(variants), context, inputs)
    progress.begin(fraction, sum(map(bool, kept.values())), pool.workers)
    for variant in sorted(variants, key=_longest_first):
        if result := kept[variant.id]:
            progress.add(result, "  kept")
        else:
            pool.submit(variant.id, build_variant, variant, context)
    retried: set[str] = set()
    for outcome in pool.drain():
        variant = by_id[str(outcome.key)]
        if outcome.exceeded is not None:
            inputs.volatile[EXCEEDED] = {"variant": outcome.exceeded}
        exports = _after_crash(variant, outcome.error)
        if exports and variant.id not in retried:
            retried.add(variant.id)
            pool.submit(variant.id, build_variant, variant, context, exports)
            continue
        progress.add(_checked(variant, outcome.value, outcome.error, context))
    return progress.results


def _after_crash(variant: Variant, error: str | None) -> tuple[str, ...]:
    """What to write in the place of an export that ended the converter's process."""
    crashed = error is not None and error.endswith(CRASHES)
    return () if not crashed or variant.trains else fallbacks(variant.recipe.export)


@dataclass
class _Progress:
    """Collects results and prints one line for each."""

    total: int
    context: BuildContext
    inputs: Inputs
    results: dict[str, VariantResult] = field(default_factory=dict)

    def begin(self, fraction: str, kept: int, workers: int) -> None:
        """Print how many variants there are; `fraction` of the epochs, if not all."""
        text = quantity(self.total, "variant")
        text += f" with {fraction} of the epochs" if fraction else ""
        text += f", {kept} kept from an earlier run" if kept else ""
        self.inputs.progress(f"{text}, {workers} at a time", 0, self.total)

    def add(self, result: VariantResult, note: str = "") -> None:
        """Add a result and print it."""
        self.results[result.variant.id] = result
        count, text = len(self.results), _result_text(result.row, self.context)
        line = f"variant {count}/{self.total}  {result.variant.title}  {text}{note}"
        self.inputs.progress(line, count, self.total, result=True)


def _longest_first(variant: Variant) -> int:
    """Start long builds first, so that no worker is left waiting for one at the end."""
    return -len(variant.recipe.techniques)


def _checked(
    variant: Variant,
    result: VariantResult | None,
    error: str | None,
    context: BuildContext,
) -> VariantResult:
    """The result of a task, if its files are in the working folder."""
    if result is not None and finished(variant, context) is None:
        folder = context.folder_of(variant)
        result, error = None, f"{folder}: built by a machine that {NOT_SHARED}"
    return result or without_file(variant, context, error or "no reason is known")


def _result_text(row: VariantRow, context: BuildContext) -> str:
    if row.status != "ok":
        return f"{row.status}: {row.reason}"
    return f"{_value_text(row, context)} kB raw"


def _value_text(row: VariantRow, context: BuildContext) -> str:
    value, size = row.metrics[context.metric.key], row.bytes_raw
    return f"{value or 0.0:.3f} in {(size or 0) / 1000:.1f}"


def _better(
    results: dict[str, VariantResult],
    rung: Sequence[Variant],
    params: CompressParams,
    context: BuildContext,
) -> set[str]:
    """Ids of the better half of a rung; variants that failed do not go on.

    Latency is measured at the end, when nothing else runs, so it does not count here;
    nor do other metrics than that of the task.
    """
    limits = pareto_table.limits_of(params.budget, context.data.spec.task)
    limits = replace(limits, max_latency_ms=None, max_drops={})
    baseline = limits.value(results[pareto_table.BASELINE].row) or 0.0
    rows = [results[variant.id].row for variant in rung]
    usable = [_point(row, baseline, limits) for row in rows if row.status == "ok"]
    usable.sort(key=lambda point: (limits.excess(point), limits.size(point), point.id))
    return {point.id for point in usable[: math.ceil(KEPT_FRACTION * len(usable))]}


def _point(row: VariantRow, baseline: float, limits: Limits) -> Point:
    drop = limits.metric.drop(limits.value(row) or 0.0, baseline)
    return Point(**vars(row), drop=drop)


def _stopped(screened: VariantResult, context: BuildContext) -> VariantResult:
    """The result of a variant that did not go on: it has no file, but a reason."""
    row, fraction = screened.row, screened.variant.epoch_fraction
    variant = replace(screened.variant, epoch_fraction=1.0)
    if row.status == "failed":
        return replace(screened, variant=variant)
    epochs = context.settings.epochs
    reason = (
        f"the better half went on: after {max(1, math.ceil(fraction * epochs))} of "
        f"{epochs} epochs it was at {_value_text(row, context)} kB"
    )
    if row.status == "broken":
        reason = f"broken in the screening: {row.reason}"
    return without_file(variant, context, reason, "screened")
