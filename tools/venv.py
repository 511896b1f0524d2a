"""Build and check .venv. Standard library only, run as a file.

    .venv/bin/python -I tools/venv.py check   # one line and exit code 1 if incomplete
    python3 -I tools/venv.py build            # create it, or repair it
    .venv/bin/python -I tools/venv.py lock    # write a new constraints.txt

In: setup.cfg, constraints.txt and pyproject.toml of the checkout. Out: .venv and,
written last, the stamp .venv/.ready: the checkout, Python version and declarations
that .venv was built for, and the distributions that pip installed. `check` trusts the
stamp only as far as the disk agrees: every file that pip recorded must exist with its
recorded size.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ".venv"
STAMP = ".ready"
STAMP_KEYS = {"checkout", "python", "declarations", "distributions"}
LOG = "install.log"
LOG_LINES = 40
DECLARATIONS = ("setup.cfg", "constraints.txt", "pyproject.toml")
SECTIONS = {".cfg": "options", ".toml": "build-system"}  # that declare packages
# Python rewrites the first by itself; half of all files are C++ headers.
UNCHECKED = (".pyc", ".h", ".inc", ".hpp")
# Needed to build .venv, not to use it, and often upgraded by hand.
UNRECORDED = "pip-"
OLDEST = "3.11"
EXTRAS = ".[docs,lint,test]"
LOCK_HEADER = """\
# The exact versions of everything in .venv, on every Python from 3.11 to 3.13.
# Written by `make constraints`, which needs Python 3.11: what the oldest Python
# takes, the newer ones take too.
"""


class IncompleteError(Exception):
    """The .venv is not complete; the message is one line."""


class SetupError(Exception):
    """The .venv cannot be built; the message says what to do."""


def check(root: Path) -> None:
    """Raise IncompleteError unless the running Python is `root`'s complete .venv."""
    stamp = read_stamp(root / VENV / STAMP)
    if stamp["checkout"] != str(root):
        raise IncompleteError(f"{VENV} was built for {stamp['checkout']}")
    if stamp["python"] != python_version():
        raise IncompleteError(f"{VENV} was built for Python {stamp['python']}")
    for name, digest in declarations(root).items():
        if stamp["declarations"].get(name) != digest:
            raise IncompleteError(f"{name} has changed")
    for distribution in stamp["distributions"]:
        check_distribution(site_packages(root), distribution)


def read_stamp(path: Path) -> dict:
    """Read the stamp of the last complete set-up.

    Raises:
        IncompleteError: when there is no stamp, or it is not one.
    """
    try:
        stamp = json.loads(path.read_bytes())
    except OSError:
        raise IncompleteError(f"{VENV} is not complete") from None
    except ValueError:
        stamp = None
    if not isinstance(stamp, dict) or set(stamp) != STAMP_KEYS:
        raise IncompleteError(f"{VENV}/{STAMP} is not readable")
    return stamp


def check_distribution(packages: Path, distribution: str) -> None:
    """Raise IncompleteError unless all files of a distribution exist.

    Args:
        packages: the site-packages folder.
        distribution: its metadata folder in there, such as numpy-2.4.6.dist-info.
    """
    title = distribution.removesuffix(".dist-info").replace("-", " ")
    try:
        text = (packages / distribution / "RECORD").read_text(encoding="utf-8")
    except OSError:
        raise IncompleteError(f"{title} is no longer installed") from None
    for path, size in recorded_files(text):
        if fault := file_defect(f"{packages}/{path}", size):
            raise IncompleteError(f"{title}: {path} {fault}")


def file_defect(path: str, size: str) -> str:
    """The defect of a file that should have `size` bytes (empty: any); or empty."""
    try:
        present = os.stat(path).st_size
    except OSError:
        return "is missing"
    return "" if size in ("", str(present)) else f"has {present} bytes, not {size}"


