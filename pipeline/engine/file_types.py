"""Which files have stable bytes, and why: what is neither stable nor volatile.

Every published file is hashed unless its stage declares it volatile, with the
reason. A hash is worth something only where equal content gives equal bytes; the
kinds of file for which that is so stand here. A lock refuses a run that publishes
any other kind, and a test refuses a stage that does.
"""

from __future__ import annotations

from pathlib import Path

STABLE = {
    ".cc": "text, written from a .tflite file",
    ".csv": "text with fixed line ends; floats read back as what was written",
    ".h": "text, written from a .tflite file",
    ".js": "the plotting library's script, copied as it is",
    ".json": "sorted keys, fixed form, no NaN",
    ".keras": "times, zip times and object ids are replaced after saving",
    ".npy": "header and bytes of one array",
    ".npz": "stored with the zip format's first date",
    ".png": "written by matplotlib or Pillow without a date",
    ".tflite": "every layer is named, one conversion per process",
    ".txt": "text",
}
# Seen to differ from run to run whatever is done: never to be hashed.
UNSTABLE = {
    ".h5": "the HDF5 of tf_keras holds times; save a .keras file",
    ".pb": "a SavedModel's graph differs from run to run",
    ".pdf": "holds its date of making",
    ".svg": "holds its date of making and random ids",
}


def undeclared(folder: Path, volatile: frozenset[str]) -> list[str]:
    """Files below `folder` that are neither of a stable kind nor volatile."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return [n for n in names if n not in volatile and Path(n).suffix not in STABLE]
