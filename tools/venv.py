"""Build and check .venv. Standard library only, run as a file.

    .venv/bin/python -I tools/venv.py check   # one line and exit code 1 if incomplete
    python3 -I tools/venv.py build            # create it, or repair it
    .venv/bin/python -I tools/venv.py lock    # write a new constraints.txt
    python3.12 -I tools/venv.py folder        # where the environment of this Python is

A second Python version has another folder, such as .venv-3.12, which is named after the
verb: `build .venv-3.12`. Packages are installed by uv where it is on the PATH.

In: setup.cfg, constraints.txt and pyproject.toml of the checkout. Out: .venv and,
written last, the stamp that `venv_stamp` describes. Where only a declaration has
changed, .venv is updated, not built again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # -I leaves it out

from venv_stamp import (
    CHANGED,
    EXTRAS,
    STAMP,
    VENV,
    IncompleteError,
    check,
    declarations,
    installed,
    python_version,
    read_stamp,
    record,
    site_packages,
)

ROOT = Path(__file__).resolve().parents[1]
LOG = "install.log"
LOG_LINES = 40
OLDEST = "3.11"
CHECKOUT = f".[{','.join(EXTRAS)}]"
PIP = [f"{VENV}/bin/python", "-I", "-m", "pip", "--no-input"]
LOCK_HEADER = """\
# The exact versions of everything in .venv, on every Python from 3.11 to 3.13.
# Written by `make constraints`, which needs Python 3.11: what the oldest Python
# takes, the newer ones take too.
"""


class SetupError(Exception):
    """The .venv cannot be built; the message says what to do."""


def build(root: Path) -> None:
    """Build .venv unless it is complete; update it where a declaration has changed.

    A second process waits for the first, then has nothing to do.

    Raises:
        SetupError: when this Python cannot make environments, or pip fails.
    """
    declarations(root)  # a missing file is an error before .venv is touched
    with locked(root):
        if reason := find_defect(root):
            update(root, reason) if reason.endswith(CHANGED) else create(root, reason)
        if reason := find_defect(root):
            raise SetupError(f"{VENV} is not complete after its set-up: {reason}")
        (root / VENV / STAMP).touch()


def update(root: Path, reason: str) -> None:
    """Install what changed declarations need, and remove what they no longer need.

    Args:
        root: the checkout.
        reason: the change, for the message.
    """
    report(f"{reason}: updating {VENV}")
    recorded = set(read_stamp(root / VENV / STAMP)["distributions"])
    others = installed(root) - recorded
    (root / VENV / STAMP).unlink()  # an interrupted update is not trusted
    if names := unneeded(root, recorded):
        run_logged(root, [*PIP, "uninstall", "--yes", *names])
    install(root)
    run_inside(root, "record", *sorted(others))


def unneeded(root: Path, distributions: set[str]) -> list[str]:
    """Names of the distributions that constraints.txt does not list.

    Args:
        root: the checkout, which is itself installed and not listed.
        distributions: metadata folders.
    """
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    listed = {canonical(line.partition("==")[0]) for line in lines}
    return sorted(
        name
        for folder in distributions
        if canonical(name := folder.partition("-")[0]) not in listed
        and not (site_packages(root) / folder / "direct_url.json").exists()
    )


def canonical(name: str) -> str:
    """The name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Let one process at a time build the checkout's .venv."""
    import fcntl

    handle = os.open(root, os.O_RDONLY)
    try:
        # Some network file systems have no locks; then nothing waits.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def find_defect(root: Path) -> str:
    """The first defect that .venv's own Python finds; empty if complete."""
    if not (root / VENV).is_dir():
        return f"there is no {VENV}"
    try:
        answer = run_inside(root, "check")
    except OSError:
        return f"{VENV}/bin/python does not start"
    if answer.returncode == 0:
        return ""
    return answer.stdout.strip() or f"{VENV}/bin/python does not work"


