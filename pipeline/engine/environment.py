"""The environment fingerprint: what of a machine and its libraries can change bits.

Two runs with equal environments must give equal bits; between different ones only
a tolerance can be asked for. So it is better to name too much here than too little:
Eigen's blocks follow the caches, oneDNN's kernels follow the instruction set, and
nobody promises equal bits on two models of processor (oneDNN issue 1443).

    environment({"threads": 1, "portability": "native"}, ["keras", "numpy"])
"""

from __future__ import annotations

import functools
import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.core.determinism import pins

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
DEVICES = Path("/dev")
MODEL = ("vendor_id", "cpu family", "model", "stepping")
ARM_MODEL = ("CPU implementer", "CPU variant", "CPU part", "CPU revision")
# Instruction sets that a numeric library chooses its kernels by.
FLAGS = re.compile(
    r"sse.*|ssse3|avx.*|amx.*|fma|f16c|asimd.*|sve.*|bf16|i8mm|neon|fphp"
)


def environment(settings: Mapping[str, Any], roots: Iterable[str]) -> dict[str, Any]:
    """The environment fingerprint of this process, ready for JSON.

    Args:
        settings: the experiment's `threads` and `portability`.
        roots: distributions that stages import; what these require is added.
    """
    return {
        "accelerators": _accelerators(),
        "libraries": requirements(roots),
        "pins": pins(settings["threads"], settings["portability"]),
        "processor": processor(),
        "python": platform.python_version(),
        "system": " ".join([platform.system(), *platform.libc_ver()]).strip(),
    }


def requirements(roots: Iterable[str]) -> dict[str, str]:
    """Distribution -> version of `roots` and of all that they require."""
    return dict(_requirements(tuple(sorted(roots))))


def processor() -> dict[str, str]:
    """Architecture, model, instruction sets and caches, as Linux tells them."""
    facts = _cpuinfo()
    model = [facts[key] for key in (*MODEL, *ARM_MODEL) if key in facts]
    flags = sorted(filter(FLAGS.fullmatch, _flags(facts)))
    return {
        "architecture": platform.machine(),
        "caches": _caches(),
        "flags": " ".join(flags),
        "model": "/".join(model) or platform.processor() or "unknown",
    }


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines; empty where there is no such file."""
    try:
        text = CPUINFO.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _flags(facts: dict[str, str]) -> list[str]:
    return (facts.get("flags") or facts.get("Features") or "").split()


def _caches() -> str:
    try:
        return " ".join(
            path.read_text().strip() for path in sorted(CACHES.glob("*/size"))
        )
    except OSError:
        return ""


def _accelerators() -> str:
    found = [p.name for p in sorted(DEVICES.glob("nvidia[0-9]*")) + _kfd()]
    return " ".join(found) or "none"


def _kfd() -> list[Path]:
    return [path for path in (DEVICES / "kfd",) if path.exists()]


@functools.cache
def _requirements(roots: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name and name not in found and (one := _distribution(name)):
            found[name] = one.version
            waiting += [_name(text) for text in one.requires or ()]
    return tuple(sorted(found.items()))


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _name(requirement: str) -> str:
    """The name at the start of `h5py>=3.11; extra == "all"`; "" for an extra's."""
    if re.search(r";.*\bextra\b", requirement):
        return ""
    return re.match(r"[A-Za-z0-9._-]*", requirement).group()
