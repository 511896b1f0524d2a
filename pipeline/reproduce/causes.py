"""Why two snapshots may differ: parameters, data, code and environment, in this order.

Every cause names the stages whose own result it enters; what comes after them
follows through their outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engine.fingerprint import flatten, show
from pipeline.reproduce.snapshot import Entry, Snapshot

KINDS = ("parameters", "data", "code", "environment")
# Positions and raw hashes of the examples: no arithmetic, so equal on every machine.
EXACT = ("splits.npz",)


@dataclass(frozen=True)
class Cause:
    """One difference of what results depend on; `stages` it enters directly."""

    kind: str
    text: str
    stages: tuple[str, ...]


def causes(before: Snapshot, after: Snapshot) -> list[Cause]:
    """All differences of parameters, data, code and environment."""
    both = [name for name in before.entries if name in after.entries]
    pairs = {name: (before.entries[name], after.entries[name]) for name in both}
    elsewhere = list(_environment(before, after, tuple(both)))
    return [
        *_settings(pairs),
        *_parameters(pairs),
        *_data(pairs, bool(elsewhere)),
        *_code(pairs),
        *elsewhere,
    ]


def of_stage(found: list[Cause], before: Snapshot, after: Snapshot, stage: str) -> str:
    """What explains that a stage's outputs differ, in a few words."""
    own = [cause.text for cause in found if stage in cause.stages]
    old, new = before.entries[stage].parts, after.entries[stage].parts
    if not own:
        inputs = {*old["inputs"], *new["inputs"]}
        own = [
            f"after {name}"
            for name in before.entries
            if name in inputs and old["inputs"].get(name) != new["inputs"].get(name)
        ]
    more = f", and {len(own) - 1} more" if len(own) > 1 else ""
    return own[0] + more if own else "nothing that is recorded"


Pairs = Mapping[str, tuple[Entry, Entry]]


def _settings(pairs: Pairs) -> Iterator[Cause]:
    old, new = next((pair for pair in pairs.values()), (None, None))
    if old and new:
        texts = _changes(old.parts["settings"], new.parts["settings"])
        yield from (Cause("parameters", text, tuple(pairs)) for text in texts)


def _parameters(pairs: Pairs) -> Iterator[Cause]:
    for name, (old, new) in pairs.items():
        both = [flatten(entry.parts["params"], name) for entry in (old, new)]
        yield from (Cause("parameters", text, (name,)) for text in _changes(*both))


def _data(pairs: Pairs, elsewhere: bool) -> Iterator[Cause]:
    """Sources that changed, and a stage without inputs that reads something else."""
    for name, (old, new) in pairs.items():
        was, now = old.parts["sources"], new.parts["sources"]
        changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
        yield from (Cause("data", f"{key} changed", (name,)) for key in changed)
        if _reads_other(old, new, elsewhere):
            yield Cause("data", f"what {name} reads is not the same", (name,))


def _reads_other(old: Entry, new: Entry, elsewhere: bool) -> bool:
    """Whether nothing but what it reads can have given other outputs.

    Args:
        elsewhere: in another environment, where arithmetic gives other bits; then
            only what is not computed counts.
    """
    parts = ("params", "settings", "inputs", "sources", "code")
    if old.parts["inputs"] or any(old.parts[key] != new.parts[key] for key in parts):
        return False
    if elsewhere:
        return any(old.outputs.get(name) != new.outputs.get(name) for name in EXACT)
    return old.fingerprint == new.fingerprint and old.outputs != new.outputs


def _code(pairs: Pairs) -> Iterator[Cause]:
    stages: dict[str, list[str]] = {}
    for name, (old, new) in pairs.items():
        before, after = old.parts["code"], new.parts["code"]
        for module in sorted({*before, *after}):
            if before.get(module) != after.get(module):
                stages.setdefault(_how(module, before, after), []).append(name)
    yield from (Cause("code", text, tuple(names)) for text, names in stages.items())


def _how(module: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if module not in before:
        return f"{module} is new"
    return f"{module} {'changed' if module in after else 'is gone'}"


def _environment(
    before: Snapshot, after: Snapshot, stages: tuple[str, ...]
) -> Iterator[Cause]:
    both = [flatten(each.environment, "") for each in (before, after)]
    named = [{key.strip("."): value for key, value in flat.items()} for flat in both]
    for text in _changes(*named, wide=True):
        yield Cause("environment", text, stages)


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any], wide: bool = False
) -> list[str]:
    keys = [k for k in sorted({*before, *after}) if before.get(k) != after.get(k)]
    return [_change(key, before.get(key), after.get(key), wide) for key in keys]


def _change(key: str, before: Any, after: Any, wide: bool) -> str:
    """`train.epochs 60 -> 30`; of two long lists of words, the words that differ."""
    old, new = str(before).split(), str(after).split()
    if wide and min(len(old), len(new)) > 3:
        gone = [f"-{word}" for word in old if word not in new]
        come = [f"+{word}" for word in new if word not in old]
        return " ".join([key, *gone, *come])
    return f"{key} {show(before)} -> {show(after)}"
