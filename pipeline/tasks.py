"""What an experiment's task and data decide, and which keys do not go with them.

In: an experiment as it was read. Out: the builder where none is named, and a reason
for each key that only another task has, and for each head that the data do not say;
nothing is run for it, nothing imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.errors import nearest
from pipeline.training.params import ONLY_CLASSES, FitSettings

# `data.task` -> the key of its measure, as `pipeline.data.measure` has it.
KEYS = {"classification": "accuracy", "regression": "r2", "anomaly": "auc"}
# Where `tune` names none; for classes it is the default of `tune.builder`.
BUILDERS = {"regression": "mlp", "anomaly": "autoencoder"}

# Section -> the keys that only a classification has.
OF_CLASSES = {
    "train": ("label_smoothing", "pseudo_labels"),
    "distill": ("label_smoothing", "imitation", "temperature", "temperature_end"),
    "compress": ("label_smoothing", "temperature"),
}

Misfit = tuple[tuple[str, ...], str]


def with_builder(values: Any) -> Any:
    """The values of an experiment file, with the builder of the task in `tune`.

    What is no experiment is given back as it is, to be refused by the schema.
    """
    if not isinstance(values, Mapping):
        return values
    data, tune = values.get("data"), values.get("tune", {})
    if not isinstance(data, Mapping) or not isinstance(tune, Mapping):
        return values
    task = data.get("task")
    builder = BUILDERS.get(task) if isinstance(task, str) else None
    if builder is None or "builder" in tune or "builders" in tune:
        return values
    return {**values, "tune": {**tune, "builder": builder}}


def misfits(experiment: Any) -> Iterator[Misfit]:
    """Keys that task or data have not, each with what is allowed."""
    task = experiment.data.task
    for name in ("train", "distill", "compress"):
        for key, reason in _of_a_fit(getattr(experiment, name), task):
            yield (name, key), reason
    if task != "classification":
        yield from _of_classes(experiment, task)
    yield from _heads(experiment)


def _heads(experiment: Any) -> Iterator[Misfit]:
    """Heads whose target is not in `data.extra_targets`."""
    known = list(experiment.data.extra_targets)
    for name in experiment.train.heads:
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "it has none"
            yield (
                ("train", "heads", name),
                f"data.extra_targets has no target of that name{nearest(name, known)} "
                f"({there}); name it there, as class or number, or leave the head out",
            )


def _of_a_fit(settings: FitSettings, task: str) -> Iterator[tuple[str, str]]:
    if settings.monitor not in ("loss", KEYS[task]):
        yield (
            "monitor",
            f"the measure of data.task {task} is {KEYS[task]}; set monitor to loss or "
            f"{KEYS[task]}, not to {settings.monitor}",
        )
    if task == "classification":
        return
    if settings.loss in ONLY_CLASSES:
        reason = f"{settings.loss} is for classes, and data.task is {task}"
        yield "loss", f"{reason}; it can be mse, mae or huber"


def _of_classes(experiment: Any, task: str) -> Iterator[Misfit]:
    """Keys of classes alone that say anything else than their default."""
    for section, names in OF_CLASSES.items():
        params = getattr(experiment, section)
        for name in names:
            if getattr(params, name) != type(params).model_fields[name].default:
                why = f"is for classes, and data.task is {task}; leave it out"
                yield (section, name), why
