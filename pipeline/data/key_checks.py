"""Keys of the `data` section that do not go together.

Each check raises ValueError with a sentence that pydantic puts behind the key's place.
"""

from __future__ import annotations

from typing import Any

from pipeline.core.params import as_validation_error
from pipeline.data.sources.registry import (
    BOX_FILES,
    CLASS_FOLDERS,
    ENVIRONMENTS,
    FILES,
    MASK_FILES,
    PACKED,
    PAIRED,
    check_names,
    check_times,
)
from pipeline.tasks.registry import for_chain

DataParams = Any  # of pipeline.data.params, which imports this module

# Keys that do not go with rows that are split by time.
BY_TIME = ("extend", "split_sources", "split.group", "split.use_source_splits")
NAMED_FILES = (*CLASS_FOLDERS, *MASK_FILES, *BOX_FILES, *PAIRED)


def check_keys(params: DataParams) -> None:
    """Check what the keys of a data section demand of each other.

    Args:
        params: whose keys are valid one by one.

    Raises:
        ValueError: for the first pair that does not fit.
    """
    _check_group(params)
    _check_normal(params)
    _check_columns(params)
    _check_environment(params)
    _check_degrade(params)
    _check_task_keys(params)
    for name in params.extra_targets:
        _check_extra_target(params, name)


def _check_group(params: DataParams) -> None:
    group, pattern = params.split.group, params.file_name
    if _kind(params) in NAMED_FILES and group and pattern is None:
        raise ValueError(
            f'split.group "{group}" needs file_name, such as '
            f'"{{{group}}}_{{index}}", which says where a file name holds it'
        )
    if pattern and group and f"{{{group}}}" not in pattern:
        raise ValueError(
            f'split.group "{group}" is not a field of file_name "{pattern}"; name '
            "it there in braces"
        )


def _check_normal(params: DataParams) -> None:
    task = for_chain(params.task)
    if task.normal_classes and params.normal is None:
        raise ValueError(
            f"task {params.task} needs normal, the list of the classes that are not "
            "anomalies"
        )
    if params.normal is not None and not task.normal_classes:
        raise ValueError(
            f"normal is for task anomaly_detection; task is {params.task}: leave it out"
        )


def _check_columns(params: DataParams) -> None:
    """A table in the order of time, or of interactions, needs columns for it."""
    task = for_chain(params.task)
    with as_validation_error():
        if task.labels == "series" or params.series.label:
            check_times(params.source)
        if task.ranks:
            check_names(params.source)


def _check_environment(params: DataParams) -> None:
    acts = for_chain(params.task).labels == "experience"
    kind, names = _kind(params), " or ".join(ENVIRONMENTS)
    if acts and kind not in ENVIRONMENTS:
        raise ValueError(
            f"task {params.task} learns in an environment, and source {params.source} "
            f"is of kind {kind}; use {names}:NAME, such as gym:CartPole-v1"
        )
    if not acts and kind in ENVIRONMENTS:
        raise ValueError(
            f"source {params.source} is an environment, and task is {params.task}; "
            "set task to policy"
        )


def _check_degrade(params: DataParams) -> None:
    if params.degrade is not None and not for_chain(params.task).degrades:
        raise ValueError(
            f"degrade is for task restoration; task is {params.task}: leave it out"
        )
    kinds = {source.partition(":")[0] for source in params.every_source}
    if params.degrade is not None and kinds & {*PAIRED}:
        raise ValueError(
            "degrade is for clean images, and pairs: holds degraded ones too; "
            "leave it out"
        )
    if kinds & {*PAIRED} and kinds - {*PAIRED}:
        raise ValueError(
            "sources of pairs: and of clean images exclude each other; name one kind"
        )


def _check_task_keys(params: DataParams) -> None:
    task = for_chain(params.task)
    for key, is_set in _keys_of_some_tasks(params).items():
        reason = task.refuses(f"data.{key}")
        if is_set and params.series.label and key in BY_TIME:
            raise ValueError(f"{key} is not for series.label: leave it out")
        if is_set and reason:
            raise ValueError(f"{key} {reason}; task is {params.task}: leave it out")
    if params.series.label and task.labels != "classes":
        raise ValueError(f"series.label is for classes; task is {params.task}")


def _keys_of_some_tasks(params: DataParams) -> dict[str, bool]:
    """Keys that a task may refuse -> whether they are set."""
    return {
        "classes": params.classes is not None,
        "merge_classes": bool(params.merge_classes),
        "audio.background": params.audio.background > 0,
        "labels.noise": params.labels.noise > 0,
        "labels.label_errors": params.labels.label_errors != "off",
        "balance": params.balance != "none",
        "balance: resample": params.balance == "resample",
        "duplicates": params.duplicates != "report",
        "class_order": params.class_order != "numeric",
        "extend": params.extend is not None,
        "split_sources": params.split_sources is not None,
        "split.group": params.split.group is not None,
        "split.use_source_splits": not params.split.use_source_splits,
        "tokens": params.tokens,
    }


def _check_extra_target(params: DataParams, name: str) -> None:
    kind, pattern = _kind(params), params.file_name or ""
    targeted = [kind for kind in FILES if kind not in PACKED]
    if kind not in targeted:
        reason = f"a source of kind {kind} has none; use {', '.join(targeted)}"
    elif kind in CLASS_FOLDERS and f"{{{name}}}" not in pattern:
        reason = f'not a field of file_name "{pattern}"; name it there in braces'
    elif name == params.split.group:
        reason = "is split.group, whose classes differ from split to split"
    elif name == params.columns.label:
        reason = "is the label column itself"
    elif why := for_chain(params.task).refuses("data.extra_targets"):
        reason = f"task {params.task} {why}"
    else:
        return
    raise ValueError(f'extra_targets "{name}": {reason}')


def _kind(params: DataParams) -> str:
    return params.source.partition(":")[0]
