"""Run an experiment again from scratch, and compare it with its lock.

In: an experiment with a lock. Out: a comparison of the lock with a new run in a
temporary folder. Of several recorded environments the lock's nearest is compared with:
where one of them is this machine's, equal bits are required.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, chdir
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.core.wording import quantity
from pipeline.engine.environment import environment, requirements
from pipeline.engine.fingerprint import describe
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.stage import Job
from pipeline.engine.stage_record import fingerprint, read_record
from pipeline.reproduce.comparison_result import (
    ComparisonResult,
    compare,
    row,
    table,
    verdict,
)
from pipeline.reproduce.differences import Difference, differences
from pipeline.reproduce.lock_file import LOCK, read_lock
from pipeline.reproduce.locking import differing_outputs
from pipeline.reproduce.rerun import StageReporter, in_temporary_folder
from pipeline.reproduce.snapshot import Entry, Snapshot, nearest_recording, of_run


@dataclass(frozen=True)
class Rerun:
    """How to run an experiment again.

    Args:
        job: the experiment.
        load: folder of a copy of the experiment -> its job, with the same overrides.
        stage: the last stage to run.
        keep: keep the new results instead of removing them.
        verbose: show what libraries print.
    """

    job: Job
    load: Callable[[Path], Job]
    stage: str = "report"
    keep: bool = False
    verbose: bool = False

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that are run."""
        return tuple(stage.name for stage in self.job.upto((self.stage,)))

    def run(self, stack: ExitStack, reference: Snapshot | None) -> Snapshot:
        """Run it, printing one line per stage.

        Args:
            stack: on exit removes the results, unless they are kept.
            reference: each stage is compared with it as soon as it is published.
        """
        new = in_temporary_folder(self.job, self.load, self.keep)
        job = stack.enter_context(new)
        reporter = StageReporter(_comparer(job, reference), self.verbose)
        runner = Runner(job, CodeReader(CODE_ROOT, also=(base(),)), reporter)
        with chdir(job.folder.parent):
            runner.bring_up_to_date((self.stage,))
        if self.keep:
            print(f"kept      {job.folder}")
        return of_run(job.folder, self.stages)


@dataclass(frozen=True)
class Reproduction:
    """The verdict on a run.

    Args:
        reproduced: true if the results are those of the reference.
        lines: what differs and the verdict, for the terminal.
        result: the comparison; None if nothing was run.
    """

    reproduced: bool
    lines: tuple[str, ...]
    result: ComparisonResult | None = None

    @property
    def exit_code(self) -> int:
        """0 when reproduced, otherwise 4."""
        return ExitCode.DONE if self.reproduced else ExitCode.NOT_REPRODUCED


def reproduce(rerun: Rerun, code: CodeReader) -> Reproduction:
    """Run an experiment from scratch, and compare the results with its lock.

    Args:
        rerun: the experiment, and how to run it.
        code: reads the pipeline's modules.

    Returns:
        The verdict; nothing is run where the parameters are not those of the lock.

    Raises:
        UserError: when there is no lock, or a stage fails.
    """
    reference = _recording(rerun)
    if parameters := _other_parameters(reference, rerun, code):
        return _refused(parameters, rerun.job.folder)
    with ExitStack() as stack:
        result = compare(reference, rerun.run(stack, reference))
        return _concluded(result, _published(rerun))


def reproduce_twice(rerun: Rerun) -> Reproduction:
    """Run an experiment from scratch two times, and compare the results."""
    with ExitStack() as stack:
        print("first run: the reference")
        before = rerun.run(stack, None)
        print("second run: compared with the first")
        return _concluded(compare(before, rerun.run(stack, before)), before)


def cut(recording: Snapshot, stages: Sequence[str]) -> Snapshot:
    """A recording of these stages alone, with the libraries that they need."""
    entries = {n: entry for n, entry in recording.entries.items() if n in stages}
    if len(entries) == len(recording.entries):
        return recording
    roots = {name for entry in entries.values() for name in entry.parts["libraries"]}
    needed = requirements(roots)
    versions = recording.environment["libraries"].items()
    libraries = {name: version for name, version in versions if name in needed}
    smaller = {**recording.environment, "libraries": libraries}
    return replace(recording, entries=entries, environment=smaller)


def _recording(rerun: Rerun) -> Snapshot:
    """The recorded environment of the lock that is nearest to this one."""
    lock = read_lock(rerun.job.folder / LOCK)
    recordings = [cut(recording, rerun.stages) for recording in lock]
    entries = recordings[0].entries.values()
    roots = {name for entry in entries for name in entry.parts["libraries"]}
    return nearest_recording(recordings, environment(rerun.job.settings, roots))


def _other_parameters(
    reference: Snapshot, rerun: Rerun, code: CodeReader
) -> list[Difference]:
    """Parameters that are not those of the lock, which is seen without a run."""
    job = rerun.job
    entries = {name: _planned(job, name, code) for name in rerun.stages}
    planned = Snapshot(str(job.folder), entries, reference.environment)
    listed = differences(reference, planned)
    return [item for item in listed if item.kind == "parameters"]


def _planned(job: Job, name: str, code: CodeReader) -> Entry:
    parts = describe(job, job.stage(name), code)
    return Entry(fingerprint(parts), parts, {}, {})


def _refused(parameters: Sequence[Difference], folder: Path) -> Reproduction:
    lines = [row(item.kind, item.stages[0], item.text) for item in parameters]
    text = (
        f"NOT reproduced, nothing was run: {folder / LOCK} is of another experiment; "
        f"to record this one: {command('run', folder=folder)}, then "
        f"{command('lock', folder=folder)}"
    )
    return Reproduction(False, (*lines, row("verdict", text)))


def _concluded(result: ComparisonResult, files: Snapshot | None) -> Reproduction:
    """The verdict, in words while the files of the new run are still there."""
    lines = (*table(result, files), *verdict(result))
    return Reproduction(result.reproduced, lines, result)


def _published(rerun: Rerun) -> Snapshot | None:
    """The published run: its files show how far those of a new run differ."""
    try:
        return of_run(rerun.job.folder, rerun.stages)
    except UserError:
        return None


def _comparer(job: Job, reference: Snapshot | None) -> Callable[[str], tuple[str, str]]:
    def compare_stage(stage: str) -> tuple[str, str]:
        outputs = read_record(job.folder / stage)["outputs"]
        if reference is None or stage not in reference.entries:
            return "done", quantity(len(outputs), "file")
        names = differing_outputs(outputs, reference.entries[stage])
        if not names:
            return "equal", quantity(len(outputs), "file")
        return "differs", ", ".join(names)

    return compare_stage
