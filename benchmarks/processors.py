"""Other processors on this machine, and the controls that must fail under each.

A library can be made to choose the kernels of another processor: oneDNN, NumPy,
OpenBLAS and the C library by a variable, Eigen by the cache sizes that it reads.

    run(folder, SETTINGS["other caches"])   # the chain of folder/experiment.yaml
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.core.hashing import hash_file
from pipeline.reproduce.comparison_result import compare, verdict
from pipeline.reproduce.snapshot import Entry, Snapshot

ROOT = Path(__file__).resolve().parents[1]
SHIM = Path(__file__).with_name("imitated_processor")
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SETTINGS = {
    "oneDNN on": {"TF_ENABLE_ONEDNN_OPTS": "1"},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN up to SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "libraries up to SSE4.2": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        "OPENBLAS_CORETYPE": "Nehalem",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    },
    "two threads": dict.fromkeys(THREADS, "2"),
    "small caches": {"IMITATED_CACHES": "16384 131072 1048576"},
    "large caches": {"IMITATED_CACHES": "49152 2097152 37748736"},
}
VARIABLE = "IMITATED_PROCESSOR"  # holds those of a setting; read by `SHIM` too
LIMIT = 1800  # seconds for a chain


def run(folder: Path, variables: Mapping[str, str], *options: str) -> None:
    """Run the chain of an experiment as another processor computes it.

    Args:
        folder: the folder of its `experiment.yaml`.
        variables: environment variables, such as those in `SETTINGS`.
        *options: further options of `pipeline run`.

    Raises:
        RuntimeError: with the output, when the run fails.
    """
    where = ["--exp", folder.name, "--root", str(folder.parent)]
    run_python(["-m", "pipeline", "run", *where, *options], variables)


def run_python(call: Sequence[str], variables: Mapping[str, str]) -> str:
    """Run Python, and every Python that it starts, with these variables.

    Args:
        call: the arguments.
        variables: environment variables, which win over pins; not PYTHONPATH, on
            which the program stands that sets them.

    Returns:
        The standard output.

    Raises:
        RuntimeError: with the output, when the run fails.
    """
    done = subprocess.run(
        [sys.executable, *call],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(SHIM)]),
            VARIABLE: json.dumps(dict(variables)),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def imitated(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that `run_python` passes on, which win over pins.

    Args:
        environment: of the process.
    """
    variables: dict[str, str] = json.loads(environment.get(VARIABLE, "{}"))
    return variables


def of_another_processor(lock: Snapshot, run: Snapshot) -> Snapshot:
    """A lock as if another model of processor had made it, on whatever machine this is.

    Args:
        lock: the recorded results.
        run: a run of this machine, whose environment is taken.
    """
    processor = {**run.environment["processor"], "model": "of the lock"}
    return replace(lock, environment={**run.environment, "processor": processor})


def conclusion(before: Snapshot, after: Snapshot) -> str:
    """The last line of the verdict of `reproduce`.

    Args:
        before: the lock.
        after: the run.
    """
    return verdict(compare(before, after))[-1].removeprefix("verdict     ")


def controls(run: Snapshot, folder: Path) -> dict[str, Snapshot]:
    """Runs that `reproduce` must reject, because one thing was changed.

    Args:
        run: a finished run.
        folder: its folder.

    Returns:
        Name of the change -> the run as it would be published with it.
    """
    libraries = {**run.environment["libraries"], "numpy": "1.0"}
    library = with_parts(run, "libraries", {"numpy": "1.0"})
    return {
        "seed": with_parts(run, "settings", {"seed": 99}),
        "code": with_parts(run, "code", {"pipeline.core.determinism": "0" * 64}),
        "library": replace(
            library, environment={**library.environment, "libraries": libraries}
        ),
        "example": with_another_example(run, folder),
    }


def with_parts(run: Snapshot, key: str, values: dict) -> Snapshot:
    """The run as it would be published with other values in every fingerprint.

    Args:
        run: a finished run.
        key: the part of the fingerprint: `settings`, `code` or `libraries`.
        values: the values that differ.
    """
    for stage in run.entries:
        parts = run.entries[stage].parts
        updated = {**parts, key: {**parts[key], **values}}
        run = changed(run, stage, lambda e, updated=updated: replace(e, parts=updated))
    return run


def changed(run: Snapshot, stage: str, change: Callable[[Entry], Entry]) -> Snapshot:
    """The run with another record of one stage."""
    return replace(run, entries={**run.entries, stage: change(run.entries[stage])})


def with_another_example(run: Snapshot, folder: Path) -> Snapshot:
    """The run with one changed training example: its hash in the data is another."""
    with np.load(folder / "data" / "splits.npz") as arrays:
        splits = {name: arrays[name].copy() for name in arrays.files}
    splits["train_hash"][5] = b"0" * len(splits["train_hash"][5])
    with TemporaryDirectory() as scratch:
        np.savez(Path(scratch, "splits.npz"), **splits)
        outputs = {"splits.npz": hash_file(Path(scratch, "splits.npz"))}
    return changed(run, "data", lambda e: replace(e, outputs={**e.outputs, **outputs}))
