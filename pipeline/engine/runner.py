"""Bring stages up to date: decide, run in a fresh process, publish.

Runner(job, code, reporter).bring_up_to_date(("train",))
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pipeline
from pipeline.engine.import_closure import CodeReader
from pipeline.core.determinism import derive_seed, pins
from pipeline.core.errors import StageFailed, UserError, from_os_error
from pipeline.core.hashing import SHORT
from pipeline.engine.environment import environment
from pipeline.core.json_io import write_json
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import Decision, decide
from pipeline.engine.stage_process import Listener, run_in_process
from pipeline.engine.git_state import git_state
from pipeline.engine.publish import partial_folder, publish, recover
from pipeline.engine.stage_record import fingerprint, write_record
from pipeline.engine.run_record import host_facts, retold, write_run
from pipeline.engine.scratch import drop_empty, drop_scratch, scratch_folder
from pipeline.engine.stage import Job, Stage

CODE_ROOT = Path(pipeline.__file__).parent.parent
# Settings of the caller's shell that would change bits behind our back: kernels of
# TensorFlow, NumPy, its BLAS and the C library; how pictures look.
SCRUBBED = (
    *("TF_", "XLA_", "ONEDNN_", "DNNL_", "KERAS_"),
    *("NPY_", "OPENBLAS_", "GOTO_", "BLIS_", "MKL_", "OMP_", "KMP_"),
    *("GLIBC_TUNABLES", "MPL", "MATPLOTLIBRC"),
)
KEPT = ("TF_FORCE_GPU_ALLOW_GROWTH", "KERAS_HOME", "MPLCONFIGDIR")


class Reporter(Listener, Protocol):
    """Who tells the user how it goes."""

    def cached(self, decision: Decision) -> None:
        """The stage is up to date."""

    def started(self, decision: Decision) -> None:
        """The stage starts, for the decision's reason."""

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """The stage is published under a short key."""


