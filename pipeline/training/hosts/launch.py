"""A fit on several hosts, started and watched from a process of TensorFlow.

In: what `pipeline.training.loop.fit` takes, and the hosts. Out: the model with its best
weights, and the history. When a process is lost, all are started again from the last
checkpoint, and end with the bits of a fit that lost none.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import keras

from pipeline.core.errors import StageFailed, UserError, error_with_code
from pipeline.core.json_io import read_json
from pipeline.core.wording import quantity
from pipeline.training.checkpoint import finished_epochs
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History
from pipeline.training.hosts.job import ERROR, PROGRESS, read_result, write_job
from pipeline.training.hosts.local import log_file
from pipeline.training.hosts.losses import portable_loss
from pipeline.training.metrics import check_monitor, check_outputs
from pipeline.training.params import FitSettings

PERIOD = 0.1  # seconds between two looks at the processes
GRACE = 2.0  # seconds in which all processes notice that one was lost
RESTARTS = 3  # without a new checkpoint in between
OWN_LAYERS = ("keras.", "pipeline.")


class HostGroup(Protocol):
    """The processes of one fit."""

    count: int

    def start(self) -> None:
        """Start all processes."""

    def endings(self) -> Sequence[str | None]:
        """Return how each process ended: empty for success, None while it runs."""

    def stop(self) -> None:
        """Kill the processes that still run, and wait for all."""


def fit_on_hosts(
    model: keras.Model,
    data: FitData,
    settings: FitSettings,
    context: FitContext,
    hosts: Callable[[Path], HostGroup],
) -> History:
    """Fit on JAX with early stopping, and restore the best weights at the end.

    Args:
        model: a model of TensorFlow, whose weights are replaced.
        data: the splits and the augmentation.
        settings: epochs, optimizer, schedule, loss, averages, phases.
        context: seed, checkpoint folder, progress function, speed.
        hosts: folder of the job -> processes that are not started yet.

    Returns:
        The records of all epochs, and the best one.

    Raises:
        StageFailed: if the loss is not finite, or if processes are lost repeatedly.
        UserError: for what the engine does not support.
    """
    check_fit(model, data, settings, context)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (context.checkpoint_folder or Path(temporary)) / "hosts"
        write_job(folder, model, data, settings, context.seed)
        _run(folder, hosts(folder), context.progress)
        weights, history, speed = read_result(folder)
    model.set_weights(weights)
    if context.speed is not None:
        context.speed.update(speed)
    return history


def check_fit(
    model: keras.Model, data: FitData, settings: FitSettings, context: FitContext
) -> None:
    """Check that JAX can run a fit.

    Args:
        model: a model of TensorFlow.
        data: the splits and the augmentation.
        settings: settings of the fit.
        context: surroundings of the fit.

    Raises:
        UserError: names what the engine does not support, and what to do.
    """
    check_monitor(settings.monitor, data.spec)
    check_outputs(model, data.spec)
    portable_loss(settings, data.spec)
    if context.loss or context.objective or context.extra_metrics or context.callbacks:
        raise UserError(
            "train.engine jax: this fit has a loss or callbacks that TensorFlow "
            "computes; set train.engine to tensorflow"
        )
    for layer in model._flatten_layers(include_self=False):
        kind = type(layer)
        if not kind.__module__.startswith(OWN_LAYERS):
            raise UserError(
                f"train.engine jax: the layer {layer.name} is of {kind.__module__}."
                f"{kind.__name__}, which need not run on JAX; build the model from "
                "Keras's own layers, or set train.engine to tensorflow"
            )


def check_batch(batch_size: int, examples: int, hosts: int) -> None:
    """Check that the hosts can share each batch.

    Args:
        batch_size: examples per step; limited to the number of examples.
        examples: size of the training split.
        hosts: number of processes.

    Raises:
        UserError: if a batch cannot be divided evenly.
    """
    size = min(batch_size, examples)
    if size % hosts:
        limited = f" of {examples} examples" if size < batch_size else ""
        raise UserError(
            f"train.hosts {hosts}: {size} examples per step{limited} cannot be divided "
            "evenly; set train.batch_size to a multiple of train.hosts"
        )


def _run(folder: Path, hosts: HostGroup, progress: Callable[..., None]) -> None:
    """Run the processes until all have succeeded."""
    lost = 0
    while True:
        epochs = finished_epochs(folder)
        endings = _run_once(folder, hosts, progress)
        if not any(endings):
            _check_hashes(folder, hosts.count)
            return
        _raise_own_error(folder, hosts.count)
        done = finished_epochs(folder)
        lost = 1 if done > epochs else lost + 1
        rank = next(index for index, text in enumerate(endings) if text)
        what = f"host {rank + 1} of {hosts.count}: {endings[rank]}"
        if lost > RESTARTS:
            raise StageFailed(
                f"{what}, after {quantity(RESTARTS, 'restart')} without a new "
                f"checkpoint; {_last_line(folder, rank)}"
            )
        print(f"{what}; training goes on after epoch {done}", flush=True)


def _run_once(
    folder: Path, hosts: HostGroup, progress: Callable[..., None]
) -> Sequence[str | None]:
    """Run the processes once, and return how they ended; empty texts for success."""
    for path in (*folder.glob(f"*-{ERROR}"), *folder.glob("hash-*.json")):
        path.unlink()
    shown: dict[str, Any] = {}
    hosts.start()
    try:
        while None in (endings := hosts.endings()) or any(endings):
            if any(endings):
                time.sleep(GRACE)
                return _lost_first(hosts.endings())
            shown = _show(folder, shown, progress)
            time.sleep(PERIOD)
    finally:
        hosts.stop()
    _show(folder, shown, progress)
    return endings


def _lost_first(endings: Sequence[str | None]) -> Sequence[str | None]:
    """Keep the endings by a signal alone, if there are any.

    The others end with an error because they have lost a process.
    """
    killed = [text if text and "SIGKILL" in text else "" for text in endings]
    return killed if any(killed) else [text or "" for text in endings]


def _show(
    folder: Path, shown: dict[str, Any], progress: Callable[..., None]
) -> dict[str, Any]:
    """Pass on the progress of the first process, if it is new."""
    path = folder / PROGRESS
    values = read_json(path) if path.exists() else {}
    if values and values != shown:
        progress(values["text"], done=values["done"], total=values["total"])
    return values


def _raise_own_error(folder: Path, count: int) -> None:
    """Raise the error that a process has ended with, unless it lost another one."""
    for rank in range(count):
        path = folder / f"{rank}-{ERROR}"
        values = read_json(path) if path.exists() else {}
        if values.get("own"):
            raise error_with_code(values["error"], values["code"])


def _check_hashes(folder: Path, count: int) -> None:
    """Check that all processes have ended with the same weights."""
    paths = [folder / f"hash-{rank}.json" for rank in range(count)]
    hashes = [read_json(path)["weights"] for path in paths]
    if len(set(hashes)) > 1:
        raise StageFailed(
            f"the hosts ended with different weights ({', '.join(hashes)}); their "
            "libraries or processors differ"
        )


def _last_line(folder: Path, rank: int) -> str:
    path = log_file(folder, rank)
    text = path.read_text(errors="replace") if path.exists() else ""
    lines = text.strip().splitlines() or ["no output"]
    return f"the last line of {path} is: {lines[-1]}"
