"""An opened experiment: plan, run, results. The command line and programs use it.

    session = load_experiment("experiments/digits", train={"epochs": 3})
    session.plan()                 # decisions: cached, stale, new or damaged, and why
    session.run("train")           # runs train, and all that it depends on, if stale
    session.results()["chosen"]    # after run(): the summary of the report

In: an experiment's folder and overrides. Out: published stages in that folder.
Imports no numeric library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.invocation import ROOT
from pipeline.core.quoting import printable
from pipeline.core.safe_path import SafeFolder
from pipeline.data.extension import FOLDER as EARLIER
from pipeline.engine.hash_cache import HASHES
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import Decision, plan
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.scratch import FOLDER as SCRATCH
from pipeline.engine.scratch import drop_scratch
from pipeline.engine.stage import Job
from pipeline.engine.stage_record import changed_inputs
from pipeline.engine.temporary import sweep
from pipeline.engine.terminal import Terminal
from pipeline.experiment import earlier_results, outside, single_model
from pipeline.experiment.builder_rules import check_students
from pipeline.experiment.conversion import NOTES as CONVERSIONS
from pipeline.experiment.conversion import check_conversion
from pipeline.experiment.loader import FILE, experiment_folder, read_experiment
from pipeline.experiment.overrides import override_texts
from pipeline.experiment.preflight import (
    check_columns,
    check_engine,
    check_environment,
    check_files,
    check_splits,
)
from pipeline.experiment.schema import Experiment
from pipeline.experiment.stages import STAGES

LAST = STAGES[-1]
CODE_CACHE = ".code.json"  # parsed modules, see `import_closure`


class Console(Terminal):
    """Progress on a stream, notes beside it, warnings on standard error."""

    def note(self, text: str) -> None:
        """Print a line between those of the stages."""
        print(printable(text), file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """Print a warning; the run goes on."""
        print(printable(text), file=sys.stderr, flush=True)


class Silent(Console):
    """Print warnings only."""

    def _print(self, text: str) -> None:
        pass

    note = _print


@dataclass(frozen=True)
class Session:
    """One experiment, opened with its overrides.

    Args:
        folder: the experiment's folder.
        job: the chain with its parameters, as the engine runs it.
        experiment: its checked values; None in a folder that compress_model made.
    """

    folder: Path
    job: Job
    experiment: Experiment | None

    @cached_property
    def code(self) -> CodeReader:
        """Reader of the code that the stages run, for fingerprints."""
        return code_reader(self.job)

    def plan(self, *stages: str) -> list[Decision]:
        """Decide which stages are up to date; runs nothing.

        Args:
            stages: names; default: the whole chain. What they depend on is included.

        Returns:
            One decision per stage in the order of the chain: `stage`, `state`
            (`cached`, `stale`, `new` or `damaged`), `reason` and `headline`.

        Raises:
            UserError: there is no stage of that name.
        """
        names = self._checked(stages or (self.job.chain[-1].name,))
        return plan(self.job, self.job.upto(names), self.code, verify=False)

    def check(self, *stages: str) -> list[Decision]:
        """Plan, and check that a run of the stages can start; runs nothing.

        Args:
            stages: as for `plan`.

        Raises:
            UserError: a file that a stage will read does not exist, a builder does not
                suit distill or compress, or training cannot continue from the result
                before `data.extend`.
        """
        self.check_continuation()
        decisions = self.plan(*stages)
        check_files(self.job, decisions)
        check_splits(self.job, decisions)
        check_environment(self.job, decisions)
        check_engine(self.job, decisions)
        if self.experiment is not None:
            to_run = [d.stage for d in decisions if not d.cached]
            check_students(self.experiment, to_run)
            if "tune" in to_run:
                from pipeline.experiment.builder_inputs import check_inputs

                check_inputs(self.experiment)
        return decisions

    def check_continuation(self) -> None:
        """Check that training can continue from the result before `data.extend`.

        Raises:
            UserError: says what has changed, or what is missing.
        """
        earlier_results.check(self.job)

    def run(
        self,
        stage: str = LAST,
        *,
        force: bool = False,
        only: bool = False,
        reporter: Console | None = None,
    ) -> None:
        """Bring a stage, and all that it depends on, up to date.

        Args:
            stage: its name; default: the last one, `report`.
            force: run the stage even if it is cached.
            only: report no cached stage but `stage` itself, and track no other one.
            reporter: receives progress; default: lines on standard output.

        Raises:
            UserError: a check before the run failed, or an input does not fit.
            StageFailed: a stage failed; nothing of it was published.
            Busy: another process is running the experiment.
        """
        experiment = self.require_runnable()
        reporter = reporter or Console()
        decisions = self.check(stage)
        outside.announce_job(self.job, experiment.tracking.mlflow, reporter.warn)
        check_columns(self.job, decisions)
        to_run = [d.stage for d in decisions if not d.cached]
        check_conversion(experiment, self.job, self.code, to_run, reporter.note)
        self._keep_earlier(reporter)
        run_job(self.job, stage, reporter, code=self.code, force=force, only=only)
        self._track(experiment, stage, only, reporter)

    def results(self) -> dict[str, Any]:
        """Read the result of the finished experiment.

        Returns:
            The report's summary: `chosen`, `baseline` and `nearest` are rows of
            `variants` or None; see report/summary.json.

        Raises:
            UserError: the experiment has no report yet.
        """
        from pipeline.results import single_file, summary  # `status` needs neither

        if self.experiment is None:
            return single_file.read(self.folder)
        return summary.read(self.folder)

    def outdated_report(self) -> list[str]:
        """Names of stages that were published after the report."""
        return changed_inputs(self.folder, LAST)

    def clean(self) -> list[str]:
        """Remove all results and what an interrupted run left.

        Returns:
            Names of what was kept.
        """
        inside = SafeFolder(self.folder)
        with experiment_lock(self.folder):
            if inside.is_link(SCRATCH):
                inside.remove(SCRATCH)
            sweep(self.folder)
            for stage in self.job.chain:
                for path in self.folder.glob(f".{stage.name}.*"):
                    inside.remove(path.name)
                inside.remove(stage.name)
                drop_scratch(self.folder, stage.name)
            notes = (CODE_CACHE, HASHES, CONVERSIONS, outside.NOTES)
            for name in ("tensorboard", "debug", *notes):
                inside.remove(name)
        return [name for name in (FILE, EARLIER) if (self.folder / name).exists()]

    def _checked(self, stages: Iterable[str]) -> tuple[str, ...]:
        names = [stage.name for stage in self.job.chain]
        for stage in stages:
            if stage not in names:
                listing = ", ".join(names)
                raise UserError(f'no stage "{stage}" (there are: {listing})')
        return tuple(stages)

    def require_runnable(self) -> Experiment:
        """The experiment's values.

        Raises:
            UserError: compress_model made the folder, so nothing can be run in it.
        """
        if self.experiment is None:
            raise single_model.refused(self.folder)
        return self.experiment

    def _keep_earlier(self, reporter: Console) -> None:
        """Copy the published results before an extension of the data replaces them."""
        if len(earlier_results.data_params(self.job).sources) > 1:
            with experiment_lock(self.folder):
                copy = earlier_results.keep(self.job)
            if copy:
                reporter.note(f"kept      {copy}: the results before data.extend")

    def _track(
        self, experiment: Experiment, stage: str, only: bool, reporter: Console
    ) -> None:
        """Record the run on a tracking server, if the experiment names one."""
        if experiment.tracking.mlflow is None:
            return
        from pipeline.tracking.recording import record_run

        names = [link.name for link in self.job.upto((stage,))]
        warning = record_run(experiment, self.folder, [stage] if only else names)
        if warning:
            reporter.warn(warning)


def load_experiment(path: str | Path, **overrides: Any) -> Session:
    """Open an experiment.

    Args:
        path: its folder, its experiment.yaml, or its name in `experiments/`.
        overrides: values of the experiment file, by section: `seed=2`,
            `train={"epochs": 3}`, or `**{"train.epochs": 3}`. Keys of a section that
            are not named keep the file's values.

    Returns:
        The session, with `plan()`, `run(stage)` and `results()`.

    Raises:
        UserError: there is no such experiment, or a value is not valid; the message
            names the file and line, or the override.

    Example:
        >>> session = load_experiment("experiments/digits", seed=2)  # doctest: +SKIP
        >>> session.run("train")                                     # doctest: +SKIP
    """
    texts = override_texts(overrides)
    typed = {text: f"override {text}" for text in texts}
    return open_session(_folder(Path(path)), texts, typed)


def open_session(
    folder: Path, sets: Iterable[str] = (), typed: Mapping[str, str] | None = None
) -> Session:
    """Open the experiment in a folder.

    Args:
        folder: holds experiment.yaml; also one that compress_model made, which can be
            planned and read, but not run.
        sets: overrides, such as `train.epochs=3`.
        typed: override -> what the user typed instead of `--set`, for error messages.

    Raises:
        UserError: a value is not valid, or overrides are given to a folder of
            compress_model.
    """
    sets = list(sets)
    if single_model.is_single(folder):
        if sets:
            raise single_model.refused(folder)
        return Session(folder, single_model.published_job(folder), None)
    experiment = read_experiment(folder, sets, typed)
    return Session(folder, experiment.job(folder, sets), experiment)


def run_job(
    job: Job,
    stage: str,
    reporter: Console,
    *,
    code: CodeReader | None = None,
    force: bool = False,
    only: bool = False,
) -> None:
    """Run a job's stages up to `stage`, without the checks of a session."""
    runner = Runner(job, code or code_reader(job), reporter)
    runner.bring_up_to_date((stage,), force, only)


def code_reader(job: Job) -> CodeReader:
    """A reader that has parsed what the job's stages run; it remembers on disk."""
    code = CodeReader(CODE_ROOT, job.folder / CODE_CACHE, also=(Path.cwd() / base(),))
    for stage in job.chain:
        code.closure(job.modules(stage))
    code.save_cache()
    return code


def _folder(path: Path) -> Path:
    """The folder of an experiment given as a folder, a file or a name."""
    if path.name == FILE:
        return path.parent
    if path.is_dir() or len(path.parts) > 1:
        return experiment_folder(path.parent, path.name)
    return experiment_folder(ROOT, path.name)
