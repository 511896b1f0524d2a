"""What the task of an experiment decides, and which keys do not go with it.

In: an experiment as it was read. Out: the builder where none is named, and a reason for
each key that does not apply to the task, and for each head that the data do not have.
Tasks are asked for their facts; no stage runs, and no library is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.sources.registry import modality_of
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import DEFAULT, get
from pipeline.tasks.task import Task
from pipeline.training.params import FitSettings, QLearning

FITS = ("train", "distill", "compress")  # sections with the settings of a fit
ON_JAX = (DEFAULT,)  # tasks that `pipeline.training.hosts` was tested with
IN_DATA = "data."  # keys that `pipeline.data.params` checks itself

Misfit = tuple[tuple[str, ...], str]


def with_builder(values: Any) -> Any:
    """The values of an experiment file, with a builder in `tune` that fits the data.

    Values that are not an experiment are returned unchanged, for the schema to refuse.
    """
    if (parts := _parts(values, "tune")) is None:
        return values
    data, tune, task = parts
    if "builder" in tune or "builders" in tune:
        return values
    source = data.get("source")
    modality = modality_of(source) if isinstance(source, str) else None
    return {**values, "tune": {**tune, "builder": task.builder_for(modality)}}


def with_max_drop(values: Any) -> Any:
    """The values of an experiment file, with a maximum drop in the task's unit.

    Values that are not an experiment are returned unchanged, for the schema to refuse.
    """
    if (parts := _parts(values, "compress")) is None:
        return values
    _, compress, task = parts
    budget = compress.get("budget", {})
    if task.max_drop is None or not isinstance(budget, Mapping):
        return values
    drop = budget.get("max_drop", task.max_drop)
    if isinstance(drop, Mapping):
        drop = {task.metric.key: task.max_drop, **drop}
    return {**values, "compress": {**compress, "budget": {**budget, "max_drop": drop}}}


def _parts(
    values: Any, section: str
) -> tuple[Mapping[str, Any], Mapping[str, Any], Task] | None:
    """The section `data`, another one, and the task; None where they are not there."""
    if not isinstance(values, Mapping):
        return None
    data, other = values.get("data"), values.get(section, {})
    if not isinstance(data, Mapping) or not isinstance(other, Mapping):
        return None
    task = _named(data.get("task", DEFAULT))
    return None if task is None else (data, other, task)


def _named(name: Any) -> Task | None:
    """The task of that name; None where the schema will refuse it."""
    try:
        return get(name) if isinstance(name, str) else None
    except UserError:
        return None


def misfits(experiment: Any) -> Iterator[Misfit]:
    """Keys that do not apply to the task or the data, each with what is allowed."""
    task = get(experiment.data.task)
    for name in FITS:
        for key, reason in _of_a_fit(getattr(experiment, name), task):
            yield (name, key), reason
    yield from _of_fine_tuning(experiment, task)
    yield from _acting(experiment, task)
    yield from _of_engine(experiment, task)
    yield from _not_applicable(experiment, task)
    yield from _clusters(experiment, task)
    yield from _drops(experiment, task)
    yield from _heads(experiment)


def _of_fine_tuning(experiment: Any, task: Task) -> Iterator[Misfit]:
    """A loss that compress does not have."""
    loss = experiment.compress.loss or task.default_loss
    if why := task.training_only.get(loss):
        others = [name for name in task.losses if name not in task.training_only]
        yield ("compress", "loss"), f"{loss} {why}; it can be {', '.join(others)}"


def _of_engine(experiment: Any, task: Task) -> Iterator[Misfit]:
    """An engine that does not train for the task."""
    if experiment.train.engine == "jax" and task.name not in ON_JAX:
        yield (
            ("train", "engine"),
            f"jax trains for {', '.join(ON_JAX)} only, and data.task is {task.name}; "
            "leave it out",
        )


def _drops(experiment: Any, task: Task) -> Iterator[Misfit]:
    """Drops that a metric of at most 1 cannot have; percentage points were meant."""
    key = ("compress", "budget", "max_drop")
    metrics = {metric.key: metric for metric in (task.metric, *task.other_metrics)}
    limits = experiment.compress.budget.drops(task.metric.key)
    named = isinstance(experiment.compress.budget.max_drop, dict)
    for name, drop in limits.items():
        place = (*key, name) if named else key
        if name not in metrics:
            yield (
                place,
                f"no metric of data.task {task.name}{did_you_mean(name, metrics)} "
                f"(there are: {', '.join(metrics)})",
            )
        elif drop >= 1 >= metrics[name].highest:
            yield place, _too_large(metrics[name], drop)
    smallest = experiment.distill.smallest
    if smallest is not None and smallest >= 1 >= task.metric.highest:
        yield ("distill", "smallest"), _too_large(task.metric, smallest)


def _too_large(metric: Metric, drop: float) -> str:
    points = "; 0.01 is one point" if metric.scale > 1 else ""
    reason = f"must be less than 1, as {metric.name} is at most 1{points}"
    return f"{reason}; received {drop:g}"


def _heads(experiment: Any) -> Iterator[Misfit]:
    """Heads whose target is not in `data.extra_targets`."""
    names = list(experiment.data.extra_targets)
    for name in experiment.train.heads:
        if name not in names:
            there = f"there are: {', '.join(names)}" if names else "it has none"
            yield (
                ("train", "heads", name),
                "data.extra_targets has no target of that name"
                f"{did_you_mean(name, names)} ({there}); name it there, as class "
                "or number, or leave the head out",
            )


def _of_a_fit(settings: FitSettings, task: Task) -> Iterator[tuple[str, str]]:
    key = task.metric.key
    if settings.monitor not in ("loss", key):
        yield (
            "monitor",
            f"the metric of data.task {task.name} is {key}; set monitor to loss or "
            f"{key}, not to {settings.monitor}",
        )
    if settings.loss is not None and settings.loss not in task.losses:
        yield (
            "loss",
            f"{settings.loss} is not a loss for data.task {task.name}"
            f"{did_you_mean(settings.loss, task.losses)}; it can be "
            f"{', '.join(task.losses)}",
        )


def _acting(experiment: Any, task: Task) -> Iterator[Misfit]:
    """Settings of learning by acting, and of tasks without an environment."""
    for name in ("tune", *FITS):
        settings = getattr(getattr(experiment, name), "q_learning", None)
        if settings not in (None, QLearning()) and not task.interactive:
            why = f"is for a policy, and data.task is {task.name}; leave it out"
            yield (name, "q_learning"), why


def _clusters(experiment: Any, task: Task) -> Iterator[Misfit]:
    """Clusters are compared with classes, which an anomaly detector does not learn."""
    compared = task.labels == "classes" and not task.normal_classes
    if experiment.evaluate.clusters.count and not compared:
        why = f"compares with classes, and data.task is {task.name}; leave it out"
        yield ("evaluate", "clusters"), why


def _not_applicable(experiment: Any, task: Task) -> Iterator[Misfit]:
    """Keys that the task refuses and that are not at their default."""
    for dotted, reason in task.not_applicable.items():
        section, _, key = dotted.partition(".")
        if dotted.startswith(IN_DATA):
            continue
        params = getattr(experiment, section)
        field = type(params).model_fields[key]
        if getattr(params, key) != field.get_default(call_default_factory=True):
            why = f"{reason}, and data.task is {task.name}; leave it out"
            yield (section, key), why
