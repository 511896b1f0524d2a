"""More data for a finished experiment: what was published before `data.extend`.

    experiments/digits/before/0/    every stage as it was without an extension
    experiments/digits/before/1/    as it was with the first one, when a second came

Before a longer list of sources is read for the first time, what is published under a
shorter one is kept there, all but the examples. tune then keeps its choice, and train
begins with its weights. In: an experiment's folder and its sources. Imports nothing
heavy: the plan asks, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.data.extension import FOLDER
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import listed
from pipeline.engine.plan import damage
from pipeline.engine.publish import publish, recover
from pipeline.engine.stage import Job, Stage
from pipeline.engine.stage_record import content, read_record
from pipeline.tune import reuse_search

EXAMPLES = ("*_x.npy", "*_y.npy", "*_also*.npy")  # made again from the sources
# Kind of source -> the sections of data that say what its numbers mean.
PREPROCESSING = {
    "images": ("image",),
    "wav": ("audio",),
    "text": ("text",),
    "tfds": ("audio", "text"),
}
NEEDED = ("data", "augment", "tune", "train")


def keep(job: Job) -> Path | None:
    """Keep what is published if this job's sources go beyond its sources, once.

    Call it with the experiment locked, before anything is run.

    Returns:
        The folder, where something was put into it.
    """
    if not _is_kept_now(job):
        return None
    root, name = job.folder / FOLDER, str(len(_sources(job.folder)) - 1)
    root.mkdir(exist_ok=True)
    recover(root, name)
    copy = root / name
    if all(content(copy / s) == content(job.folder / s) for s in NEEDED):
        return None
    _copy(job, root, name)
    return copy


def check(job: Job) -> None:
    """Refuse what cannot go on from an earlier result; before anything is kept or run.

    Raises:
        UserError: when the published weights went on from earlier ones, which the
            experiment still asks for and which are gone, or when it asks for
            other preprocessing, or another search, than those that stand.
    """
    if not continues(job.params):
        return
    if earlier := _earlier(job):
        _check_preprocessing(job.params["data"], earlier / "data")
        return reuse_search.check_same(job.params["tune"], earlier / "tune")
    record = job.folder / "train" / "stage.json"
    sources = read_record(record.parent)["parts"]["sources"] if record.is_file() else {}
    gone = [name for name in sources if name.startswith(f"{FOLDER}/")]
    if gone:
        raise UserError(
            f"{job.folder}: train went on from {gone[0]}, which is not there any more; "
            "bring it back, name the weights (train.init_from: FILE.keras), or begin "
            "anew (train.init_from: scratch)"
        )


def _check_preprocessing(params: DataParams, data: Path) -> None:
    """Refuse data whose numbers would mean something else to the earlier weights.

    Args:
        data: the data stage as it was.
    """
    was, now = read_record(data)["parts"]["params"], params.hashed()
    sections = PREPROCESSING.get(params.source.partition(":")[0], ())
    for at in ("task", *sections):
        before, after = _flat(at, was.get(at, now[at])), _flat(at, now[at])
        for key in after:
            if after[key] != before.get(key, after[key]):
                raise UserError(
                    f"data.{key} is {after[key]!r} and was {before[key]!r} before "
                    "data.extend, and the weights that go on know no other: leave it "
                    "as it was, or begin anew (train.init_from: scratch)"
                )


def _flat(name: str, value: Any) -> dict[str, Any]:
    """A section's values by dotted name, or the value alone."""
    if not isinstance(value, dict):
        return {name: value}
    return {f"{name}.{key}": one for key, one in value.items()}


def continues(params: Mapping[str, Any]) -> bool:
    """Whether train is to begin with the weights of before the extension."""
    init_from = getattr(params["train"], "init_from", None)
    return len(params["data"].sources) > 1 and init_from is None


def beside(
    params: Mapping[str, Any], folder: Path, stages: tuple[str, ...]
) -> Mapping[str, Path]:
    """What is read of the earlier result, such as `before/0/tune` -> its path."""
    earlier = _longest(folder, params["data"].sources) if continues(params) else None
    if earlier is None:
        return {}
    paths = [earlier / stage for stage in stages]
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _earlier(job: Job) -> Path | None:
    """The folder of the result that this job goes on from, kept already or not."""
    longest = _longest(job.folder, job.params["data"].sources)
    if not _is_kept_now(job):
        return longest
    nearer = longest is None or len(_sources(longest)) <= len(_sources(job.folder))
    return job.folder if nearer else longest


def _is_kept_now(job: Job) -> bool:
    """Whether what is published is the earlier result of more sources, and whole."""
    there = _sources(job.folder)
    return _goes_on(there, job.params["data"].sources) and _is_whole(job)


def _longest(folder: Path, sources: tuple[str, ...]) -> Path | None:
    """Of what is kept, that which has most of the sources."""
    folders = [folder / FOLDER / str(n) for n in reversed(range(len(sources) - 1))]
    return next((f for f in folders if _goes_on(_sources(f), sources)), None)


def _goes_on(there: tuple[str, ...], sources: tuple[str, ...]) -> bool:
    return 0 < len(there) < len(sources) and sources[: len(there)] == there


def _sources(folder: Path) -> tuple[str, ...]:
    """Of the data that is published in a folder; nothing where there is none."""
    try:
        params = read_record(folder / "data")["parts"]["params"]
    except UserError:
        return ()
    return (params["source"], *listed(params.get("extend")))


def _is_whole(job: Job) -> bool:
    """Whether the published weights belong to the published data, undamaged."""
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
    hurt = (damage(job.folder / s.name, records[s.name], s) for s in stages)
    return fits and not any(hurt)


def _copy(job: Job, root: Path, name: str) -> None:
    partial = root / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for stage in job.chain:
        _copy_stage(job, stage, partial)
    publish(partial, root, name)


def _copy_stage(job: Job, stage: Stage, target: Path) -> None:
    """What is published of a stage, if it belongs to the stages before it."""
    try:
        inputs = read_record(job.folder / stage.name)["parts"]["inputs"]
    except UserError:
        return
    if all(digest == content(job.folder / name) for name, digest in inputs.items()):
        left = shutil.ignore_patterns(*EXAMPLES) if stage.name == "data" else None
        source = job.folder / stage.name
        shutil.copytree(source, target / stage.name, ignore=left)
