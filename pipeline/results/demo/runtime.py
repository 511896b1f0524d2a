"""LiteRT for WebAssembly, as the npm package @litertjs/core carries it.

In: a folder of npm packages, or the package's own. Out: the runtime's script and its
WebAssembly. The variant without relaxed SIMD is used, which every browser runs.

The package's own interface has no tensors of int8 or int16; the page uses the bindings
below it, so only versions that were tested are accepted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import UserError

PACKAGE = "@litertjs/core"
TESTED = "2.5.3"
INSTALL = f"npm install {PACKAGE}@{TESTED}"
SCRIPT = "wasm/litert_wasm_compat_internal.js"
BINARY = "wasm/litert_wasm_compat_internal.wasm"


@dataclass(frozen=True)
class Runtime:
    """The runtime's files.

    Args:
        version: of the npm package.
        script: JavaScript that loads the binary.
        binary: WebAssembly.
    """

    version: str
    script: bytes
    binary: bytes


def read_runtime(folder: Path | None = None) -> Runtime:
    """Read the runtime.

    Args:
        folder: of the package, or one with `node_modules`; default None: the current
            folder and those above it, as Node.js searches.

    Raises:
        UserError: when it is not installed, of another version, or incomplete.
    """
    package = _package(folder)
    version = _version(package)
    if version != TESTED:
        raise UserError(
            f"{package}: version {version} is not supported, because the page uses "
            f"internal bindings; install {TESTED}: {INSTALL}"
        )
    try:
        script, binary = (package / name for name in (SCRIPT, BINARY))
        return Runtime(version, script.read_bytes(), binary.read_bytes())
    except OSError as error:
        raise UserError(
            f"{error.filename}: cannot be read; install the package again: {INSTALL}"
        ) from None


def _package(folder: Path | None) -> Path:
    """The folder of the package."""
    here = Path.cwd()
    searched = [folder] if folder else [here, *here.parents]
    inside = Path("node_modules") / PACKAGE
    candidates = [place / inside for place in searched] + ([folder] if folder else [])
    for candidate in candidates:
        if (candidate / "package.json").is_file():
            return candidate
    raise UserError(
        f"{folder or here}: the npm package {PACKAGE} is not installed, which runs the "
        f"file in the browser; install it: {INSTALL}, or name its folder with --runtime"
    )


def _version(package: Path) -> str:
    path = package / "package.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or content.get("name") != PACKAGE:
        raise UserError(f"{path}: must be that of {PACKAGE}; install it: {INSTALL}")
    return str(content.get("version"))
