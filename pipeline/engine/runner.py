"""Bring stages up to date: decide, run in a fresh process, publish.

Runner(job, code, reporter).bring_up_to_date(("train",))
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Any, Protocol

import pipeline
from pipeline.engine.closure import CodeReader
from pipeline.engine.determinism import derive_seed, pins
from pipeline.engine.errors import StageFailed, UserError, from_os_error
from pipeline.engine.hashing import SHORT
from pipeline.engine.host import environment
from pipeline.engine.jsonio import write_json
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import Decision, decide
from pipeline.engine.provenance import git_state
from pipeline.engine.publish import partial_folder, publish, recover
from pipeline.engine.record import fingerprint, write_record
from pipeline.engine.stage import Job, Stage

CODE_ROOT = Path(pipeline.__file__).parent.parent
# Settings of the caller's shell that would change bits behind our back.
SCRUBBED = ("TF_", "XLA_", "ONEDNN_", "DNNL_", "KERAS_")
KEPT = ("TF_FORCE_GPU_ALLOW_GROWTH", "KERAS_HOME")


class Reporter(Protocol):
    """Who tells the user how it goes."""

    def cached(self, decision: Decision) -> None:
        """The stage is up to date."""

    def started(self, decision: Decision) -> None:
        """The stage starts, for the decision's reason."""

    def progress(self, message: dict[str, Any]) -> None:
        """The stage says how far it is."""

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """The stage is published under a short key."""

    def log(self, text: str) -> None:
        """What the stage's libraries printed."""


@dataclass(frozen=True)
class Runner:
    """Runs stages of one experiment, one after the other."""

    job: Job
    code: CodeReader
    reporter: Reporter

    def bring_up_to_date(
        self, names: tuple[str, ...], force: bool = False, quiet: bool = False
    ) -> None:
        """Make `names` and all that they need up to date.

        Args:
            force: run `names` even where they are cached.
            quiet: say nothing of cached stages that are not among `names`.
        """
        with experiment_lock(self.job.folder), self._interruptible():
            for stage in self.job.chain:
                recover(self.job.folder, stage.name)
            for stage in self.job.upto(names):
                named = stage.name in names
                self._one(stage, force and named, quiet and not named)

    def _one(self, stage: Stage, force: bool, quiet: bool) -> None:
        decision = decide(self.job, stage, self.code)
        if decision.cached and not force:
            os.utime(self.job.folder / stage.name / "stage.json")
            return None if quiet else self.reporter.cached(decision)
        if decision.cached:
            decision = Decision(stage.name, "stale", "--force", decision.parts)
        self.reporter.started(decision)
        begin = time.monotonic()
        metrics = self._run(stage, decision)
        key = fingerprint(decision.parts)[:SHORT]
        seconds = time.monotonic() - begin
        return self.reporter.finished(key, metrics.get("headline", ""), seconds)

    def _run(self, stage: Stage, decision: Decision) -> dict[str, Any]:
        out = partial_folder(self.job.folder, stage.name)
        try:
            answer = self._answer(stage, out)
            self._write_common(stage, decision, out, answer)
            publish(out, self.job.folder, stage.name)
            self._failed_log(stage).unlink(missing_ok=True)
        except OSError as error:
            raise from_os_error(error) or error from error
        finally:
            shutil.rmtree(out, ignore_errors=True)
        return answer["metrics"]

    def _answer(self, stage: Stage, out: Path) -> dict[str, Any]:
        begin = time.time()
        answer = run_in_process(
            self._request(stage, out),
            out / "log.txt",
            self._environment(),
            self.reporter,
        )
        if "error" in answer:
            raise self._failure(stage, answer, out / "log.txt")
        answer["volatile"] = _run_facts(begin, answer["volatile"])
        return answer

    def _failure(self, stage: Stage, answer: dict[str, Any], log: Path) -> UserError:
        kept = self._failed_log(stage)
        shutil.copyfile(log, kept)
        error = UserError(f"{stage.name}: {answer['error']}")
        if answer.get("unexpected"):
            error = StageFailed(
                f"{stage.name} failed: {answer['error']}\n"
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
        write_json(out / "run.json", {**answer["volatile"], **self._where(decision)})
        write_record(out, stage, decision.parts)

    def _where(self, decision: Decision) -> dict[str, Any]:
        """What of this machine and checkout the result was made with."""
        libraries = decision.parts["libraries"]
        return {
            "environment": environment(self.job.settings, libraries),
            "git": git_state(CODE_ROOT / "pipeline"),
        }

    def _request(self, stage: Stage, out: Path) -> dict[str, Any]:
        params = self.job.params[stage.name]
        folder = self.job.folder.resolve()
        return {
            "module": stage.module,
            "params_class": f"{type(params).__module__}:{type(params).__name__}",
            "params": params.model_dump(mode="json"),
            "folders": {name: str(folder / name) for name in stage.needs},
            "seed": derive_seed(self.job.settings["seed"], stage.name),
            "threads": self.job.settings["threads"],
            "out": str(out.resolve()),
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


def run_in_process(
    request: dict[str, Any], log: Path, environment: dict[str, str], reporter: Reporter
) -> dict[str, Any]:
    """Run `pipeline.engine.child` on `request` and return its last message."""
    reader, writer = os.pipe()
    with log.open("wb") as printed, log.open("r", errors="replace") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.engine.child"],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)
        try:
            _send(process, {**request, "channel": writer})
            echo = lambda: reporter.log(written.read())  # noqa: E731
            answer = _listen(process, reader, reporter, echo)
        finally:
            _end(process)
            os.close(reader)
    return answer


def _send(process: subprocess.Popen, request: dict[str, Any]) -> None:
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()


def _listen(
    process: subprocess.Popen, reader: int, reporter: Reporter, echo: Callable[[], None]
) -> dict[str, Any]:
    """Pass progress on until the process is over and its pipe is empty."""
    answer: dict[str, Any] | None = None
    rest = b""
    while True:
        over = process.poll() is not None
        ready, _, _ = select([reader], [], [], 0.0 if over else 0.1)
        piece = os.read(reader, 65536) if ready else b""
        echo()
        *lines, rest = (rest + piece).split(b"\n")
        for message in map(json.loads, lines):
            if "progress" in message:
                reporter.progress(message)
            else:
                answer = message
        if over and not piece:
            return answer or _no_answer(process.returncode)
        if not piece and ready:
            time.sleep(0.02)  # the pipe is closed, the process not yet over


def _no_answer(code: int) -> dict[str, Any]:
    how = f"with code {code}"
    if code < 0:
        how = f"by {signal.Signals(-code).name}"
    hint = " (memory ran out, or somebody killed it)" if code == -signal.SIGKILL else ""
    return {
        "error": f"its process was ended {how}{hint}",
        "exit_code": 1,
        "unexpected": True,
    }


def _end(process: subprocess.Popen) -> None:
    """Stop the process and the workers that it forked."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _run_facts(begin: float, volatile: dict[str, Any]) -> dict[str, Any]:
    clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin))
    return {
        "started": clock,
        "seconds": round(time.time() - begin, 3),
        "host": platform.node(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "volatile": volatile,
    }
