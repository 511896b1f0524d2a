"""Bring stages up to date: decide, run in a fresh process, publish.

Runner(job, code, reporter).bring_up_to_date(("train",))
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import StageFailed, UserError, error_with_code, from_os_error
from pipeline.core.hashing import SHORT
from pipeline.core.json_io import write_json
from pipeline.core.safe_path import SafeFolder
from pipeline.engine.environment import environment
from pipeline.engine.fingerprint import source_hashes
from pipeline.engine.git_state import git_state
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import Decision, decide
from pipeline.engine.process_environment import CODE_ROOT, process_environment
from pipeline.engine.publish import partial_folder, publish, recover
from pipeline.engine.run_record import host_facts, volatile_inputs, write_run
from pipeline.engine.scratch import (
    drop_empty,
    drop_scratch,
    scratch_folder,
    scratch_key,
)
from pipeline.engine.stage import Job, Stage
from pipeline.engine.stage_process import Listener, Message, run_in_process
from pipeline.engine.stage_record import fingerprint, write_record
from pipeline.engine.temporary import sweep, temporary_folder
from pipeline.engine.time_limits import time_limit

ENDING = (signal.SIGTERM, signal.SIGHUP)  # signals that end a run, besides SIGINT


class Reporter(Listener, Protocol):
    """Receiver of the events of a run."""

    def cached(self, decision: Decision) -> None:
        """Handle a stage that is up to date."""

    def started(self, decision: Decision) -> None:
        """Handle the start of a stage, whose reason is in the decision."""

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """Handle a published stage: short fingerprint, headline and duration."""


@dataclass(frozen=True)
class Runner:
    """Runner of the stages of one experiment, one after the other.

    Args:
        job: the experiment.
        code: reads the modules of the stages, again for every stage, because they may
            be edited during the run.
        reporter: receives the events of the run.
        lock: file descriptor of the experiment's lock, set by `bring_up_to_date`.
            The process of a stage inherits it, so that the lock of a killed run lasts
            until its stage has ended.
    """

    job: Job
    code: CodeReader
    reporter: Reporter
    lock: int | None = None

    def bring_up_to_date(
        self, names: tuple[str, ...], force: bool = False, quiet: bool = False
    ) -> None:
        """Bring stages and everything that they depend on up to date.

        Args:
            names: names of stages.
            force: run `names` even when they are cached; default False.
            quiet: report no cached stage besides `names`; default False.

        Raises:
            UserError: when a stage refuses its input.
            StageFailed: when a stage fails; nothing of it is published.
            Busy: when another process is running the experiment.
        """
        try:
            with experiment_lock(self.job.folder) as lock, self._interruptible():
                self._clean_up()
                for stage in self.job.upto(names):
                    requested = stage.name in names
                    runner = replace(self, code=self.code.fresh(), lock=lock)
                    runner._update(stage, force and requested, quiet and not requested)
        except OSError as error:
            raise from_os_error(error) or error from error

    def _clean_up(self) -> None:
        """Restore and remove what a killed run left."""
        sweep(self.job.folder)
        for stage in self.job.chain:
            recover(self.job.folder, stage.name)

    def _update(self, stage: Stage, force: bool, quiet: bool) -> None:
        decision = decide(self.job, stage, self.code)
        if decision.cached and not force:
            self._touch(stage)
            return None if quiet else self.reporter.cached(decision)
        if decision.cached:
            decision = Decision(stage.name, "stale", "--force", decision.parts)
        self.reporter.started(decision)
        begin = time.monotonic()
        metrics = self._run(stage, decision, force)
        key = fingerprint(decision.parts)[:SHORT]
        seconds = time.monotonic() - begin
        return self.reporter.finished(key, metrics.get("headline", ""), seconds)

    def _touch(self, stage: Stage) -> None:
        """Tell make, by the time of a file, that the stage is up to date."""
        if not SafeFolder(self.job.folder).is_link(stage.name):
            record = self.job.folder / stage.name / "stage.json"
            os.utime(record, follow_symlinks=False)

    def _run(self, stage: Stage, decision: Decision, force: bool) -> dict[str, Any]:
        out = partial_folder(self.job.folder, stage.name)
        key = scratch_key(stage, decision.parts)
        scratch = scratch_folder(self.job.folder, stage.name, key, afresh=force)
        try:
            result = self._run_process(stage, decision, out, scratch)
            self._check_unchanged(stage, decision)
            self._write_common(stage, decision, out, result)
            publish(out, self.job.folder, stage.name)
            kept = scratch if stage.selection_params else None
            drop_scratch(self.job.folder, stage.name, kept)
            SafeFolder(self.job.folder).discard(_failed_log(stage))
        finally:
            recover(self.job.folder, stage.name)
            drop_empty(scratch)
        metrics: dict[str, Any] = result["metrics"]
        return metrics

    def _check_unchanged(self, stage: Stage, decision: Decision) -> None:
        """Refuse a result when the code or a file behind it is not certain."""
        code = self.code.fresh().closure(self.job.modules(stage))
        sources = source_hashes(self.job, stage)
        for part, now, change in (
            ("code", code, "was edited"),
            ("sources", sources, "changed"),
        ):
            before = decision.parts[part]
            changed = [name for name in now if now[name] != before.get(name)]
            if changed:
                raise StageFailed(
                    f"{stage.name}: {changed[0]} {change} while the stage ran, so its "
                    "result was not published; run the same command again"
                )

    def _run_process(
        self, stage: Stage, decision: Decision, out: Path, scratch: Path
    ) -> Message:
        begin = time.time()
        # Temporary files of libraries are removed when the stage has ended.
        with temporary_folder(self.job.folder, short=True) as temporary:
            result = run_in_process(
                self._request(stage, decision, out, scratch),
                out / "log.txt",
                {**process_environment(self.job.settings), "TMPDIR": str(temporary)},
                self.reporter,
                kept=() if self.lock is None else (self.lock,),
                limit=time_limit(self.job.minutes, "stage") if stage.limited else None,
            )
        if "error" in result:
            raise self._failure(stage, result, out / "log.txt")
        return {**result, "begin": begin}

    def _failure(self, stage: Stage, result: Message, log: Path) -> UserError:
        crashed = " failed" if result.get("unexpected") else ""
        text = f"{stage.name}{crashed}: {result['error']}"
        error = error_with_code(text, result["exit_code"])
        kept = self._keep_log(stage, log)
        if not isinstance(error, StageFailed):
            return error
        return StageFailed(f"{text}\nNothing was published.{kept}")

    def _keep_log(self, stage: Stage, log: Path) -> str:
        """Copy the log of a failed stage; a sentence about it, if the disk allows."""
        name = _failed_log(stage)
        try:
            SafeFolder(self.job.folder).write(name, log.read_bytes())
        except (OSError, UserError):
            return ""
        return f" Its output is in {self.job.folder / name}"

    def _write_common(
        self, stage: Stage, decision: Decision, out: Path, result: Message
    ) -> None:
        write_json(out / "metrics.json", result["metrics"])
        write_json(out / "params.json", decision.parts["params"])
        facts = {
            "volatile": result["volatile"],
            "volatile_inputs": volatile_inputs(self.job, stage),
            **self._origin(decision, result["begin"]),
        }
        write_run(out, stage, facts)
        write_record(out, stage, decision.parts)

    def _origin(self, decision: Decision, begin: float) -> dict[str, Any]:
        """When, on which machine and from which checkout the result was computed."""
        libraries = decision.parts["libraries"]
        return {
            **host_facts(begin),
            "environment": environment(self.job.settings, libraries),
            "git": git_state([CODE_ROOT / "pipeline", *self._user_files(decision)]),
        }

    def _user_files(self, decision: Decision) -> list[Path]:
        """The files that the user wrote: the experiment file and custom modules."""
        modules = self.code.files(decision.parts["code"])
        package = CODE_ROOT / "pipeline"
        custom = [path for path in modules if package not in path.parents]
        return [*sorted(self.job.folder.glob("experiment.yaml")), *custom]

    def _request(
        self, stage: Stage, decision: Decision, out: Path, scratch: Path
    ) -> Message:
        params = self.job.params[stage.name]
        folder = self.job.folder.resolve()
        extra_inputs = stage.extra_inputs(self.job.params, folder)
        return {
            "module": stage.module,
            "user_modules": list(stage.code(self.job.params)),
            "params_class": f"{type(params).__module__}:{type(params).__name__}",
            "params": params.model_dump(mode="json"),
            "folders": {name: str(folder / name) for name in stage.depends_on},
            "extra_inputs": {name: str(path) for name, path in extra_inputs.items()},
            "seed": derive_seed(self.job.settings["seed"], stage.name),
            "threads": self.job.settings["threads"],
            "overrides": self.job.overrides,
            "out": str(out.resolve()),
            "draws": "matplotlib" in decision.parts["libraries"],
            "scratch": str(scratch.resolve()),
            "minutes": dict(self.job.minutes),
        }

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let SIGTERM and SIGHUP end a run as Ctrl-C does: it cleans up."""
        numbers = [number for number in ENDING if _can_handle(number)]
        previous = {
            number: signal.signal(number, signal.default_int_handler)
            for number in numbers
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _can_handle(number: signal.Signals) -> bool:
    """Return False in other threads, and for a signal that `nohup` ignores."""
    ignored = signal.getsignal(number) is signal.SIG_IGN
    return threading.current_thread() is threading.main_thread() and not ignored


def _failed_log(stage: Stage) -> str:
    return f".{stage.name}.failed.log"
