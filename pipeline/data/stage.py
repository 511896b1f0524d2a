"""data: from a source to a signature and disjoint splits.

In: a source. Out: spec.json, the splits, splits.npz, preview.png; vocabulary.txt
for texts; duplicates.csv and skipped.csv where there are any; label_noise.csv,
label_errors.csv, balance.json, extension.json when asked for.
Run: python -m pipeline run data --exp digits
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.json_io import write_json
from pipeline.core.pipe_language import str_pipe
from pipeline.core.wording import quantity
from pipeline.data import class_balance, extension, maps, preview
from pipeline.data.artifact import Data, extra_target_path, write_balance
from pipeline.data.doubts import doubts
from pipeline.data.duplicates import shared_hashes
from pipeline.data.features import Step, apply_steps, write_steps
from pipeline.data.merge import read_sources
from pipeline.data.parallel import cores
from pipeline.data.params import DataParams
from pipeline.data.rows import AnyRows, Rows, chunks
from pipeline.data.sources.reader import ReadContext, write_skipped
from pipeline.data.sources.registry import dataset_name
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.data.split import calibration
from pipeline.data.split_plan import (
    SplitPlan,
    input_names,
    learn_steps,
    plan_splits,
    vocabulary_size,
    without_label_errors,
)
from pipeline.data.stored import rows_writer, stored_rows, write_rows
from pipeline.engine.stage import Inputs
from pipeline.tasks.registry import get


def run(params: DataParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Read, check, split and store the examples.

    Args:
        params: the data section of the experiment file.
        inputs: the seed, and where progress is shown; no earlier stage is read.
        out: an empty folder for the results.

    Returns:
        metrics.json: the headline, examples per split, class balance or the range of
        numbers, duplicates and skipped examples.

    Raises:
        UserError: when a source cannot be read, split or used for the task.
    """
    inputs.progress(f"reading {' and '.join(params.every_source)}")
    with tempfile.TemporaryDirectory(prefix=".scratch", dir=out) as scratch:
        context = ReadContext(
            params,
            Path(scratch),
            progress=inputs.progress,
            resumable=inputs.scratch,
            seed=inputs.seed,
        )
        merged = read_sources(params, context, inputs.seed)
        plan = plan_splits(merged, params, inputs.seed, out)
        steps = learn_steps(plan, params)
        searching = params.labels.label_errors != "off"
        inputs.progress("looking for label errors" if searching else "writing")
        plan = without_label_errors(plan, steps, params, inputs.seed, out)
        _write(plan, steps, params, inputs.seed, out)
    spec = _write_signature(plan, steps, params, out)
    data = Data(out, spec)
    preview.draw(out / "preview.png", data)
    notes = (*plan.merged.notes, *doubts(plan, data))
    if plan.merged.skipped:
        write_skipped(out / "skipped.csv", plan.merged.skipped)
    if params.extend:
        write_json(out / extension.FILE, _extension(plan, params))
    return _metrics(plan, params, out, notes)


def _write(
    plan: SplitPlan, steps: tuple[Step, ...], params: DataParams, seed: int, out: Path
) -> None:
    train = plan.indices["train"]
    if params.balance == "resample":
        added = class_balance.repeats(plan.y[train], seed)
        train = np.concatenate([train, train[added]])
    _write_index(plan, params, train, seed, out)
    for name, positions in {**plan.indices, "train": train}.items():
        _write_split(plan, steps, name, positions, out, params.cache)
    if params.balance != "none":
        classes = len(plan.examples.classes)
        if plan.examples.maps is None:
            weights = class_balance.class_weights(plan.y[train], classes)
        else:
            counts = maps.counts_of(Rows(out / "train_y.npy"), classes)
            weights = class_balance.weights_of_counts(counts)
        write_balance(out, params.balance, weights)


def _write_index(
    plan: SplitPlan, params: DataParams, train: np.ndarray, seed: int, out: Path
) -> None:
    """Write splits.npz; `train` are the stored examples, repeats included."""
    strata = plan.examples.strata if plan.target else plan.y
    chosen = calibration(strata[plan.indices["train"]], params.calibration, seed)
    arrays: dict[str, Any] = {f"{name}_index": p for name, p in plan.indices.items()}
    arrays |= {f"{name}_hash": plan.hashes[p] for name, p in plan.indices.items()}
    arrays |= _groups(plan, params, train)
    if plan.examples.times is not None:
        times = plan.examples.times
        arrays |= {f"{name}_time": times[p] for name, p in plan.indices.items()}
    np.savez(out / "splits.npz", calibration=chosen, **arrays)


def _groups(
    plan: SplitPlan, params: DataParams, train: np.ndarray
) -> dict[str, np.ndarray]:
    """What later splits must not separate: groups, or copies of an example."""
    groups = plan.examples.groups
    if groups is None and params.balance != "resample":
        return {}
    whole = np.arange(len(plan.y)) if groups is None else groups
    _, number = np.unique(whole, return_inverse=True)
    validation = plan.indices["validation"]
    return {"train_group": number[train], "validation_group": number[validation]}