def recorded_files(text: str) -> Iterator[tuple[str, str]]:
    """Path and size (bytes, or empty) of each checked file in a RECORD."""
    for line in text.splitlines():
        path, _, size = [*line.rsplit(",", 2), "", ""][:3]
        path = path.strip('"')
        if not path.endswith(UNCHECKED):
            yield path, size


def declarations(root: Path) -> dict[str, str]:
    """File name -> digest of what the file says about packages."""
    return {name: digest(root / name) for name in DECLARATIONS}


def digest(path: Path) -> str:
    """SHA-256 of what a file declares about packages.

    Comments, empty lines and the settings of other tools (such as ruff's and pytest's)
    do not count.
    """
    kept, counts = [], True
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.rstrip()
        if path.suffix in SECTIONS and line.startswith("["):
            counts = line.strip("[]").startswith(SECTIONS[path.suffix])
        if counts and line.lstrip()[:1] not in ("", "#"):
            kept.append(line)
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def python_version() -> str:
    """Major and minor version, such as 3.11."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def site_packages(root: Path) -> Path:
    """The site-packages folder of .venv for the running Python."""
    return root / VENV / "lib" / f"python{python_version()}" / "site-packages"


def record(root: Path) -> None:
    """Write the stamp of what is installed."""
    folders = [path.name for path in site_packages(root).glob("*.dist-info")]
    stamp = {
        "checkout": str(root),
        "python": python_version(),
        "declarations": declarations(root),
        "distributions": sorted(n for n in folders if not n.startswith(UNRECORDED)),
    }
    aside = root / VENV / f"{STAMP}.partial"
    aside.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    aside.replace(root / VENV / STAMP)


def build(root: Path) -> None:
    """Build .venv unless it is complete.

    A second process waits for the first, then has nothing to do.

    Raises:
        SetupError: when this Python cannot make environments, or pip fails.
    """
    declarations(root)  # a missing file is an error before .venv is touched
    with locked(root):
        reason = find_defect(root)
        if reason:
            version = sys.version.split()[0]
            report(f"{reason}: installing with Python {version}, a few minutes")
            create(root)
            install(root)
            run_inside(root, "record")
        if reason := find_defect(root):
            raise SetupError(f"{VENV} is not complete after its set-up: {reason}")
        (root / VENV / STAMP).touch()


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


def run_inside(root: Path, verb: str) -> subprocess.CompletedProcess[str]:
    """Run this file with .venv's own Python."""
    script = root / "tools" / Path(__file__).name
    command = [str(root / VENV / "bin" / "python"), "-I", str(script), verb]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def create(root: Path) -> None:
    """Create a new .venv that contains only pip."""
    try:
        import ensurepip  # noqa: F401  (Debian and Ubuntu package it apart)
    except ImportError:
        raise SetupError(
            f"{sys.executable} cannot make environments: install the system's "
            f"python{python_version()}-venv, or name another: make PYTHON=…"
        ) from None
    if not (root / VENV).is_dir():
        (root / VENV).unlink(missing_ok=True)
    # When the Python that runs this is .venv's own, the one that it came from.
    base = getattr(sys, "_base_executable", sys.executable)
    run_logged(root, [base, "-I", "-m", "venv", "--clear", VENV])


def install(root: Path) -> None:
    """Install the checkout, editable, with the versions in constraints.txt."""
    pip = [f"{VENV}/bin/python", "-I", "-m", "pip", "--no-input", "install"]
    quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
    run_logged(root, pip + quiet + ["-c", "constraints.txt", "-e", EXTRAS])


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
    pip = [f"{VENV}/bin/python", "-I", "-m", "pip", "--no-input", "install"]
    dry = ["--dry-run", "--ignore-installed", "--report", str(report)]
    run_logged(root, [*pip, *dry, "-e", EXTRAS])
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


def main(verb: str) -> int:
    """Exit code of `check`, `build`, `record` or `lock`."""
    try:
        {"check": check, "build": build, "record": record, "lock": lock}[verb](ROOT)
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
    sys.exit(main(sys.argv[1]))
