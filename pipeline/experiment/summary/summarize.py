"""Look at a source, and say how an experiment should read it.

In: `kind:name`. Out: a `Summary`: the keys of `data` that differ from their defaults,
the defaults that apply, and sentences about the data. Headers and a part of the rows
are read; only the data stage reads everything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.data.params import DataParams
from pipeline.data.paths import source_path
from pipeline.data.sources.registry import (
    BOX_FILES,
    CORPORA,
    FILES,
    MASK_FILES,
    TEXT_PAIRS,
    known_labels,
    modality_of,
)
from pipeline.experiment.source_shapes import SKLEARN_SHAPES
from pipeline.experiment.summary.summary import Summary


def summarize(source: str) -> Summary:
    """Look at a source.

    Args:
        source: `kind:name`, of a known kind; its file or folder exists.

    Raises:
        UserError: when no setting can make an experiment of it, such as a folder of
            pictures without folders of classes.
    """
    kind, _, name = source.partition(":")
    summary = Summary(modality_of(source), known_labels(source) == ("numbers",))
    if kind == "sklearn":
        summary.add(f"examples of shape {SKLEARN_SHAPES[name]}")
    if kind in FILES and kind not in (*MASK_FILES, *BOX_FILES):
        path = source_path(source, "--source")
        _look(kind)(path, DataParams(source=source), summary)
    return summary


def _look(kind: str) -> Callable[[Path, DataParams, Summary], None]:
    """The function that reads one kind of source; its libraries are imported now."""
    if kind in ("images", "wav"):
        from pipeline.experiment.summary import folders

        return folders.images if kind == "images" else folders.clips
    if kind in ("npz", "npy"):
        from pipeline.experiment.summary import arrays

        return arrays.npz if kind == "npz" else arrays.npy
    if kind in CORPORA:
        from pipeline.experiment.summary import texts

        return texts.corpus
    if kind in TEXT_PAIRS:
        from pipeline.experiment.summary import texts

        return texts.pairs
    from pipeline.experiment.summary import tables

    return tables.texts if kind == "text" else tables.numbers
