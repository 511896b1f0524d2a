"""`npy:FOLDER`: the files `x.npy` and `y.npy`, or `x_train.npy`, `y_train.npy`, ...

The arrays have the roles of those of `npz:`.
"""

from __future__ import annotations

from pipeline.core.decoding import decoding
from pipeline.data.array_files import FolderStore
from pipeline.data.examples import Examples
from pipeline.data.paths import source_path
from pipeline.data.sources.npz_dataset import read_store
from pipeline.data.sources.reader import ReadContext


def read(context: ReadContext) -> Examples:
    """Read the arrays of a folder; see `SourceReader`."""
    path = source_path(context.source, context.key)
    with decoding(path, "readable as .npy files"):
        return read_store(FolderStore(path), context)
