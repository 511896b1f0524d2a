"""Processes forked from a parent that has imported TensorFlow already.

`WarmProcess` is what `subprocess.Popen` is, for what the tests start: the command line,
the process of a stage, and code of their own. Where a process needs another environment
of the libraries than the parent has, a fresh one is started.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from pipeline.core.determinism import pins
from pipeline.engine import stage_process
from pipeline.engine.process_environment import KEPT, SCRUBBED

ROOT = Path(__file__).parents[2]
SOCKET = "PIPELINE_WARM_SOCKET"
MODULES = ("pipeline", "pipeline.engine.stage_main")
PINS = pins(1, "native")
# On import by tfmot and scikit-learn: not what a test asks for, and stages drop them.
SET_BY_LIBRARIES = ("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "TF_USE_LEGACY_KERAS")
# Of Terraform, which machines of CI have: TensorFlow reads none of them.
FOREIGN = ("TF_CLI_", "TF_VAR_", "TF_LOG", "TF_DATA_DIR", "TF_PLUGIN_CACHE_DIR")


def use_for_stages() -> None:
    """Let this process start stages by a fork of the warm parent."""
    stage_process.subprocess = SimpleNamespace(  # type: ignore[attr-defined]
        PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT, Popen=start
    )


def start(command: list[str], **options: Any) -> Any:
    """Start a process, forked where that makes no difference; as `Popen` does."""
    if fits(command, options["env"]):
        return WarmProcess(command, **options)
    return subprocess.Popen(command, **options)


def run(
    *arguments: str, cwd: Path = ROOT, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the pins of a stage and wait for its end.

    Args:
        *arguments: `-c`, code and arguments; or `-m`, a module of ours and arguments.
        cwd: the working directory.
        **more: variables of the environment. Ones that libraries read on import make it
            a fresh process.
    """
    environment = {**os.environ, **PINS, "PYTHONPATH": str(ROOT), **more}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, *map(str, arguments)]
    process = start(command, cwd=cwd, env=environment, text=True, **pipes)
    out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def fits(command: list[str], environment: dict[str, str]) -> bool:
    """Can the process be forked: code of ours, the libraries' pins, this checkout?"""
    kind, name = command[_program(command) :][:2]
    ours = kind == "-c" or name in MODULES or name.startswith("tests.helpers.")
    first = environment.get("PYTHONPATH", "").split(os.pathsep)[0]
    return ours and first == str(ROOT) and pinned(environment)


def _program(command: list[str]) -> int:
    """Position of `-m` or `-c`."""
    return next(k for k, word in enumerate(command) if word in ("-m", "-c"))


def pinned(environment: dict[str, str]) -> bool:
    """Do all variables that the libraries read at import have the parent's values?"""
    return all(
        value == PINS.get(name, value if name in KEPT else None)
        for name, value in environment.items()
        if name not in SET_BY_LIBRARIES
        and not name.startswith(FOREIGN)
        and (name in PINS or name.startswith(SCRUBBED))
    )


class WarmProcess:
    """A process forked by the warm parent, with the interface of `Popen`.

    Args:
        command: `[python, ..., "-m", module, *arguments]`, or `-c` and code.
        env: all environment variables.
        cwd: the working directory; default: that of this process.
        stdin, stdout, stderr: as for `Popen`: a file, `PIPE`, or `STDOUT`.
        pass_fds: file descriptors that keep their numbers.
        start_new_session: whether the process leads a new group.
        text: whether the pipes hold text.
    """

    def __init__(
        self,
        command: list[str],
        *,
        env: dict[str, str],
        cwd: Path | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        pass_fds: tuple[int, ...] = (),
        start_new_session: bool = False,
        text: bool = False,
    ):
        self.args = command
        self.returncode: int | None = None
        self._text = text
        self._closing: list[int] = []
        self.stdin, reading = self._pipe(stdin, 0, "w")
        self.stdout, writing = self._pipe(stdout, 1, "r")
        self.stderr, errors = self._pipe(stderr, 2, "r")
        errors = writing if stderr == subprocess.STDOUT else errors
        kind, name, *arguments = command[_program(command) :]
        request = {
            "kind": kind,
            "module": name,
            "arguments": arguments,
            "environment": {**env, SOCKET: socket_path()},
            "folder": str(cwd or Path.cwd()),
            "new_session": start_new_session,
            "handles": [0, 1, 2, *pass_fds],
        }
        self._client = socket.socket(socket.AF_UNIX)
        self._client.connect(socket_path())
        handles = [reading, writing, errors, *pass_fds]
        socket.send_fds(self._client, [json.dumps(request).encode()], handles)
        for handle in self._closing:
            os.close(handle)
        self._lines = self._client.makefile("r")
        self.pid = int(self._lines.readline())

    def _pipe(self, wanted: Any, number: int, mode: str) -> tuple[IO[Any] | None, int]:
        """Our end of a stream, and the descriptor for the process."""
        if wanted is None or wanted == subprocess.STDOUT:
            return None, number
        if wanted != subprocess.PIPE:
            return None, wanted if isinstance(wanted, int) else wanted.fileno()
        reader, writer = os.pipe()
        ours, theirs = (reader, writer) if mode == "r" else (writer, reader)
        self._closing.append(theirs)
        return os.fdopen(ours, mode if self._text else mode + "b"), theirs

    def poll(self) -> int | None:
        """The return code, or None while the process runs."""
        if self.returncode is None and select.select([self._client], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, at most so many seconds, and return the code."""
        if self.returncode is None:
            if not select.select([self._client], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._lines.readline() or -9)
            self._client.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """Read both pipes to their ends and wait for the process."""
        end = time.monotonic() + (timeout or 1e9)
        texts: dict[Any, list[bytes]] = {self.stdout: [], self.stderr: []}
        open_pipes = [pipe for pipe in texts if pipe is not None]
        while open_pipes:
            ready, _, _ = select.select(open_pipes, [], [], end - time.monotonic())
            if not ready:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            for pipe in ready:
                chunk = os.read(pipe.fileno(), 1 << 16)
                texts[pipe].append(chunk)
                if not chunk:
                    open_pipes.remove(pipe)
        self.wait(max(0.0, end - time.monotonic()))
        out, err = (self._joined(texts[pipe]) for pipe in (self.stdout, self.stderr))
        return out, err

    def _joined(self, chunks: list[bytes]) -> Any:
        joined = b"".join(chunks)
        return joined.decode() if self._text else joined


def socket_path() -> str:
    """The socket of the warm parent, which is started on first use."""
    if SOCKET not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="warm-")
        os.environ[SOCKET] = str(Path(folder.name) / "socket")
        _start_parent(folder)
    return os.environ[SOCKET]


def _start_parent(folder: tempfile.TemporaryDirectory[str]) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not name.startswith(SCRUBBED)
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.helpers.warm_parent", os.environ[SOCKET]],
        env={**kept, **PINS, "PYTHONPATH": str(ROOT)},
        cwd=folder.name,  # no matplotlibrc lies here
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    atexit.register(_stop_parent, process, folder)


def _stop_parent(process: Any, folder: tempfile.TemporaryDirectory[str]) -> None:
    process.stdin.close()
    process.wait()
    os.environ.pop(SOCKET, None)
    folder.cleanup()
