"""Earlier results of an experiment that `data.extend` gives more data.

    experiments/digits/before/0/    all stages before the first extension
    experiments/digits/before/1/    all stages between the first and the second one

Before a longer list of sources is read for the first time, the results under the
shorter list are copied there, without the examples. tune then keeps its choice and
train starts from the earlier weights. In: an experiment's folder and its sources.
Imports no numeric library, because planning needs this module.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.safe_path import SafeFolder
from pipeline.data.extension import FOLDER
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import listed
from pipeline.engine.plan import verify_outputs
from pipeline.engine.publish import partial_folder, publish, recover
from pipeline.engine.stage import Job, Stage
from pipeline.engine.stage_record import content, read_record
from pipeline.tune import reuse_search

# Files that are not copied: they can be rebuilt from the sources.
EXAMPLES = ("*_x.npy", "*_x.json", "*.shard", "*_y.npy", "*_also*.npy")
# Keys of `data` that define inputs and targets of every kind of source.
ANY_KIND = (
    *("task", "preprocessing", "scale", "offset"),
    *("class_order", "target_unit"),
)
# Kind of source -> the sections of `data` that define its preprocessing.
PREPROCESSING = {
    "images": ("image",),
    "webdataset": ("image",),
    "tfrecord": ("image",),
    "wav": ("audio",),
    "text": ("text",),
    "text_pairs": ("pairs",),
    "dates": ("pairs",),
    "tfds": ("audio", "text"),
}
NEEDED = ("data", "augment", "tune", "train")


def keep(job: Job) -> Path | None:
    """Copy the published results once, if this job extends their sources.

    Call it with the experiment locked, before a stage runs.

    Args:
        job: the experiment with its extended sources.

    Returns:
        The folder of the copy; None if there was nothing to copy.
    """
    if not _is_extended(job):
        return None
    root, name = job.folder / FOLDER, str(len(_sources(job.folder)) - 1)
    SafeFolder(job.folder).make(FOLDER)
    recover(root, name)
    copy = root / name
    if all(content(copy / s) == content(job.folder / s) for s in NEEDED):
        return None
    _copy(job, root, name)
    return copy


def check(job: Job) -> None:
    """Check that training can continue from the earlier result.

    Args:
        job: the experiment; without `data.extend` there is nothing to check.

    Raises:
        UserError: the earlier weights are gone, or the experiment now asks for
            another preprocessing or another search than the earlier result has.
    """
    if not continues(job.params):
        return
    if earlier := _earlier(job):
        _check_preprocessing(data_params(job), earlier / "data")
        search: Any = job.params["tune"]
        reuse_search.check_same(search, earlier / "tune")
    else:
        _check_not_lost(job)


def _check_not_lost(job: Job) -> None:
    """Refuse to replace weights that continued from a result that no longer exists."""
    record = job.folder / "train" / "stage.json"
    sources = read_record(record.parent)["parts"]["sources"] if record.is_file() else {}
    missing = [name for name in sources if name.startswith(f"{FOLDER}/")]
    if missing:
        raise UserError(
            f"{job.folder}: train continued from {missing[0]}, which no longer exists; "
            "restore it, name the weights (train.init_from: FILE.keras), or train from "
            "scratch (train.init_from: scratch)"
        )


def _check_preprocessing(params: DataParams, data: Path) -> None:
    """Refuse a preprocessing that the earlier weights were not trained with.

    Args:
        params: the section `data` as it is now.
        data: folder of the earlier data stage.
    """
    old, new = read_record(data)["parts"]["params"], params.hashed()
    sections = PREPROCESSING.get(params.source.partition(":")[0], ())
    for section in (*ANY_KIND, *sections):
        before = _flat(section, old.get(section, new[section]))
        for key, value in _flat(section, new[section]).items():
            if value != before.get(key, value):
                raise UserError(_changed(key, before[key], value))


def _changed(key: str, before: Any, after: Any) -> str:
    return (
        f"data.{key} is {after!r} and was {before!r} before data.extend, and the "
        "weights that training continues from need the earlier value: restore it, or "
        "train from scratch (train.init_from: scratch)"
    )


def _flat(name: str, value: Any) -> dict[str, Any]:
    """The values of a section by dotted name; any other value under its name."""
    if not isinstance(value, dict):
        return {name: value}
    return {f"{name}.{key}": inner for key, inner in value.items()}


def data_params(job: Job) -> DataParams:
    """The section `data` of a job."""
    params = job.params["data"]
    assert isinstance(params, DataParams)
    return params


def continues(params: Mapping[str, Any]) -> bool:
    """Return whether train starts from the weights before the extension."""
    init_from = getattr(params["train"], "init_from", None)
    return len(params["data"].sources) > 1 and init_from is None


def extra_inputs(
    params: Mapping[str, Any], folder: Path, stages: tuple[str, ...]
) -> Mapping[str, Path]:
    """Folders of the earlier result that a stage reads.

    Args:
        params: stage name -> its parameters.
        folder: the experiment's folder.
        stages: names of the earlier stages that are read.

    Returns:
        Name -> path, such as `before/0/tune` -> that folder; empty without one.
    """
    earlier = _longest(folder, params["data"].sources) if continues(params) else None
    if earlier is None:
        return {}
    paths = [earlier / stage for stage in stages]
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _earlier(job: Job) -> Path | None:
    """Folder of the result that this job continues from: a copy or the published."""
    longest = _longest(job.folder, data_params(job).sources)
    if not _is_extended(job):
        return longest
    nearer = longest is None or len(_sources(longest)) <= len(_sources(job.folder))
    return job.folder if nearer else longest


def _is_extended(job: Job) -> bool:
    """Return whether this job extends the sources of intact published results."""
    published = _sources(job.folder)
    return _extends(published, data_params(job).sources) and _is_intact(job)


def _longest(folder: Path, sources: tuple[str, ...]) -> Path | None:
    """The copy with the most of these sources."""
    folders = [folder / FOLDER / str(n) for n in reversed(range(len(sources) - 1))]
    return next((f for f in folders if _extends(_sources(f), sources)), None)


def _extends(earlier: tuple[str, ...], sources: tuple[str, ...]) -> bool:
    return 0 < len(earlier) < len(sources) and sources[: len(earlier)] == earlier


def _sources(folder: Path) -> tuple[str, ...]:
    """Sources of the data published in a folder; empty if there is none."""
    try:
        params = read_record(folder / "data")["parts"]["params"]
    except UserError:
        return ()
    return (params["source"], *listed(params.get("extend")))


def _is_intact(job: Job) -> bool:
    """Return whether the published weights belong to the published, undamaged data."""
    try:
        records = {name: read_record(job.folder / name) for name in NEEDED}
    except UserError:
        return False
    now = {name: content(job.folder / name) for name in NEEDED}
    fits = all(
        digest == now[name]
        for record in records.values()
        for name, digest in record["parts"]["inputs"].items()
    )
    stages = [job.stage(name) for name in NEEDED]
    hurt = (verify_outputs(job.folder / s.name, records[s.name], s) for s in stages)
    return fits and not any(hurt)


def _copy(job: Job, root: Path, name: str) -> None:
    partial = partial_folder(root, name)
    for stage in job.chain:
        _copy_stage(job, stage, partial)
    publish(partial, root, name)


def _copy_stage(job: Job, stage: Stage, target: Path) -> None:
    """Copy a published stage, if it was made from the published stages before it."""
    try:
        inputs = read_record(job.folder / stage.name)["parts"]["inputs"]
    except UserError:
        return
    if all(digest == content(job.folder / name) for name, digest in inputs.items()):
        ignore = shutil.ignore_patterns(*EXAMPLES) if stage.name == "data" else None
        source = job.folder / stage.name
        shutil.copytree(source, target / stage.name, ignore=ignore)
