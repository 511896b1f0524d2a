"""Measure every variant on the experiment's target, in child processes.

In: the built variants. Out: their rows with flash bytes, arena, parity with LiteRT and
whatever else the target knows. A file that the target does not run becomes `broken`;
the float baseline, which all are compared with, is only never chosen.

Measurements are kept in the working folder, so that another budget measures nothing
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from pipeline.compress import working_file
from pipeline.compress.params import CompressParams
from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.compress.selection.point import VariantRow
from pipeline.compress.targets import registry
from pipeline.compress.targets.target import ARENA, DeviceResult, Examples, Target
from pipeline.compress.variant import BuildContext, VariantResult
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.engine.stage import Inputs
from pipeline.inference.interpreter import LiteModel, quantize
from pipeline.tasks.registry import task_of

EXAMPLES = 1000  # of validation, besides those of golden.npz
FOLDER = "device"  # in the working folder, and in the published one


def warn_about_estimates(params: CompressParams) -> None:
    """Print what will be estimated, because an optional package is not installed.

    Args:
        params: target and budget.
    """
    target = registry.get(params.target)
    if not target.installed:
        print(
            f"warning: compress.target {target.name}: {target.runtime} is not "
            f"installed, so flash bytes and arena are estimates; install it with: "
            f"{target.install}"
        )
        return
    micro = registry.get("micro")
    measured = micro.installed or target.name != registry.DEFAULT
    if params.budget.max_arena and not measured:
        print(
            f"warning: compress.budget.max_arena: {micro.runtime} is not installed, "
            f"so the arena is an estimate; install it with: {micro.install}"
        )


def measure(
    results: Sequence[VariantResult],
    context: BuildContext,
    params: CompressParams,
    inputs: Inputs,
) -> list[VariantResult]:
    """Measure all variants that have a valid file.

    Args:
        results: all variants.
        context: data and folders of the variants.
        params: target, budget and workers.
        inputs: of the stage, for its progress.

    Returns:
        The results, in their order, with their rows completed.
    """
    target = registry.get(params.target)
    if target.name != registry.DEFAULT:
        inputs.progress(f"measuring on {target.runtime}", 0, 0)
    with ThreadPoolExecutor(params.workers) as pool:
        measured = pool.map(lambda r: _measured(r, context, params, target), results)
        return list(measured)


def _measured(
    result: VariantResult, context: BuildContext, params: CompressParams, target: Target
) -> VariantResult:
    row = result.row
    if row.status != "ok":
        return result
    device = _device_result(result, context, target)
    if params.budget.max_arena and ARENA in device.estimated:
        device = _with_measured_arena(device, result, context)
    return replace(result, row=_row(row, device))


def _row(row: VariantRow, device: DeviceResult) -> VariantRow:
    """Complete a row; the float baseline stays usable for comparisons."""
    broken = device.refused and row.id != BASELINE
    refused = {"refused": device.refused} if device.refused else {}
    return replace(
        row,
        status="broken" if broken else row.status,
        reason=device.refused if broken else row.reason,
        bytes_flash=device.flash,
        device_file=f"{FOLDER}/{row.id}.tflite" if device.file else None,
        arena_bytes=device.arena,
        estimated=list(device.estimated),
        device={**device.facts, **refused},
    )


def _with_measured_arena(
    device: DeviceResult, result: VariantResult, context: BuildContext
) -> DeviceResult:
    """Replace an estimate, where the micro runtime is installed and runs the file."""
    micro = registry.get("micro")
    if not micro.installed:
        return device
    measured = _device_result(result, context, micro)
    if measured.refused or ARENA in measured.estimated:
        return device
    parts = {name: measured.facts[name] for name in ("head", "tail")}
    return replace(
        device,
        arena=measured.arena,
        estimated=tuple(name for name in device.estimated if name != ARENA),
        facts={**device.facts, **parts},
    )


def file_of(result: VariantResult, context: BuildContext, target: str) -> Path:
    """Return the path of a variant's file as the target stores it.

    Args:
        result: a variant whose row has a `device_file`.
        context: its working folder.
        target: name of the target.
    """
    return _cache(result, context, target).with_suffix(".tflite")


def _cache(result: VariantResult, context: BuildContext, target: str) -> Path:
    """A file that is not among those of the variant's own result."""
    name = f"result.{target}-{registry.get(target).version}.json"
    return context.folder_of(result.variant) / name


def _device_result(
    result: VariantResult, context: BuildContext, target: Target
) -> DeviceResult:
    """Measure a file, or read what was measured before."""
    cache = _cache(result, context, target.name)
    if target.installed and (earlier := _read(cache)):
        return earlier
    path = context.folder_of(result.variant) / "model.tflite"
    try:
        examples = _examples(path, context) if target.compares else None
        device = target.measure(path.read_bytes(), examples)
    except (UserError, OSError) as error:
        size = path.stat().st_size
        return DeviceResult(size, None, refused=f"broken for {target.name}: {error}")
    if target.installed:
        _write(cache, device)
    return device


def _examples(path: Path, context: BuildContext) -> Examples:
    """Golden vectors and validation examples, with LiteRT's outputs."""
    spec, data = context.data.spec, context.data
    model = LiteModel(path, spec, context.threads)
    inputs = quantize(spec.to_input(data.validation().x[:EXAMPLES]), model.input)
    with np.load(path.with_name("golden.npz")) as golden:
        outputs = np.concatenate([golden["outputs"], model.outputs(inputs)])
        inputs = np.concatenate([golden["inputs"], inputs])
    return Examples(inputs, outputs, task_of(spec).predicts_classes)


def _write(cache: Path, device: DeviceResult) -> None:
    file, path = None, cache.with_suffix(".tflite")
    if device.file:
        path.write_bytes(device.file)
        file = hash_file(path)
    working_file.write(cache, {**asdict(device), "file": file})


def _read(cache: Path) -> DeviceResult | None:
    """The measurements of an earlier run; None where there are none that are intact."""
    content = working_file.read(cache)
    if content is None:
        return None
    digest, file, path = content.pop("file"), None, cache.with_suffix(".tflite")
    if digest:
        try:
            file, intact = path.read_bytes(), hash_file(path) == digest
        except OSError:
            return None
        if not intact:
            return None
    estimated = tuple(content.pop("estimated", ()))
    return DeviceResult(**content, file=file, estimated=estimated)
