"""Two snapshots compared: outputs that differ, the verdict, and a table of text.

Equal bits are required where the environments are equal, and a tolerance everywhere.
A different environment excuses other bits, and nothing else does: where a line of code,
an example or the version of an imported library differs, other bits are not a
reproduction. An experiment with other parameters or another seed never is one, however
close its numbers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.exit_codes import ExitCode
from pipeline.core.wording import quantity
from pipeline.reproduce import contents
from pipeline.reproduce.differences import (
    Difference,
    counted,
    differences,
    explanation,
)
from pipeline.reproduce.metric_check import MetricChanges, check_metrics
from pipeline.reproduce.snapshot import Snapshot

HASHES_ONLY = (
    "{} holds hashes and metrics only; other largest differences need its results on "
    "this disk"
)


@dataclass(frozen=True)
class ComparisonResult:
    """The result of comparing two snapshots.

    Args:
        differences: in what results depend on.
        files: stage -> its outputs that differ, in the order of the chain.
        missing: stages of the first snapshot that the second does not have.
        metrics: those that differ, by the first snapshot's tolerance.
    """

    before: Snapshot
    after: Snapshot
    differences: list[Difference]
    files: dict[str, list[str]]
    missing: list[str]
    metrics: MetricChanges

    @property
    def equal(self) -> bool:
        """True if every output is the same, bit for bit."""
        return not self.files and not self.missing

    @property
    def same_experiment(self) -> bool:
        """True if the parameters and the seed are the same."""
        return not self._of_kind("parameters")

    @property
    def same_environment(self) -> bool:
        """True if equal bits can be required."""
        return not self.environment

    @property
    def reproduced(self) -> bool:
        """The verdict."""
        if self.missing or not self.same_experiment:
            return False
        return self.equal or (self.excused and not self.metrics.exceeded)

    @property
    def excused(self) -> bool:
        """True if the environment alone explains other bits."""
        return not self.same_environment and not self.not_excused

    @property
    def environment(self) -> list[Difference]:
        """Differences in machine, settings and libraries."""
        return self._of_kind("environment")

    @property
    def not_excused(self) -> list[Difference]:
        """Differences in data, code and imported libraries: no machine excuses them."""
        imported = [item for item in self.environment if item.imported]
        return self._of_kind("data") + self._of_kind("code") + imported

    @property
    def exit_code(self) -> int:
        """0 when reproduced, otherwise 4."""
        return ExitCode.DONE if self.reproduced else ExitCode.NOT_REPRODUCED

    def _of_kind(self, kind: str) -> list[Difference]:
        return [item for item in self.differences if item.kind == kind]


def compare(before: Snapshot, after: Snapshot) -> ComparisonResult:
    """Compare, for example, a lock and a run.

    Args:
        before: the reference; its tolerance holds.
        after: the run to be checked.
    """
    shared = [name for name in before.entries if name in after.entries]
    files = {name: differing_files(before, after, name) for name in shared}
    return ComparisonResult(
        before,
        after,
        differences(before, after),
        {name: names for name, names in files.items() if names},
        [name for name in before.entries if name not in after.entries],
        check_metrics(before, after),
    )


def differing_files(before: Snapshot, after: Snapshot, stage: str) -> list[str]:
    """Outputs of a stage whose hashes differ, or that only one snapshot has."""
    old, new = before.entries[stage].outputs, after.entries[stage].outputs
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def table(result: ComparisonResult, reference: Snapshot | None = None) -> list[str]:
    """Lines of text: differences first, then outputs and metrics that differ.

    Args:
        result: of `compare`.
        reference: where the files of `result.before` are, if it has none itself.
    """
    files_of = reference or result.before
    lines = [row(d.kind, _stages(d, result), d.text) for d in result.differences]
    for stage, names in result.files.items():
        lines += _outputs(result, files_of, stage, names)
    lines += _hashes_only(result, files_of)
    lines += [row("missing", stage, "no result") for stage in result.missing]
    metrics = result.metrics
    lines += [row("reported", item.stage, item.text) for item in metrics.reported]
    return lines + [
        row("tolerance", item.stage, item.text) for item in metrics.exceeded
    ]


def verdict(result: ComparisonResult) -> list[str]:
    """Three lines: bits, tolerance, and the verdict that follows from them."""
    exceeded = len(result.metrics.exceeded)
    return [
        row("bits", "equal" if result.equal else "different", _required(result)),
        row(
            "tolerance",
            f"{exceeded} exceeded" if exceeded else "kept",
            "required everywhere",
        ),
        row("verdict", _conclusion(result)),
    ]


def row(kind: str, what: str, text: str = "") -> str:
    """`parameters  train     train.epochs 60 -> 30`."""
    return f"{kind:<11} {what:<9} {text}".rstrip()


def inside(result: ComparisonResult, reference: Snapshot, stage: str, name: str) -> str:
    """Name the tensor of a file that differs most, and by how much, if files exist."""
    old, new = result.before.entries[stage], result.after.entries[stage]
    if name not in old.outputs or name not in new.outputs:
        return "is new" if name in new.outputs else "was removed"
    after = result.after.file(stage, name)
    before = _recorded_file(result, reference, stage, name)
    if before and after:
        return _first([str(item) for item in contents.compare(before, after)])
    if name == "metrics.json":
        numbers = (contents.numbers(dict(entry.metrics)) for entry in (old, new))
        return _first([str(item) for item in contents.between(*numbers)])
    if after and name in old.tensors:
        return _first(contents.changed(after, dict(old.tensors[name])))
    return "bytes differ"


def _required(result: ComparisonResult) -> str:
    if result.same_environment:
        return "required: the environment is the same"
    if result.equal or result.excused:
        return "not required: the environment differs"
    return f"required: no environment excuses {_texts(result.not_excused)}"


def _conclusion(result: ComparisonResult) -> str:
    """In another environment never the same words as in the lock's own."""
    if not result.same_experiment:
        reason = "the parameters differ, so the lock is of another experiment"
        return f"NOT reproduced: {reason}"
    if not result.reproduced:
        return "NOT reproduced"
    if result.same_environment:
        return "reproduced"
    how = "reproduced bit for bit" if result.equal else "within tolerance"
    return f"{how} on another environment: {_texts(result.environment)}"


