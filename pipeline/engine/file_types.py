"""File types with reproducible bytes, and the reasons.

Every published file is hashed unless its stage declares it volatile, with a reason.
A hash is only useful where equal content gives equal bytes; this module lists the
file types for which that holds. `lock` refuses a run that publishes any other type
undeclared, and a test checks every stage.
"""

from __future__ import annotations

from pathlib import Path

STABLE = {
    ".c": "text, generated from a template",
    ".cc": "text, generated from a .tflite file",
    ".csv": "text with fixed line ends; floats are written with all their digits",
    ".h": "text, generated from a .tflite file",
    ".js": "the script of the plotting library, copied unchanged",
    ".json": "sorted keys, fixed layout, no NaN",
    ".keras": "times, zip times and object ids are replaced after saving",
    ".npy": "header and bytes of one array",
    ".npz": "stored with the earliest date of the zip format",
    ".png": "written by matplotlib or Pillow without a date",
    ".shard": "examples compressed by zlib, which writes no date",
    ".tflite": "every layer is named, one conversion per process",
    ".txt": "text",
    ".wav": "a header of fixed length and 16-bit samples",
}
# Files whose suffix says nothing of how they are written.
STABLE_NAMES = {
    "Makefile": "text, generated from a template",
    "README.md": "text of the kit, generated from a template",
}
# Observed to differ from run to run whatever is done: must never be hashed.
UNSTABLE = {
    ".h5": "tf_keras writes times into HDF5; save a .keras file",
    ".pb": "the graph of a SavedModel differs from run to run",
    ".pdf": "contains its creation date",
    ".svg": "contains its creation date and random ids",
}


def undeclared(folder: Path, volatile: frozenset[str]) -> list[str]:
    """List the files that are neither of a stable type nor declared volatile.

    Args:
        folder: the folder of a stage.
        volatile: declared files, as paths relative to `folder`.

    Returns:
        Relative paths with slashes, sorted.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return [
        name
        for name in names
        if name not in volatile
        and Path(name).suffix not in STABLE
        and Path(name).name not in STABLE_NAMES
    ]