@dataclass(frozen=True)
class Runner:
    """Runs stages of one experiment, one after the other.

    Args:
        code: read anew for each stage, which may have been edited meanwhile.
        lock: descriptor of the experiment's lock. A stage's process keeps it open,
            so that the lock outlives a killed parent for as long as its child does.
    """

    job: Job
    code: CodeReader
    reporter: Reporter
    lock: int | None = None

    def bring_up_to_date(
        self, names: tuple[str, ...], force: bool = False, quiet: bool = False
    ) -> None:
        """Make `names` and all that they need up to date.

        Args:
            force: run `names` even where they are cached.
            quiet: say nothing of cached stages that are not among `names`.
        """
        with experiment_lock(self.job.folder) as lock, self._interruptible():
            for stage in self.job.chain:
                recover(self.job.folder, stage.name)
            for stage in self.job.upto(names):
                named = stage.name in names
                run = replace(self, code=self.code.fresh(), lock=lock)
                run._one(stage, force and named, quiet and not named)

    def _one(self, stage: Stage, force: bool, quiet: bool) -> None:
        decision = decide(self.job, stage, self.code)
        if decision.cached and not force:
            os.utime(self.job.folder / stage.name / "stage.json")
            return None if quiet else self.reporter.cached(decision)
        if decision.cached:
            decision = Decision(stage.name, "stale", "--force", decision.parts)
        self.reporter.started(decision)
        begin = time.monotonic()
        metrics = self._run(stage, decision, force)
        key = fingerprint(decision.parts)[:SHORT]
        seconds = time.monotonic() - begin
        return self.reporter.finished(key, metrics.get("headline", ""), seconds)

    def _run(self, stage: Stage, decision: Decision, force: bool) -> dict[str, Any]:
        out = partial_folder(self.job.folder, stage.name)
        key = fingerprint(_made_of(stage, decision.parts))
        scratch = scratch_folder(self.job.folder, stage.name, key, afresh=force)
        try:
            answer = self._answer(stage, decision, out, scratch)
            self._check_code(stage, decision)
            self._write_common(stage, decision, out, answer)
            publish(out, self.job.folder, stage.name)
            kept = scratch if stage.chooses else None
            drop_scratch(self.job.folder, stage.name, kept)
            self._failed_log(stage).unlink(missing_ok=True)
        except OSError as error:
            raise from_os_error(error) or error from error
        finally:
            recover(self.job.folder, stage.name)
            drop_empty(scratch)
        return answer["metrics"]

    def _check_code(self, stage: Stage, decision: Decision) -> None:
        """Refuse a result of which nobody knows which code made it."""
        now = self.code.fresh().closure(self.job.modules(stage))
        before = decision.parts["code"]
        edited = [name for name in now if now[name] != before.get(name)]
        if edited:
            raise StageFailed(
                f"{stage.name}: {edited[0]} was edited while it ran, so its result "
                "was not published; run the same command again"
            )

    def _answer(
        self, stage: Stage, decision: Decision, out: Path, scratch: Path
    ) -> dict[str, Any]:
        begin = time.time()
        # What libraries leave in the temporary folder goes when the stage is over.
        with tempfile.TemporaryDirectory(prefix="pipeline-") as temporary:
            answer = run_in_process(
                self._request(stage, decision, out, scratch),
                out / "log.txt",
                {**self._environment(), "TMPDIR": temporary},
                self.reporter,
                kept=() if self.lock is None else (self.lock,),
            )
        if "error" in answer:
            raise self._failure(stage, answer, out / "log.txt")
        return {**answer, "begin": begin}

    def _failure(self, stage: Stage, answer: dict[str, Any], log: Path) -> UserError:
        kept = self._failed_log(stage)
        shutil.copyfile(log, kept)
        error = UserError(f"{stage.name}: {answer['error']}")
        if answer.get("unexpected") or answer["exit_code"] == StageFailed.exit_code:
            failed = " failed" if answer.get("unexpected") else ""
            error = StageFailed(
                f"{stage.name}{failed}: {answer['error']}\n"
                f"Nothing was published. What it printed is in {kept}"
            )
        error.exit_code = answer["exit_code"]
        return error

    def _failed_log(self, stage: Stage) -> Path:
        return self.job.folder / f".{stage.name}.failed.log"

    def _write_common(
        self, stage: Stage, decision: Decision, out: Path, answer: dict[str, Any]
    ) -> None:
        write_json(out / "metrics.json", answer["metrics"])
        write_json(out / "params.json", decision.parts["params"])
        facts = {"volatile": answer["volatile"], "retold": retold(self.job, stage)}
        write_run(out, stage, {**facts, **self._where(decision, answer["begin"])})
        write_record(out, stage, decision.parts)

    def _where(self, decision: Decision, begin: float) -> dict[str, Any]:
        """When, on which machine and from which checkout the result was made."""
        libraries = decision.parts["libraries"]
        return {
            **host_facts(begin),
            "environment": environment(self.job.settings, libraries),
            "git": git_state([CODE_ROOT / "pipeline", *self._written(decision)]),
        }

    def _written(self, decision: Decision) -> list[Path]:
        """What the user wrote: the experiment file, and modules of their own."""
        files = self.code.files(decision.parts["code"])
        own = [path for path in files if CODE_ROOT / "pipeline" not in path.parents]
        return [*sorted(self.job.folder.glob("experiment.yaml")), *own]

    def _request(
        self, stage: Stage, decision: Decision, out: Path, scratch: Path
    ) -> dict[str, Any]:
        params = self.job.params[stage.name]
        folder = self.job.folder.resolve()
        beside = stage.beside(self.job.params, folder)
        return {
            "module": stage.module,
            "params_class": f"{type(params).__module__}:{type(params).__name__}",
            "params": params.model_dump(mode="json"),
            "folders": {name: str(folder / name) for name in stage.needs},
            "beside": {name: str(path) for name, path in beside.items()},
            "seed": derive_seed(self.job.settings["seed"], stage.name),
            "threads": self.job.settings["threads"],
            "overrides": self.job.overrides,
            "out": str(out.resolve()),
            "draws": "matplotlib" in decision.parts["libraries"],
            "scratch": str(scratch.resolve()),
        }

    def _environment(self) -> dict[str, str]:
        settings = self.job.settings
        kept = {
            key: value
            for key, value in os.environ.items()
            if key in KEPT or not key.startswith(SCRUBBED)
        }
        path = os.pathsep.join(filter(None, [str(CODE_ROOT), kept.get("PYTHONPATH")]))
        fixed = pins(settings["threads"], settings["portability"])
        return {**kept, **fixed, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """SIGTERM ends a run the way Ctrl-C does: nothing half-made stays."""
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def _made_of(stage: Stage, parts: dict[str, Any]) -> dict[str, Any]:
    """What the content of a stage's working folder depends on."""
    params = {k: v for k, v in parts["params"].items() if k not in stage.chooses}
    return {**parts, "params": params}
