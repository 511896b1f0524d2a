"""The parts of a fingerprint, and the reason why two fingerprints differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.hashing import hash_file, hash_folder, hash_value
from pipeline.core.regular_file import is_regular
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.stage import COMMON_VOLATILE, Job, Stage
from pipeline.engine.stage_record import Parts, content, recorded_sources

# The module of the engine that influences results: seeds and pins.
ENGINE = "pipeline.core.determinism"
SHOWN = 24  # maximum characters of a value in a reason


def describe(job: Job, stage: Stage, code: CodeReader) -> Parts:
    """Collect everything that the result of a stage depends on.

    Args:
        job: the experiment.
        stage: one of its stages.
        code: reads the modules of the stage.

    Returns:
        `params`, `settings`, `inputs`, `sources`, `code` and `libraries`. An input
        that is not published yet is None. A source that is not on this machine keeps
        its recorded hash, since it cannot have changed.
    """
    modules = (*job.modules(stage), *([ENGINE] if code.has(ENGINE) else []))
    return {
        "params": job.params[stage.name].hashed(),
        "settings": dict(job.settings),
        "inputs": {name: content(job.folder / name) for name in stage.depends_on},
        "sources": source_hashes(job, stage),
        "code": code.closure(modules),
        "libraries": code.libraries(modules),
    }


def source_hashes(job: Job, stage: Stage) -> dict[str, str | None]:
    """Hash the files outside the experiment that a stage reads.

    Args:
        job: the experiment.
        stage: one of its stages.

    Returns:
        Name -> hash; that of the record for a file that is not on this machine.
    """
    paths = stage.extra_inputs(job.params, job.folder)
    present = {name: _path_hash(path) for name, path in paths.items()}
    hashes = {**stage.sources(job.params), **present}
    if None not in hashes.values():
        return hashes
    recorded = recorded_sources(job.folder / stage.name)
    return {name: digest or recorded.get(name) for name, digest in hashes.items()}


def _path_hash(path: Path) -> str | None:
    """Hash a file, or the content of a folder; None where there is neither."""
    if path.is_dir():
        return hash_value(hash_folder(path, frozenset(COMMON_VOLATILE)))
    return hash_file(path) if is_regular(path) else None


def stale_reason(stage: str, before: Parts, now: Parts) -> str:
    """Say why a stage is stale.

    Args:
        stage: name of the stage.
        before: the recorded parts of its fingerprint.
        now: the present parts.

    Returns:
        The first difference, such as `train.epochs 30 -> 60`, and the number of others.
    """
    reasons = [
        *_changed(flatten(before["params"], stage), flatten(now["params"], stage)),
        *_changed(before["settings"], now["settings"]),
        *[f"input {name} changed" for name in _differing(before, now, "inputs")],
        *[f"{name} changed" for name in _differing(before, now, "sources")],
        *[_code_changed(name, before, now) for name in _differing(before, now, "code")],
        *_changed(before["libraries"], now["libraries"]),
    ]
    others = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return (reasons[0] if reasons else "the format of its record changed") + others


def flatten(values: Any, prefix: str) -> dict[str, Any]:
    """Flatten nested dictionaries to dotted keys.

    Args:
        values: a dictionary, or a single value.
        prefix: the beginning of every key.

    Returns:
        Dotted key -> value; `{prefix: values}` for a single value.
    """
    if not isinstance(values, Mapping):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat.update(flatten(value, f"{prefix}.{key}"))
    return flat


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = sorted({*before, *now})
    return [
        f"{key} {show(before.get(key))} -> {show(now.get(key))}"
        for key in keys
        if before.get(key) != now.get(key)
    ]


def show(value: Any) -> str:
    """Format a value in at most 24 characters.

    Args:
        value: any value.

    Returns:
        Its text, cut with `...` when it is longer; `""` for an empty text.
    """
    text = str(value) or '""'
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _differing(before: Parts, now: Parts, kind: str) -> list[str]:
    old, new = before.get(kind, {}), now.get(kind, {})
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _code_changed(name: str, before: Parts, now: Parts) -> str:
    if name not in before["code"]:
        return f"{name} was added"
    return f"{name} {'changed' if name in now['code'] else 'was removed'}"
