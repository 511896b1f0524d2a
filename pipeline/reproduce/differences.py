"""Why two snapshots may differ: parameters, data, code and environment, in this order.

Every difference names the stages whose own result it enters; the stages after those are
reached through their inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engine.fingerprint import flatten, show
from pipeline.reproduce.snapshot import Entry, Snapshot

KINDS = ("parameters", "data", "code", "environment")
# Settings that choose how to compute, and not what.
EXECUTION_SETTINGS = ("portability", "threads")
# Positions and raw hashes of examples: no arithmetic, so equal on every machine.
EXACT_FILES = ("splits.npz",)
Pairs = Mapping[str, tuple[Entry, Entry]]


@dataclass(frozen=True)
class Difference:
    """One difference in what results depend on.

    Args:
        kind: one of KINDS.
        text: what differs, such as `train.epochs 60 -> 30`.
        stages: those whose result it enters directly.
        imported: a library that the code of these stages imports: a part of their
            fingerprint, as their code is.
    """

    kind: str
    text: str
    stages: tuple[str, ...]
    imported: bool = False


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    """List all differences in parameters, data, code and environment."""
    pairs = {
        name: (before.entries[name], after.entries[name])
        for name in before.entries
        if name in after.entries
    }
    environment = list(_environment(before, after, pairs))
    return [
        *(item for item in _settings(pairs) if item.kind == "parameters"),
        *_parameters(pairs),
        *_data(pairs, bool(environment)),
        *_code(pairs),
        *environment,
    ]


def explanation(
    listed: list[Difference], before: Snapshot, after: Snapshot, stage: str
) -> str:
    """Say in a few words why the outputs of a stage differ.

    Args:
        listed: the result of `differences(before, after)`.
        before: the reference.
        after: what is compared with it.
        stage: name of the stage.
    """
    reasons = [item.text for item in listed if stage in item.stages]
    old, new = before.entries[stage].parts, after.entries[stage].parts
    if not reasons:
        inputs = {*old["inputs"], *new["inputs"]}
        reasons = [
            f"after {name}"
            for name in before.entries
            if name in inputs and old["inputs"].get(name) != new["inputs"].get(name)
        ]
    return counted(reasons) if reasons else "no recorded difference"


def counted(texts: list[str]) -> str:
    """The first text, and how many more there are."""
    return texts[0] + (f", and {len(texts) - 1} more" if len(texts) > 1 else "")


def _settings(pairs: Pairs) -> Iterator[Difference]:
    """Differing settings: the seed is a parameter, the number of threads is not."""
    old, new = next(iter(pairs.values()), (None, None))
    if old is None or new is None:
        return
    before, after = old.parts["settings"], new.parts["settings"]
    for name in _differing(before, after):
        kind = "environment" if name in EXECUTION_SETTINGS else "parameters"
        text = _change(name, before.get(name), after.get(name))
        yield Difference(kind, text, tuple(pairs))


def _parameters(pairs: Pairs) -> Iterator[Difference]:
    for name, (old, new) in pairs.items():
        before, after = (flatten(e.parts["params"], name) for e in (old, new))
        for key in _differing(before, after):
            text = _change(key, before.get(key), after.get(key))
            yield Difference("parameters", text, (name,))


def _data(pairs: Pairs, environment_differs: bool) -> Iterator[Difference]:
    """Sources that changed, and a stage without inputs that reads other data."""
    for name, (old, new) in pairs.items():
        for source in _differing(old.parts["sources"], new.parts["sources"]):
            yield Difference("data", f"{source} changed", (name,))
        if _reads_other_data(old, new, environment_differs):
            yield Difference("data", f"the data that {name} reads changed", (name,))


def _reads_other_data(old: Entry, new: Entry, environment_differs: bool) -> bool:
    """True if only other data can explain the other outputs of a stage without inputs.

    Args:
        old: of the reference.
        new: of the run that is compared with it.
        environment_differs: then computed files may differ for that reason, and only
            EXACT_FILES are compared.
    """
    seeds = [entry.parts["settings"].get("seed") for entry in (old, new)]
    same = all(
        old.parts[key] == new.parts[key] for key in ("params", "sources", "code")
    )
    if old.parts["inputs"] or seeds[0] != seeds[1] or not same:
        return False
    if environment_differs:
        return any(
            old.outputs.get(name) != new.outputs.get(name) for name in EXACT_FILES
        )
    return old.fingerprint == new.fingerprint and old.outputs != new.outputs


def _code(pairs: Pairs) -> Iterator[Difference]:
    stages: dict[str, list[str]] = {}
    for name, (old, new) in pairs.items():
        before, after = old.parts["code"], new.parts["code"]
        for module in _differing(before, after):
            text = _module_change(module, before, after)
            stages.setdefault(text, []).append(name)
    for text, names in stages.items():
        yield Difference("code", text, tuple(names))


def _module_change(
    module: str, before: Mapping[str, str], after: Mapping[str, str]
) -> str:
    if module not in before:
        return f"{module} is new"
    return f"{module} {'changed' if module in after else 'was removed'}"


def _environment(
    before: Snapshot, after: Snapshot, pairs: Pairs
) -> Iterator[Difference]:
    yield from (item for item in _settings(pairs) if item.kind == "environment")
    old, new = (
        {key.strip("."): value for key, value in flatten(s.environment, "").items()}
        for s in (before, after)
    )
    for key in _differing(old, new):
        importing = _importing(key, pairs)
        text = _wide_change(key, old.get(key), new.get(key))
        stages = importing or tuple(pairs)
        yield Difference("environment", text, stages, bool(importing))


def _importing(key: str, pairs: Pairs) -> tuple[str, ...]:
    """The stages whose code imports a library, for a key such as `libraries.numpy`."""
    kind, _, library = key.partition(".")
    if kind != "libraries":
        return ()
    return tuple(
        stage
        for stage, pair in pairs.items()
        if any(library in map(_normalized, e.parts["libraries"]) for e in pair)
    )


def _normalized(library: str) -> str:
    """The name of a distribution as the environment spells it: `keras-tuner`."""
    return re.sub(r"[-_.]+", "-", library).lower()


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [k for k in sorted({*before, *after}) if before.get(k) != after.get(k)]


def _change(key: str, before: Any, after: Any) -> str:
    return f"{key} {show(before)} -> {show(after)}"


def _wide_change(key: str, before: Any, after: Any) -> str:
    """As `_change`; of two long lists of words, only the words that differ."""
    old, new = str(before).split(), str(after).split()
    if min(len(old), len(new)) <= 3:
        return _change(key, before, after)
    removed = [f"-{word}" for word in old if word not in new]
    added = [f"+{word}" for word in new if word not in old]
    return " ".join([key, *removed, *added])
