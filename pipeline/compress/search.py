"""Successive halving over variants: what is promising is trained fully.

Post-training recipes cost a second and are made as they are. Those that fine-tune
are screened with a part of the epochs for each rung but the last, and the better half
goes on (Jamieson, Talwalkar, Non-stochastic Best Arm Identification, 2016): first
those within the budget, the smallest first, then those that miss it by least.

What is finished stays in the workshop's folder, so that a killed run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.compress.selection import pareto_table
from pipeline.compress.params import CompressParams
from pipeline.compress.variant import Row, Variant, Workshop, failed, finished, make
from pipeline.engine.workers.pool import TaskPool
from pipeline.engine.workers.factory import pool_of
from pipeline.engine.stage import Inputs
from pipeline.training.devices import start_method

KEPT = 0.5  # of the variants of a rung
KEPT_NOTE = "  kept"  # of a variant that a run before this one has made
NOT_SHARED = (
    "does not share this folder; machines of a Ray cluster need the experiment's "
    "folder at the same path"
)


@dataclass(frozen=True)
class Made:
    """A variant and what came of it.

    Args:
        evidence: of its file on validation, see `TaskMetric`; None without one.
        ledger: the model after each step.
    """

    variant: Variant
    row: Row
    evidence: np.ndarray | None = None
    ledger: tuple[Row, ...] = ()


def search(
    variants: Sequence[Variant], shop: Workshop, params: CompressParams, inputs: Inputs
) -> list[Made]:
    """One result for each variant, in their order.

    Args:
        variants: the float baseline among them.

    Raises:
        UserError: when Ray is asked for and not there.
    """
    pool = pool_of(params, "compress", start_method())
    made: dict[str, Made] = {}
    waiting = [each for each in variants if each.trains]
    final = [each for each in variants if not each.trains]
    for part in params.rungs[:-1]:
        if len(waiting) < 2:
            break
        rung = [replace(each, part=part) for each in waiting]
        names = {pareto_table.BASELINE}
        early = [each for each in final if each.id in names and each.id not in made]
        made |= _make([*early, *rung], shop, pool, inputs, f"{part:.0%}")
        better = _better(made, rung, params, shop)
        made |= {
            each.id: _stopped(made[each.id], shop)
            for each in rung
            if each.id not in better
        }
        waiting = [each for each in waiting if each.id in better]
    rest = [each for each in (*final, *waiting) if each.id not in made or each.trains]
    made |= _make(rest, shop, pool, inputs, "")
    return [made[each.id] for each in variants]


def _make(
    variants: Sequence[Variant],
    shop: Workshop,
    pool: TaskPool,
    inputs: Inputs,
    rung: str,
) -> dict[str, Made]:
    """Variant -> result, whichever ends first; finished ones are not made again."""
    made: dict[str, Made] = {}
    by_id = {each.id: each for each in variants}
    kept = {each.id: known for each in variants if (known := finished(each, shop))}
    what = f"{len(variants)} variants" + (f" with {rung} of the epochs" if rung else "")
    there = f", {len(kept)} kept from before" if kept else ""
    inputs.progress(f"{what}{there}, {pool.workers} at a time", 0, len(variants))

    def tell(variant: Variant, result: Row | None, error: str | None) -> None:
        made[variant.id] = _result(variant, result, error, shop)
        note = f"variant {len(made)}/{len(variants)}  {variant.title}  "
        told = _told(made[variant.id].row, shop) + KEPT_NOTE * (variant.id in kept)
        inputs.progress(note + told, len(made), len(variants))

    for variant in sorted(variants, key=_longest_first):
        if variant.id in kept:
            tell(variant, kept[variant.id], None)
        else:
            pool.submit(variant.id, make, variant, shop)
    for outcome in pool.drain():
        tell(by_id[outcome.key], outcome.value, outcome.error)
    return made


def _longest_first(variant: Variant) -> int:
    """What takes long must not start last, when the other workers have ended."""
    return -len(variant.recipe.techniques)


def _result(
    variant: Variant, result: Row | None, error: str | None, shop: Workshop
) -> Made:
    if result is not None and finished(variant, shop) is None:
        result, error = None, f"{shop.of(variant)}: made by a machine that {NOT_SHARED}"
    if result is None:
        return Made(variant, failed(variant, shop, error or "no reason"))
    evidence = np.array(result["evidence"], np.float64)
    return Made(variant, result["row"], evidence, tuple(result["ledger"]))


def _told(row: Row, shop: Workshop) -> str:
    if row["status"] == "ok":
        reached = row[shop.measure.key]
        return f"{reached:.3f} in {row['bytes_gzip'] / 1000:.1f} kB gzip"
    return f"{row['status']}: {row['reason']}"


def _better(
    made: dict[str, Made],
    rung: Sequence[Variant],
    params: CompressParams,
    shop: Workshop,
) -> set[str]:
    """Ids of the half that goes on; what has failed in the screen does not.

    Latency is measured at the end, when nothing else runs: it limits no screen.
    """
    usable = [made[each.id].row for each in rung if made[each.id].row["status"] == "ok"]
    limits = pareto_table.limits_of(params.budget, shop.data.spec.task)
    limits = replace(limits, max_latency_ms=None)
    metric = limits.score
    baseline = made[pareto_table.BASELINE].row[metric.key] or 0.0

    def order(row: Row) -> tuple[Any, ...]:
        point = {**row, "drop": metric.drop(row[metric.key], baseline)}
        return limits.excess(point), row[limits.size], row["id"]

    count = math.ceil(KEPT * len(usable))
    return {row["id"] for row in sorted(usable, key=order)[:count]}


def _stopped(screen: Made, shop: Workshop) -> Made:
    """What a screen has left behind has no file, and says how far it came."""
    row, variant = screen.row, screen.variant
    if row["status"] == "failed":
        return Made(replace(variant, part=1.0), row)
    epochs = shop.settings.epochs
    ran = max(1, math.ceil(variant.part * epochs))
    reason = (
        f"the better half went on: after {ran} of {epochs} epochs it was at "
        f"{row[shop.measure.key]:.3f} in {row['bytes_gzip'] / 1000:.1f} kB"
    )
    if row["status"] == "broken":
        reason = f"broken in the screen: {row['reason']}"
    return Made(replace(variant, part=1.0), failed(variant, shop, reason, "screened"))
