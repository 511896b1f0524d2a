"""The environment fingerprint: everything about a machine that can change bits.

Two runs in equal environments must give equal bits; in different environments only
agreement within a tolerance can be expected. So this fingerprint rather names too
much than too little: block sizes of Eigen follow the caches, kernels of oneDNN follow
the instruction set, and no library promises equal bits on two processor models
(oneDNN issue 1443).

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
X86_MODEL = ("vendor_id", "cpu family", "model", "stepping")
ARM_MODEL = ("CPU implementer", "CPU variant", "CPU part", "CPU revision")
# Instruction sets by which numeric libraries select their kernels.
FLAGS = re.compile(
    r"sse.*|ssse3|avx.*|amx.*|fma|f16c|asimd.*|sve.*|bf16|i8mm|neon|fphp"
)
REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9._-]*")


def environment(settings: Mapping[str, Any], roots: Iterable[str]) -> dict[str, Any]:
    """Compute the environment fingerprint of this machine.

    Args:
        settings: `threads` and `portability` of the experiment.
        roots: distributions that stages import; their requirements are added.

    Returns:
        Accelerators, library versions, pins, processor, Python and system, for JSON.
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
    """Find the versions of installed distributions and of their requirements.

    Args:
        roots: names of distributions; those that are not installed are skipped.

    Returns:
        Normalized name -> version, sorted by name.
    """
    return dict(_requirements(tuple(sorted(roots))))


def processor() -> dict[str, str]:
    """Describe the processor as Linux reports it.

    Returns:
        `architecture`, `caches`, `flags` (instruction sets) and `model`; the texts of
        files that do not exist are empty.
    """
    cpuinfo = _cpuinfo()
    model = [cpuinfo[key] for key in (*X86_MODEL, *ARM_MODEL) if key in cpuinfo]
    flags = sorted(filter(FLAGS.fullmatch, _flags(cpuinfo)))
    return {
        "architecture": platform.machine(),
        "caches": _caches(),
        "flags": " ".join(flags),
        "model": "/".join(model) or platform.processor() or "unknown",
    }


def _cpuinfo() -> dict[str, str]:
    """The entries of the first processor; empty without `/proc/cpuinfo`."""
    try:
        text = CPUINFO.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _flags(cpuinfo: dict[str, str]) -> list[str]:
    return (cpuinfo.get("flags") or cpuinfo.get("Features") or "").split()


def _caches() -> str:
    try:
        sizes = [path.read_text().strip() for path in sorted(CACHES.glob("*/size"))]
    except OSError:
        return ""
    return " ".join(sizes)


def _accelerators() -> str:
    """Device names of GPUs: NVIDIA's, and `kfd` of AMD's."""
    names = [path.name for path in sorted(DEVICES.glob("nvidia[0-9]*"))]
    names += ["kfd"] if (DEVICES / "kfd").exists() else []
    return " ".join(names) or "none"


@functools.cache
def _requirements(roots: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    versions: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if not name or name in versions:
            continue
        if distribution := _distribution(name):
            versions[name] = distribution.version
            waiting += map(_requirement_name, distribution.requires or ())
    return tuple(sorted(versions.items()))


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _requirement_name(requirement: str) -> str:
    """`h5py` of `h5py>=3.11; python_version > "3"`; empty for an optional extra."""
    if re.search(r";.*\bextra\b", requirement):
        return ""
    match = REQUIREMENT_NAME.match(requirement)
    return match.group() if match else ""
