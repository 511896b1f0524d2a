"""A process that has imported the libraries and forks one child per request.

Importing TensorFlow takes seconds of processor time, and each command and each stage
of the tests would import it anew. The parent imports it and all modules of `pipeline`,
and parses them as the planner does, once; it runs no operation of TensorFlow, so that
a child differs from a fresh process only in what it need not do again.

In: requests on a Unix socket, one per connection: a JSON object and file descriptors.
Out: per request the process id, and later the return code, each as a line.
Run: `python -P -m tests.helpers.warm_parent SOCKET`; ends when its input is closed.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

from pipeline.core.garbage_collection import collect_rarely, pause_collection

LIBRARIES = (
    "tensorflow",
    "keras",
    "tf_keras",
    "keras_tuner",
    "sklearn.datasets",
    "sklearn.metrics",
    "sklearn.model_selection",
    "matplotlib.pyplot",
    "ai_edge_litert.interpreter",
    "pydantic",
    "yaml",
)
LIMIT = 1 << 20  # bytes of a request
ABOVE = 900  # descriptors from here on are free: no process of ours opens so many


def main() -> None:
    """Serve requests until standard input is closed."""
    pause_collection()
    for name in (*LIBRARIES, *_own_modules()):
        importlib.import_module(name)
    _prepare()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen()
        print("ready", flush=True)
        _serve(server)


def _prepare() -> None:
    """Compute what depends on the files of the checkout alone."""
    from pipeline.engine.import_closure import CodeReader
    from tests.helpers.huge_pages import use_huge_pages
    from tests.helpers.project import ROOT

    CodeReader(ROOT).closure(_own_modules())
    collect_rarely()
    use_huge_pages()


def _own_modules() -> list[str]:
    import pipeline

    found = pkgutil.walk_packages(pipeline.__path__, "pipeline.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def _serve(server: socket.socket) -> None:
    children: dict[int, tuple[int, socket.socket]] = {}  # pidfd -> process, client
    while True:
        clients = {client.fileno(): pidfd for pidfd, (_, client) in children.items()}
        ready, _, _ = select.select([0, server, *children, *clients], [], [])
        if 0 in ready:
            return
        if server in ready:
            _accept(server, children)
        for handle in ready:
            if handle in children:
                _report_end(handle, *children.pop(handle))
        for handle in ready:
            if clients.get(handle) in children:
                _stop(children[clients[handle]][0])


def _accept(server: socket.socket, children: dict[int, Any]) -> None:
    client, _ = server.accept()
    text, handles, _, _ = socket.recv_fds(client, LIMIT, 16)
    process = os.fork()
    if process == 0:
        server.close()
        _become(json.loads(text), handles)
    for handle in handles:
        os.close(handle)
    client.sendall(f"{process}\n".encode())
    children[os.pidfd_open(process)] = (process, client)


def _report_end(pidfd: int, process: int, client: socket.socket) -> None:
    _, status = os.waitpid(process, 0)
    os.close(pidfd)
    with client:
        try:
            client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        except OSError:
            return  # the client has died


def _stop(process: int) -> None:
    """End the child of a client that has gone, with its group."""
    for kill in (os.killpg, os.kill):
        try:
            kill(process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _become(request: dict[str, Any], handles: list[int]) -> None:
    """Turn the child into the requested process; does not return."""
    code = 1
    try:
        numbers = request["handles"]  # those that the files have in the process
        moved = [os.dup2(handle, ABOVE + k) for k, handle in enumerate(handles)]
        os.closerange(3, ABOVE)
        for handle, number in zip(moved, numbers, strict=True):
            os.dup2(handle, number)
        os.closerange(ABOVE, ABOVE + len(moved))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if request["new_session"]:
            os.setsid()
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, (0, 1, 2), "rww", (1, 1, 1))
        code = _entry(request)()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _entry(request: dict[str, Any]) -> Callable[[], int]:
    root = request["environment"]["PYTHONPATH"].split(os.pathsep)[0]
    sys.path.insert(0, root)
    if request["kind"] == "-c" or request["module"].startswith("tests.helpers."):
        return lambda: _run_code(request)
    if request["module"] == "pipeline.engine.stage_main":
        from pipeline.engine import stage_main

        # The stage ends with its parent, which is this program here.
        stage_main.die_with_parent = lambda parent: None  # type: ignore[assignment]
        sys.argv = [stage_main.__file__]
        return stage_main.main
    sys.path.insert(0, request["folder"])
    sys.argv = [os.path.join(root, "pipeline", "__main__.py"), *request["arguments"]]
    from pipeline.cli.main import main as command_line
    from tests.helpers import warm

    warm.use_for_stages()
    return command_line


def _run_code(request: dict[str, Any]) -> int:
    sys.path.insert(0, request["folder"])
    sys.argv = [request["kind"], *request["arguments"]]
    if request["kind"] == "-m":
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    else:
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(request["module"], "<string>", "exec"), module.__dict__)
    return 0


if __name__ == "__main__":
    main()