def _texts(listed: list[Difference]) -> str:
    return counted([item.text for item in listed])


def _stages(difference: Difference, result: ComparisonResult) -> str:
    stages = len(result.before.entries) - len(result.missing)
    everywhere = len(difference.stages) == stages > 1
    return "all" if everywhere else ",".join(difference.stages)


def _outputs(
    result: ComparisonResult, reference: Snapshot, stage: str, names: list[str]
) -> Iterator[str]:
    reason = explanation(result.differences, result.before, result.after, stage)
    files = quantity(len(names), "file")
    yield row("outputs", stage, f"{files}, because: {reason}")
    for name in names:
        text = inside(result, reference, stage, name)
        yield row("", "", f"  {name:<24} {text}")


def _recorded_file(
    result: ComparisonResult, reference: Snapshot, stage: str, name: str
) -> Path | None:
    """The file whose hash was recorded, if it is on this disk."""
    entry = reference.entries.get(stage)
    recorded = result.before.entries[stage].outputs[name]
    same = entry is not None and entry.outputs.get(name) == recorded
    return reference.file(stage, name) if same else None


def _hashes_only(result: ComparisonResult, reference: Snapshot) -> Iterator[str]:
    """Say why largest differences are missing from the table, where they are."""
    old = result.before.entries
    changed = [(stage, name) for stage, names in result.files.items() for name in names]
    if any(
        name in old[stage].outputs
        and not _recorded_file(result, reference, stage, name)
        for stage, name in changed
    ):
        yield row("note", "", HASHES_ONLY.format(result.before.name))


def _first(texts: list[str]) -> str:
    return counted(texts) if texts else "bytes differ"