def _write_split(
    plan: SplitPlan,
    steps: tuple[Step, ...],
    name: str,
    positions: np.ndarray,
    out: Path,
    cache: str,
) -> None:
    y = plan.y[positions]
    if plan.examples.maps is None:
        np.save(out / f"{name}_y.npy", plan.target.scaled(y) if plan.target else y)
    else:
        maps.write(out / f"{name}_y.npy", plan.examples.maps, positions)
    for number, target in enumerate(plan.extra_targets):
        values = plan.examples.extra_targets[target.name][positions]
        np.save(extra_target_path(out, name, number), target.stored(values))
    _write_examples(plan.examples.x, steps, name, positions, out, cache)


def _write_examples(
    x: AnyRows,
    steps: tuple[Step, ...],
    name: str,
    positions: np.ndarray,
    out: Path,
    cache: str,
) -> None:
    first = next(chunks(x, positions), None)
    if first is None:  # an empty split has the shape of the others
        train = stored_rows(out, "train")
        shape, dtype, unchanged = train.shape[1:], train.dtype, True
    else:
        example = apply_steps(steps, first)
        shape, dtype, unchanged = example.shape[1:], example.dtype, example is first
    compressed = cache == "shards"
    with rows_writer(out / f"{name}_x", shape, dtype, compressed, cores()) as writer:
        if unchanged:
            write_rows(x, positions, writer)
            return
        for part in chunks(x, positions):
            writer.append(apply_steps(steps, part))


def _write_signature(
    plan: SplitPlan, steps: tuple[Step, ...], params: DataParams, out: Path
) -> TaskSpec:
    stored, examples = stored_rows(out, "train"), plan.examples
    spec = TaskSpec(
        name=dataset_name(params.source),
        source=params.source,
        shape=stored.shape[1:],
        dtype=str(stored.dtype),
        classes=examples.classes,
        scale=examples.scale,
        offset=examples.offset,
        modality=examples.modality,
        vocabulary=vocabulary_size(steps) or examples.vocabulary,
        preprocess=write_steps(steps, out),
        inputs=input_names(steps) or examples.inputs,
        task=params.task,
        target=_target(plan, params),
        also=tuple(target.to_json() for target in plan.extra_targets),
    )
    write_spec(out, spec)
    return spec


def _target(plan: SplitPlan, params: DataParams) -> dict[str, Any]:
    """Return facts about targets: scale of numbers, form of images, or of texts."""
    if get(params.task).labels == "pairs":
        pairs = params.pairs
        return {"length": pairs.length, "steps": pairs.target_length + 1}
    if get(params.task).degrades and plan.examples.maps is not None:
        shape = list(plan.examples.maps.shape[1:])
        return {"shape": shape, "degradation": str_pipe(params.degradation)}
    return plan.target.to_json() if plan.target else {}


def _extension(plan: SplitPlan, params: DataParams) -> dict[str, Any]:
    """Count the examples of each source in each split."""
    edges = np.cumsum([0, *plan.merged.counts])
    counts = {name: np.histogram(p, edges)[0] for name, p in plan.indices.items()}
    return {
        "sources": list(params.sources),
        "examples": {name: per_source.tolist() for name, per_source in counts.items()},
    }


def _metrics(
    plan: SplitPlan, params: DataParams, out: Path, notes: tuple[str, ...]
) -> dict[str, Any]:
    shared = shared_hashes({n: plan.hashes[p] for n, p in plan.indices.items()})
    counts = {name: len(positions) for name, positions in plan.indices.items()}
    skipped = len(plan.merged.skipped)
    kind = (
        f"splits that share {quantity(shared, 'example')}"
        if shared
        else "disjoint splits"
    )
    left_out = f", {skipped} bad ones skipped" if skipped else ""
    used = np.zeros(len(plan.hashes), bool)
    for positions in plan.indices.values():
        used[positions] = True
    total = int(used.sum())
    warnings = "".join(f"; warning: {note}" for note in notes)
    return {
        "headline": (
            f"{quantity(total, 'example')}, {len(counts)} {kind}{left_out}{warnings}"
        ),
        **({"warnings": list(notes)} if notes else {}),
        "examples": counts,
        "origins": plan.merged.origins,
        "calibration": min(params.calibration, counts["train"]),
        **_balance(plan, out),
        "shared_between_splits": shared,
        "skipped": skipped,
        "stored_train": len(stored_rows(out, "train")),
        **plan.facts,
    }


def _balance(plan: SplitPlan, out: Path) -> dict[str, Any]:
    """Count examples, pixels or objects per class, or summarize the numbers."""
    if not plan.target and not plan.examples.classes:
        return {}
    if plan.target:
        y = plan.target.numbers(plan.y)
        numbers = {name: y[p] for name, p in plan.indices.items()}
        ranges = {name: _quartiles(y) for name, y in numbers.items() if len(y)}
        return {"numbers": ranges}
    classes = len(plan.examples.classes)
    if plan.examples.maps is not None:
        stored = {name: Rows(out / f"{name}_y.npy") for name in plan.indices}
        count = maps.counts_of
        balance = {name: count(y, classes).tolist() for name, y in stored.items()}
        return {"class_balance": balance}
    counts = {
        name: np.bincount(plan.y[p], minlength=classes).tolist()
        for name, p in plan.indices.items()
    }
    return {"class_balance": counts}


def _quartiles(y: np.ndarray) -> dict[str, float]:
    values = np.percentile(y, [0, 25, 50, 75, 100]).tolist()
    return dict(zip(("low", "quarter", "median", "three_quarters", "high"), values))
