"""Decide which stages are up to date, and why not: reads files, runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.core.errors import UserError
from pipeline.core.hashing import SHORT, hash_folder
from pipeline.core.json_io import read_checked
from pipeline.engine.fingerprint import describe, stale_reason
from pipeline.engine.hash_cache import HASHES, content_hash, remembered_hashes
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.run_record import read_run, verify_volatile, volatile_inputs
from pipeline.engine.scratch import has_work, scratch_key
from pipeline.engine.stage import Job, Stage
from pipeline.engine.stage_record import Parts, fingerprint, read_record
from pipeline.engine.time_limits import EXCEEDED, is_raised


class MetricsSchema(BaseModel):
    """Types of metrics.json that every command relies on."""

    headline: str = ""


@dataclass(frozen=True)
class Decision:
    """The state of one stage.

    Args:
        stage: name of the stage.
        state: `cached`, `stale`, `new` (never run) or `damaged`.
        reason: one line; for a cached stage the short fingerprint.
        parts: the parts of the present fingerprint.
        headline: the line that the published stage wrote about its result.
    """

    stage: str
    state: str
    reason: str
    parts: Parts = field(repr=False)
    headline: str = ""

    @property
    def cached(self) -> bool:
        """True when the published result is up to date."""
        return self.state == "cached"


def plan(
    job: Job, stages: Iterable[Stage], code: CodeReader, verify: bool = True
) -> list[Decision]:
    """Decide for several stages, where a stage waits for those that it reads.

    Args:
        job: the experiment.
        stages: some of its stages, in the order of the chain.
        code: reads the modules of the stages.
        verify: hash every file; default True. With False, files that look unchanged
            have the hash that is remembered, which is enough to show the plan.

    Returns:
        One decision per stage, in the same order.
    """
    with remembered_hashes(job.folder / HASHES, verify):
        return _plan(job, stages, code)


def _plan(job: Job, stages: Iterable[Stage], code: CodeReader) -> list[Decision]:
    decisions: dict[str, Decision] = {}
    for stage in stages:
        decision = _decide(job, stage, code)
        pending = [name for name in stage.depends_on if _pending(decisions.get(name))]
        if decision.cached and pending:
            reason = f"after {pending[-1]}"
            decision = Decision(stage.name, "stale", reason, decision.parts)
        decisions[stage.name] = decision
    return list(decisions.values())


def decide(job: Job, stage: Stage, code: CodeReader) -> Decision:
    """Compare the published result of a stage with what the experiment asks for.

    Args:
        job: the experiment.
        stage: one of its stages.
        code: reads the modules of the stage.

    Returns:
        The decision; stages that run before this one are not considered.
    """
    with remembered_hashes(job.folder / HASHES, verify=True):
        return _decide(job, stage, code)


def _decide(job: Job, stage: Stage, code: CodeReader) -> Decision:
    parts = describe(job, stage, code)
    folder = job.folder / stage.name
    if not (folder / "stage.json").is_file():
        return Decision(stage.name, "new", _not_run(job, stage, parts), parts)
    try:
        record = read_record(folder)
        metrics = read_checked(folder / "metrics.json", MetricsSchema)
    except UserError as error:
        return Decision(stage.name, "damaged", str(error), parts)
    if record["fingerprint"] != fingerprint(parts):
        reason = stale_reason(stage.name, record["parts"], parts)
        return Decision(stage.name, "stale", reason, parts)
    if difference := verify_outputs(folder, record, stage) or verify_volatile(folder):
        return Decision(stage.name, "damaged", difference, parts)
    if reason := _volatile_change(job, stage) or _raised_limit(job, stage):
        return Decision(stage.name, "stale", reason, parts)
    short = record["fingerprint"][:SHORT]
    return Decision(stage.name, "cached", short, parts, metrics.get("headline", ""))


def verify_outputs(folder: Path, record: dict[str, Any], stage: Stage) -> str:
    """Compare the published files of a stage with the hashes of its record.

    Args:
        folder: the published folder of the stage.
        record: its stage.json.
        stage: says which files are not hashed.

    Returns:
        The first difference in words, such as `spec.json is missing`; empty if none.
    """
    recorded = record["outputs"]
    present = hash_folder(folder, stage.volatile_files, content_hash)
    for name in sorted({*recorded, *present}):
        if name not in present:
            return f"{name} is missing"
        if name not in recorded:
            return f"{name} was not written by this stage"
        if present[name] != recorded[name]:
            return f"{name} was altered"
    return ""


def _not_run(job: Job, stage: Stage, parts: Parts) -> str:
    """Why there is no result: the stage never ran, or its work waits to be resumed."""
    if has_work(job.folder, stage.name, scratch_key(stage, parts)):
        return "interrupted; a run resumes it"
    return "not run yet"


def _volatile_change(job: Job, stage: Stage) -> str:
    """The first changed volatile fact that the stage copies; empty if none."""
    recorded = read_run(job.folder / stage.name).get("volatile_inputs", {})
    present = volatile_inputs(job, stage)
    return next((key for key in present if recorded.get(key) != present[key]), "")


def _raised_limit(job: Job, stage: Stage) -> str:
    """The time limit that was raised since work exceeded it; empty if none was."""
    volatile = read_run(job.folder / stage.name).get("volatile", {})
    for name, exceeded in volatile.get(EXCEEDED, {}).items():
        if is_raised(minutes := job.minutes.get(name), exceeded):
            new = "null" if minutes is None else f"{minutes:g}"
            return f"limits.minutes.{name} {exceeded:g} -> {new}"
    return ""


def _pending(decision: Decision | None) -> bool:
    return decision is not None and not decision.cached
