"""What a stage's result depends on, and in one line why two of those differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.engine.import_closure import CodeReader
from pipeline.core.hashing import hash_file, hash_folder, hash_value
from pipeline.engine.stage_record import Parts, content, recorded_sources
from pipeline.engine.stage import COMMON_VOLATILE, Job, Stage

# What the engine does that enters results: seeds and pins.
ENGINE = "pipeline.core.determinism"


def describe(job: Job, stage: Stage, code: CodeReader) -> Parts:
    """Everything that the result of `stage` depends on.

    Inputs that are not published yet are described by None. A source that is not on
    this machine cannot have changed: it is described as it was.
    """
    params = job.params[stage.name]
    modules = (*job.modules(stage), *([ENGINE] if code.has(ENGINE) else []))
    return {
        "params": params.hashed(),
        "settings": dict(job.settings),
        "inputs": {name: content(job.folder / name) for name in stage.needs},
        "sources": _sources(job, stage),
        "code": code.closure(modules),
        "libraries": code.libraries(modules),
    }


def _sources(job: Job, stage: Stage) -> dict[str, str | None]:
    now = dict(stage.sources(job.params))
    lying = stage.beside(job.params, job.folder).items()
    now |= {name: _state(path) for name, path in lying}
    before = recorded_sources(job.folder / stage.name) if None in now.values() else {}
    return {name: state or before.get(name) for name, state in now.items()}


def _state(path: Path) -> str | None:
    """The hash of a file, or of what a folder holds; None where it is not there."""
    if path.is_dir():
        return hash_value(hash_folder(path, frozenset(COMMON_VOLATILE)))
    return hash_file(path) if path.is_file() else None


def explain(stage: str, before: Parts, now: Parts) -> str:
    """The first difference in words, such as `train.epochs 30 -> 60`."""
    words = [
        *_changed(flatten(before["params"], stage), flatten(now["params"], stage)),
        *_changed(before["settings"], now["settings"]),
        *[f"input {name} changed" for name in _differing(before, now, "inputs")],
        *[f"{name} changed" for name in _differing(before, now, "sources")],
        *[_code_changed(name, before, now) for name in _differing(before, now, "code")],
        *_changed(before["libraries"], now["libraries"]),
    ]
    more = f", and {len(words) - 1} more" if len(words) > 1 else ""
    return (words[0] if words else "its record is of another version") + more


def flatten(values: Any, prefix: str) -> dict[str, Any]:
    """Nested dictionaries as one, with dotted keys."""
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
    """A value in a few characters."""
    text = str(value) or '""'
    return text if len(text) <= 24 else f"{text[:21]}..."


def _differing(before: Parts, now: Parts, part: str) -> list[str]:
    old, new = before.get(part, {}), now.get(part, {})
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _code_changed(name: str, before: Parts, now: Parts) -> str:
    if name not in before["code"]:
        return f"{name} is new"
    return f"{name} {'changed' if name in now['code'] else 'is gone'}"
