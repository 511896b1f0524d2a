"""Models and arrays of a program, saved for stages, which read files.

In: a `keras.Model`, a model of PyTorch, or a pair of arrays. Out: files in the folder
of the results. A file whose content is the same is left alone, so that nothing becomes
stale.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.pytorch.torch_model import TorchModel
from pipeline.compress.import_model.pytorch.tracing import traced
from pipeline.core.safe_path import SafeFolder
from pipeline.experiment.memory_sets import arrays_of, is_data_set

MODEL = "model.keras"
DATED = "metadata.json"  # member of a .keras file that holds the time of saving


def name_of(model: Any) -> Path:
    """A path that names the model: its file, or its own name in this folder."""
    if isinstance(model, str | Path):
        return Path(model)
    if isinstance(model, TorchModel):
        return model.path
    return Path(f"{getattr(model, 'name', 'model')}.keras")


def saved_model(model: Any, folder: Path) -> Path:
    """The path of a model; an object is saved, or traced, in `folder` first.

    Args:
        model: a path, a `keras.Model`, or a `TorchModel`.
        folder: is created if needed.
    """
    if isinstance(model, str | Path):
        return Path(model)
    if isinstance(model, TorchModel):
        return traced(model, folder)
    return _save(folder / MODEL, model.save)


def saved_splits(
    splits: Mapping[str, Any], folder: Path, model: Path
) -> dict[str, str | None]:
    """Data sources; arrays are saved in `folder` first.

    Args:
        splits: name -> a source such as `npz:mine.npz`, a pair of arrays `(x, y)`, an
            array x without labels, a data set of either that `memory_sets` describes,
            or None.
        folder: is created if needed.
        model: the file of the model, whose input tells whether a data set is batched.

    Returns:
        Name -> the source, or None.
    """
    return {
        name: _source_of(data, folder, name, model) for name, data in splits.items()
    }


def _source_of(data: Any, folder: Path, name: str, model: Path) -> str | None:
    if data is None or isinstance(data, str | Path):
        return None if data is None else str(data)
    import numpy as np

    if is_data_set(data):
        data = arrays_of(data, name, model)
    labelled = isinstance(data, tuple | list) and len(data) == 2
    arrays = dict(zip(("x", "y"), data)) if labelled else {"x": data}
    path = _save(folder / f"{name}.npz", lambda aside: np.savez(aside, **arrays))
    return f"npz:{path.resolve()}"


def _save(path: Path, save: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    inside, aside = SafeFolder(path.parent), path.with_name(f"new-{path.name}")
    inside.remove(aside.name)  # perhaps a link, which a library would follow
    save(aside)
    if path.is_file() and _members(path) == _members(aside):
        inside.remove(aside.name)
    else:
        inside.rename(aside.name, path.name)
    return path


def _members(path: Path) -> dict[str, bytes]:
    """The content of a zip file, without the times of its members."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != DATED]
        return {name: archive.read(name) for name in names}
