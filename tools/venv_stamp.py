"""The stamp of .venv, and the check of what is installed. Used by `venv.py`.

In: setup.cfg, constraints.txt and pyproject.toml of the checkout, and .venv. Out: the
stamp .venv/.ready: the checkout, Python version and declarations that .venv was built
for, and the distributions that were installed for it. `check` trusts the stamp only as
far as the disk agrees: every recorded file must exist with its recorded size.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

# The folder is named after the verb of `venv.py`.
NAMED = sys.argv[2:3] if Path(sys.argv[0]).name == "venv.py" else []
VENV = NAMED[0] if NAMED else ".venv"
STAMP = ".ready"
STAMP_KEYS = {"checkout", "python", "declarations", "distributions"}
DECLARATIONS = ("setup.cfg", "constraints.txt", "pyproject.toml")
EXTRAS = ("docs", "lint", "test")
CHANGED = "has changed"
# Python rewrites the first by itself; half of all files are C++ headers.
UNCHECKED = (".pyc", ".h", ".inc", ".hpp")
# Needed to build .venv, not to use it, and often upgraded by hand.
UNRECORDED = "pip-"


class IncompleteError(Exception):
    """The .venv is not complete; the message is one line."""


def check(root: Path) -> None:
    """Raise IncompleteError unless the running Python is `root`'s complete .venv."""
    stamp = read_stamp(root / VENV / STAMP)
    if stamp["checkout"] != str(root):
        raise IncompleteError(f"{VENV} was built for {stamp['checkout']}")
    if stamp["python"] != python_version():
        raise IncompleteError(f"{VENV} was built for Python {stamp['python']}")
    for distribution in stamp["distributions"]:
        check_distribution(site_packages(root), distribution)
    for name, digest in declarations(root).items():
        if stamp["declarations"].get(name) != digest:
            raise IncompleteError(f"{name} {CHANGED}")


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
        if path.endswith("/RECORD"):
            size = ""  # uv writes the size from before it added its own lines
        if not path.endswith(UNCHECKED):
            yield path, size


def declarations(root: Path) -> dict[str, str]:
    """File name -> digest of what the file says about packages."""
    return {name: digest(root / name) for name in DECLARATIONS}


def digest(path: Path) -> str:
    """SHA-256 of what a file declares about packages.

    Comments, empty lines, the settings of tools (such as ruff's and pytest's) and the
    extras that .venv does not have do not count.
    """
    text = path.read_text(encoding="utf-8")
    declared = {".cfg": requirements, ".toml": build_system}.get(path.suffix)
    lines = map(str.rstrip, declared(text) if declared else text.splitlines())
    kept = [line for line in lines if line.lstrip()[:1] not in ("", "#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def build_system(text: str) -> Iterator[str]:
    """The lines of the section [build-system] of a pyproject.toml."""
    counts = True
    for line in text.splitlines():
        if line.startswith("["):
            counts = line.startswith("[build-system]")
        if counts:
            yield line


def requirements(text: str) -> Iterator[str]:
    """The values of a setup.cfg that decide what is installed in .venv."""
    config = RawConfigParser()
    config.read_string(text)
    for section, keys in {
        "options": ("python_requires", "install_requires"),
        "options.extras_require": EXTRAS,
        "options.entry_points": ("console_scripts",),
    }.items():
        for key in keys:
            value = config.get(section, key, fallback="")
            yield from f"[{section}] {key} = {value}".splitlines()


def python_version() -> str:
    """Major and minor version, such as 3.11."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def site_packages(root: Path) -> Path:
    """The site-packages folder of .venv for the running Python."""
    return root / VENV / "lib" / f"python{python_version()}" / "site-packages"


def record(root: Path, *others: str) -> None:
    """Write the stamp of what is installed.

    Args:
        root: the checkout.
        *others: metadata folders of distributions that were not installed for it.
    """
    stamp = {
        "checkout": str(root),
        "python": python_version(),
        "declarations": declarations(root),
        "distributions": sorted(installed(root) - set(others)),
    }
    aside = root / VENV / f"{STAMP}.partial"
    aside.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    aside.replace(root / VENV / STAMP)


def installed(root: Path) -> set[str]:
    """Metadata folders of all distributions in .venv but pip."""
    folders = (root / VENV).glob("lib/python3.*/site-packages/*.dist-info")
    return {path.name for path in folders if not path.name.startswith(UNRECORDED)}
