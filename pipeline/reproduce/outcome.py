"""Two snapshots compared: which outputs differ, the verdicts, and the table.

Bits are required where the environments are equal, a tolerance everywhere. Another
environment excuses other bits, and nothing else: where a line of code or a pixel is
not the same, other bits are no reproduction. An experiment that asks another question
than its lock (other parameters, another seed) never is one, however near its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.exit_codes import ExitCode
from pipeline.reproduce import contents
from pipeline.reproduce.causes import Cause, causes, of_stage
from pipeline.reproduce.snapshot import Snapshot
from pipeline.reproduce.tolerance import Broken, judge

EXIT_DIFFERENT = ExitCode.NOT_REPRODUCED


@dataclass(frozen=True)
class Outcome:
    """What comparing gave.

    Args:
        files: stage -> its outputs that differ, in the order of the chain.
        missing: stages of the first snapshot that the second does not have.
    """

    before: Snapshot
    after: Snapshot
    causes: list[Cause]
    files: dict[str, list[str]]
    missing: list[str]
    broken: list[Broken]

    @property
    def equal(self) -> bool:
        """Whether every output is the same, bit for bit."""
        return not self.files and not self.missing

    @property
    def same_environment(self) -> bool:
        """Whether equal bits can be asked for."""
        return not self.elsewhere

    @property
    def same_question(self) -> bool:
        """Whether the parameters and settings are the same."""
        return not self._of("parameters")

    @property
    def reproduced(self) -> bool:
        """The verdict."""
        if self.missing or not self.same_question:
            return False
        return self.equal or (self.excused and not self.broken)

    @property
    def excused(self) -> bool:
        """Whether the environment alone explains other bits."""
        return not self.same_environment and not self.own_causes

    @property
    def own_causes(self) -> list[Cause]:
        """Differences of code and data, which no environment excuses."""
        return self._of("data") + self._of("code")

    @property
    def elsewhere(self) -> list[Cause]:
        """Differences of the environment."""
        return self._of("environment")

    @property
    def exit_code(self) -> int:
        """0 when reproduced, else 4."""
        return 0 if self.reproduced else EXIT_DIFFERENT

    def _of(self, kind: str) -> list[Cause]:
        return [cause for cause in self.causes if cause.kind == kind]


def compare(before: Snapshot, after: Snapshot) -> Outcome:
    """Compare, for example, a lock and a run."""
    both = [name for name in before.entries if name in after.entries]
    files = {name: differing(before, after, name) for name in both}
    return Outcome(
        before,
        after,
        causes(before, after),
        {name: found for name, found in files.items() if found},
        [name for name in before.entries if name not in after.entries],
        judge(before, after),
    )


def differing(before: Snapshot, after: Snapshot, stage: str) -> list[str]:
    """Outputs of a stage that are not the same in both."""
    old, new = before.entries[stage].outputs, after.entries[stage].outputs
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def table(outcome: Outcome, reference: Snapshot | None = None) -> list[str]:
    """Causes first, then every output that differs, the first stage on top.

    Args:
        reference: where the files of `outcome.before` are, if it has none itself.
    """
    lines = [row(c.kind, _stages(c, outcome), c.text) for c in outcome.causes]
    for stage, names in outcome.files.items():
        lines += _outputs(outcome, reference or outcome.before, stage, names)
    lines += _hashes_alone(outcome, reference or outcome.before)
    lines += [row("missing", stage, "no result") for stage in outcome.missing]
    lines += [row("tolerance", each.stage, each.text) for each in outcome.broken]
    return lines


def verdict(outcome: Outcome) -> list[str]:
    """The two verdicts, bits and tolerance, and what follows from them."""
    bits = "equal" if outcome.equal else "different"
    near = f"{len(outcome.broken)} broken" if outcome.broken else "kept"
    return [
        row("bits", bits, _required(outcome)),
        row("tolerance", near, "required everywhere"),
        row("verdict", _result(outcome)),
    ]


def _required(outcome: Outcome) -> str:
    if outcome.same_environment:
        return "required: the environment is the same"
    if outcome.equal or outcome.excused:
        return "not required here: the environment is another"
    return f"required: no environment excuses {_counted(outcome.own_causes)}"


def _result(outcome: Outcome) -> str:
    """In another environment never the same words as in the lock's own."""
    if not outcome.same_question:
        told = "the parameters are others, the lock is of another experiment"
        return f"NOT reproduced: {told}"
    if not outcome.reproduced:
        return "NOT reproduced"
    if outcome.same_environment:
        return "reproduced"
    how = "reproduced bit for bit" if outcome.equal else "within tolerance"
    return f"{how} on another environment: {_counted(outcome.elsewhere)}"


def _counted(found: list[Cause]) -> str:
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return found[0].text + more


def row(kind: str, what: str, text: str = "") -> str:
    """`parameters  train     train.epochs 60 -> 30`."""
    return f"{kind:<11} {what:<9} {text}".rstrip()


def _stages(cause: Cause, outcome: Outcome) -> str:
    whole = len(cause.stages) == len(outcome.before.entries) - len(outcome.missing)
    return "all" if whole and len(cause.stages) > 1 else ",".join(cause.stages)


def _outputs(
    outcome: Outcome, reference: Snapshot, stage: str, names: list[str]
) -> Iterator[str]:
    because = of_stage(outcome.causes, outcome.before, outcome.after, stage)
    files = "1 file" if len(names) == 1 else f"{len(names)} files"
    yield row("outputs", stage, f"{files}, because: {because}")
    for name in names:
        told = inside(outcome, reference, stage, name)
        yield row("", "", f"  {name:<24} {told}")


def inside(outcome: Outcome, reference: Snapshot, stage: str, name: str) -> str:
    """Which tensor of a file differs most, and by how much, where it can be told."""
    old, new = outcome.before.entries[stage], outcome.after.entries[stage]
    if name not in old.outputs or name not in new.outputs:
        return "is new" if name in new.outputs else "is gone"
    after = outcome.after.file(stage, name)
    before = _recorded(outcome, reference, stage, name)
    if before and after:
        return _named(list(map(str, contents.compare(before, after))))
    if name == "metrics.json":
        both = (contents.numbers(dict(entry.metrics)) for entry in (old, new))
        return _named(list(map(str, contents.between(*both))))
    if after and name in old.tensors:
        return _named(contents.changed(after, dict(old.tensors[name])))
    return "bytes differ"


def _recorded(
    outcome: Outcome, reference: Snapshot, stage: str, name: str
) -> Path | None:
    """The very file whose hash was recorded, where it is on this disk."""
    there = reference.entries.get(stage)
    same = (
        there and there.outputs.get(name) == outcome.before.entries[stage].outputs[name]
    )
    return reference.file(stage, name) if same else None


def _hashes_alone(outcome: Outcome, reference: Snapshot) -> Iterator[str]:
    """Says why no largest difference is told, where that is so."""
    changed = [
        (stage, name) for stage, names in outcome.files.items() for name in names
    ]
    old = outcome.before.entries
    if any(
        name in old[stage].outputs and not _recorded(outcome, reference, stage, name)
        for stage, name in changed
    ):
        told = f"{outcome.before.name} holds hashes and metrics; other largest "
        yield row("note", "", f"{told}differences need its own results on this disk")


def _named(texts: list[str]) -> str:
    if not texts:
        return "bytes differ"
    more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
    return texts[0] + more
