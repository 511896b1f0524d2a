"""Which stages are up to date, which are not, and why: reads files, runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.import_closure import CodeReader
from pipeline.core.errors import UserError
from pipeline.engine.fingerprint import describe, explain
from pipeline.core.hashing import SHORT, hash_folder
from pipeline.core.json_io import read_json
from pipeline.engine.stage_record import Parts, fingerprint, read_record
from pipeline.engine.run_record import hurt_volatile, read_run, retold
from pipeline.engine.stage import Job, Stage


@dataclass(frozen=True)
class Decision:
    """What the plan says of one stage.

    Args:
        state: `cached`, `stale`, `new` (never run) or `damaged`.
        reason: one line; for a cached stage the short fingerprint.
        parts: what the fingerprint is made of.
        headline: the published stage's own line.
    """

    stage: str
    state: str
    reason: str
    parts: Parts
    headline: str = ""

    @property
    def cached(self) -> bool:
        """Whether the published result is the right one."""
        return self.state == "cached"


def plan(job: Job, stages: Iterable[Stage], code: CodeReader) -> list[Decision]:
    """Decide each of `stages`, given in the order of the chain."""
    decisions: dict[str, Decision] = {}
    for stage in stages:
        decision = decide(job, stage, code)
        waits = [name for name in stage.needs if _pending(decisions.get(name))]
        if decision.cached and waits:
            reason = f"after {waits[-1]}"
            decision = Decision(stage.name, "stale", reason, decision.parts)
        decisions[stage.name] = decision
    return list(decisions.values())


def decide(job: Job, stage: Stage, code: CodeReader) -> Decision:
    """Compare what is published with what the experiment asks for now."""
    parts = describe(job, stage, code)
    folder = job.folder / stage.name
    if not (folder / "stage.json").is_file():
        return Decision(stage.name, "new", "no result yet", parts)
    try:
        record = read_record(folder)
        metrics = read_json(folder / "metrics.json")
    except UserError as error:
        return Decision(stage.name, "damaged", str(error), parts)
    if record["fingerprint"] != fingerprint(parts):
        reason = explain(stage.name, record["parts"], parts)
        return Decision(stage.name, "stale", reason, parts)
    if hurt := damage(folder, record, stage) or hurt_volatile(folder):
        return Decision(stage.name, "damaged", hurt, parts)
    if again := _ran_again(job, stage):
        return Decision(stage.name, "stale", again, parts)
    short = record["fingerprint"][:SHORT]
    return Decision(stage.name, "cached", short, parts, metrics.get("headline", ""))


def damage(folder: Path, record: dict[str, Any], stage: Stage) -> str:
    """Which published file is not as recorded, in words; empty when all are."""
    recorded = record["outputs"]
    present = hash_folder(folder, stage.not_content)
    for name in sorted({*recorded, *present}):
        if name not in present:
            return f"{name} is missing"
        if name not in recorded:
            return f"{name} is not of this stage"
        if present[name] != recorded[name]:
            return f"{name} was altered"
    return ""


def _ran_again(job: Job, stage: Stage) -> str:
    """Why a stage that repeats volatile facts would repeat other ones now."""
    seen, now = read_run(job.folder / stage.name).get("retold", {}), retold(job, stage)
    return next((key for key in now if seen.get(key) != now[key]), "")


def _pending(decision: Decision | None) -> bool:
    return decision is not None and not decision.cached
