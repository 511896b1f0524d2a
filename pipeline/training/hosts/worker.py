"""A process of a fit on several hosts.

In: the folder of a job, the number of this process and of all, and the address of the
first one. Out: checkpoints, progress and the result, which the first process writes;
the hash of each process's weights; or the error.
Keras must be on JAX before this module is imported: `KERAS_BACKEND=jax`.
"""

from __future__ import annotations

import hashlib
import os
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from pipeline.core.determinism import apply_pins
from pipeline.core.errors import StageFailed, UserError
from pipeline.core.json_io import write_json
from pipeline.models.files import load_model
from pipeline.tasks.training import training_metric
from pipeline.training.batches import BatchSource
from pipeline.training.checkpointing import CheckpointManager
from pipeline.training.context import FitContext
from pipeline.training.epoch import FitSetup
from pipeline.training.hosts.job import (
    ERROR,
    PROGRESS,
    FitJob,
    read_job,
    write_result,
)
from pipeline.training.hosts.losses import portable_loss
from pipeline.training.hosts.mesh import Mesh, joined
from pipeline.training.hosts.trainer import HostTrainer, HostValidator
from pipeline.training.loop import FitRun
from pipeline.training.losses import example_losses
from pipeline.training.phase import main_output_model
from pipeline.training.throughput import ThroughputMeter


def work(folder: Path, rank: int, count: int, address: str) -> None:
    """Take part in a fit; the process ends with code 0, or with an error file.

    Args:
        folder: of the job.
        rank: number of this process, from 0.
        count: number of processes.
        address: HOST:PORT of the first one.
    """
    apply_pins()
    tf.config.set_visible_devices([], "GPU")  # TensorFlow prepares batches only
    try:
        with joined(rank, count, address):
            take_part(read_job(folder), Mesh())
    except BaseException as error:  # leaving `joined` would wait for the others
        _report_error(folder, rank, error)
        os._exit(1)


def take_part(job: FitJob, mesh: Mesh) -> str:
    """Fit, and write what this process has to write.

    Args:
        job: the fit.
        mesh: the devices of all processes.

    Returns:
        The hash of the weights, which is that of every process.
    """
    model = load_model(job.model)
    speed: dict[str, Any] = {}
    history = run_of(job, mesh, model, speed).run()
    digest = hash_of(model)
    write_json(hash_file(job.folder, mesh.rank), {"weights": digest})
    if mesh.rank == 0:
        write_result(job.folder, model, history, speed)
    return digest


def run_of(
    job: FitJob, mesh: Mesh, model: keras.Model, speed: dict[str, Any]
) -> FitRun:
    """Assemble the loop of `pipeline.training.loop` from parts that run on JAX.

    Args:
        job: the fit.
        mesh: the devices of all processes.
        model: changed in place by the run.
        speed: receives the measurements.
    """
    data, settings = job.data, job.settings
    source = BatchSource(
        data.train, data.spec, settings.batch_size, job.seed, data.policy
    )
    _check_batch(source.size, mesh)
    metric = training_metric(data.spec, data.train.y)
    loss: Any = portable_loss(settings, data.spec)
    loss.variables = ()
    decisive, split = main_output_model(model), data.validation
    compared = example_losses(settings, data.spec)
    first = mesh.rank == 0
    kind = CheckpointManager if first else ReadOnlyCheckpoints
    return FitRun(
        setup=FitSetup(model, loss, metric, source, settings),
        validator=HostValidator(mesh, decisive, split, data.spec, compared, metric),
        context=FitContext(job.seed, progress=partial(_progress, job.folder, first)),
        callbacks=keras.callbacks.CallbackList([], model=model),
        checkpoints=kind(job.folder, model, settings, job.seed),
        meter=ThroughputMeter(settings, source, speed),
        new_trainer=partial(HostTrainer, mesh),
    )


class ReadOnlyCheckpoints(CheckpointManager):
    """The checkpoints of the first process, which the others resume from."""

    def is_due(self, now: bool) -> bool:
        """Return False: only the first process writes."""
        return False


def hash_of(model: keras.Model) -> str:
    """Return the SHA-256 of all weights of a model."""
    content = b"".join(weight.tobytes() for weight in model.get_weights())
    return hashlib.sha256(content).hexdigest()


def hash_file(folder: Path, rank: int) -> Path:
    """Return where a process writes the hash of its weights."""
    return folder / f"hash-{rank}.json"


def _check_batch(size: int, mesh: Mesh) -> None:
    if size % mesh.devices:
        raise UserError(
            f"train.batch_size {size}: each step divides its batch over "
            f"{mesh.devices} devices of {mesh.count} hosts; set a multiple of "
            f"{mesh.devices}"
        )


def _progress(folder: Path, first: bool, text: str, done: int, total: int) -> None:
    if first:
        partial_file = folder / f"{PROGRESS}.partial"
        write_json(partial_file, {"text": text, "done": done, "total": total})
        partial_file.replace(folder / PROGRESS)


def _report_error(folder: Path, rank: int, error: BaseException) -> None:
    traceback.print_exc()
    own = isinstance(error, UserError)
    reason = str(error) if own else f"{type(error).__name__}: {error}"
    code = error.exit_code if isinstance(error, UserError) else StageFailed.exit_code
    values = {"error": reason, "code": code, "own": own}
    write_json(folder / f"{rank}-{ERROR}", values)