def run_inside(root: Path, verb: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run this file with .venv's own Python."""
    script = root / "tools" / Path(__file__).name
    python = str(root / VENV / "bin" / "python")
    command = [python, "-I", str(script), verb, VENV, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def create(root: Path, reason: str) -> None:
    """Create .venv, install the checkout in it and write the stamp.

    Args:
        root: the checkout.
        reason: the defect of what is there, for the message.
    """
    version = sys.version.split()[0]
    report(f"{reason}: installing with Python {version}, a few minutes")
    create_empty(root)
    install(root)
    run_inside(root, "record")


def create_empty(root: Path) -> None:
    """Create a new .venv that contains only pip."""
    try:
        import ensurepip  # noqa: F401  (Debian and Ubuntu package it apart)
    except ImportError:
        raise SetupError(
            f"{sys.executable} cannot make environments: install the system's "
            f"python{python_version()}-venv, or name another: make PYTHON=…"
        ) from None
    folder = root / VENV
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)  # the environment behind a link is another's
    # When the Python that runs this is .venv's own, the one that it came from.
    base = getattr(sys, "_base_executable", sys.executable)
    run_logged(root, [base, "-I", "-m", "venv", "--clear", VENV])


def install(root: Path) -> None:
    """Install the checkout, editable, with the versions in constraints.txt.

    uv is several times faster than pip, but does not read pip's configuration: where it
    fails, such as behind a mirror that only pip is told of, pip is used.
    """
    what = ["-c", "constraints.txt", "-e", CHECKOUT]
    if uv := shutil.which("uv"):
        with contextlib.suppress(SetupError):
            options = ["--python", f"{VENV}/bin/python"]
            # Otherwise every start of Python would compile TensorFlow: 12 seconds.
            if os.environ.get("PYTHONDONTWRITEBYTECODE"):
                options.append("--compile-bytecode")
            run_logged(root, [uv, "pip", "install", *options, *what])
            return
        report("uv failed (see install.log): installing with pip")
    quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
    run_logged(root, [*PIP, "install", *quiet, *what])


def run_logged(root: Path, command: list[str]) -> None:
    """Run a command and write its output to .venv/install.log.

    Raises:
        SetupError: with the end of that output.
    """
    with subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        lines = [echo(line) for line in process.stdout or ()]
    with contextlib.suppress(OSError):
        (root / VENV / LOG).write_text("".join(lines), encoding="utf-8")
    if process.returncode:
        end = "".join(lines[-LOG_LINES:])
        raise SetupError(f"{end}set-up    failed: {' '.join(command)}")


def echo(line: str) -> str:
    """Show a line on a terminal until the next one replaces it."""
    if sys.stdout.isatty():
        width = os.get_terminal_size().columns - 1
        print(f"\r\033[K{line.strip()[:width]}\r", end="", flush=True)
    return line


def lock(root: Path) -> None:
    """Rewrite constraints.txt with the newest versions that setup.cfg allows.

    Raises:
        SetupError: with a Python that is not the oldest supported, or when pip fails.
    """
    if python_version() != OLDEST:
        raise SetupError(
            f"constraints.txt is made with Python {OLDEST}, not {python_version()}: "
            f"make clean-venv, then make constraints PYTHON=python{OLDEST}"
        )
    report = root / VENV / "report.json"
    dry = ["--dry-run", "--ignore-installed", "--report", str(report)]
    run_logged(root, [*PIP, "install", *dry, "-e", CHECKOUT])
    chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    (root / "constraints.txt").write_text(lock_text(chosen), encoding="utf-8")


def lock_text(chosen: list[dict]) -> str:
    """constraints.txt from the `install` list of pip's report."""
    metadata = [item["metadata"] for item in chosen if not item["is_direct"]]
    lines = [f"{package['name']}=={package['version']}\n" for package in metadata]
    return LOCK_HEADER + "".join(sorted(lines, key=str.lower))


def report(text: str) -> None:
    """Print a line in the format of the stages."""
    print(f"{'set-up':<10}{text}", flush=True)


def folder(root: Path) -> None:
    """Print the folder of the environment of the running Python.

    The first version has .venv; another one does not build it anew.
    """
    try:
        text = (root / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        text = ""
    built = re.search(r"^version\w* *= *(\d+\.\d+)", text, re.MULTILINE)
    same = not built or built[1] == python_version()
    print(".venv" if same else f".venv-{python_version()}")


VERBS = {
    "check": check,
    "build": build,
    "record": record,
    "lock": lock,
    "folder": folder,
}


def main(verb: str, *args: str) -> int:
    """Exit code of one of `VERBS`."""
    try:
        VERBS[verb](ROOT, *args)
    except IncompleteError as broken:
        print(broken)
        return 1
    except (SetupError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("set-up    interrupted: the next make starts it again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *sys.argv[3:]))
