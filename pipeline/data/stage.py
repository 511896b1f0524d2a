"""data: from a source to a signature and disjoint splits.

In: a source. Out: spec.json, the splits, splits.npz, preview.png; vocabulary.txt
for texts; duplicates.csv and skipped.csv where there are any; label_noise.csv,
label_errors.csv, balance.json, extension.json when asked for.
Run: python -m pipeline run data --exp digits
"""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data import class_balance, extension, labels, preview
from pipeline.data.artifact import Data, also_path, write_balance
from pipeline.data.examples import Examples
from pipeline.data.features import (
    Step,
    Vocabulary,
    apply_steps,
    learn_standardise,
    learn_vocabulary,
    write_steps,
)
from pipeline.data.extra_targets import Further, learn_further
from pipeline.data.sources.reader import write_skipped
from pipeline.data.params import DataParams, set_name
from pipeline.data.merge import Pool, read_pool
from pipeline.data.rows import Rows, RowWriter, chunks
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.data.split import (
    Places,
    calibration,
    check_classes,
    duplicates,
    hash_examples,
    repeated,
    shared_hashes,
    without_shared,
)
from pipeline.data.task import (
    ANOMALY_CLASSES,
    TASKS,
    Target,
    anomalies,
    learn_target,
    normal_only,
)
from pipeline.core.determinism import derive_seed
from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs


@dataclass(frozen=True)
class Plan:
    """What becomes of the pool: who goes where, under which label.

    Args:
        y: class numbers of the whole pool, as they are trained on; of a
            regression the numbers themselves.
        hashes: of the whole pool's raw examples.
        facts: for metrics.json.
        target: the scale of a regression's numbers.
        also: further targets.
    """

    pool: Pool
    places: Places
    y: np.ndarray
    hashes: np.ndarray
    facts: dict[str, Any]

    target: Target | None = None
    also: tuple[Further, ...] = ()

    @property
    def examples(self) -> Examples:
        """The pool's examples."""
        return self.pool.examples


def run(params: DataParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Read, check, split and write."""
    inputs.progress(f"reading {' and '.join(params.sources)}")
    with tempfile.TemporaryDirectory(prefix=".scratch", dir=out) as scratch:
        pool = read_pool(params, Path(scratch), inputs.seed)
        plan = _with_noise(
            _of_task(_planned(pool, params, out), params), params, inputs.seed, out
        )
        plan = _with_further(plan, params)
        steps = _steps(plan, params)
        inputs.progress("looking for label errors" if _looks(params) else "writing")
        plan = _without_errors(plan, steps, params, inputs.seed, out)
        _write(plan, steps, params, inputs.seed, out)
    spec = _write_signature(plan, steps, params, out)
    preview.draw(out / "preview.png", Data(out, spec))
    if pool.skipped:
        write_skipped(out / "skipped.csv", pool.skipped)
    if params.extend:
        write_json(out / extension.FILE, _extension(plan, params))
    return _metrics(plan, params, out)


def _planned(pool: Pool, params: DataParams, out: Path) -> Plan:
    hashes = hash_examples(pool.examples.x)
    found = duplicates({name: hashes[at] for name, at in pool.places.items()})
    _write_duplicates(out / "duplicates.csv", pool, hashes)
    places = pool.places
    if params.duplicates == "drop":
        places = without_shared(places, hashes)
        why = "data.duplicates: drop took them all; set it to report"
        check_classes(places["train"], pool.examples.y, pool.examples.classes, why)
    dropped = {
        f"dropped_from_{n}": len(pool.places[n]) - len(places[n]) for n in places
    }
    facts = {"duplicates": {**found, **dropped}}
    return Plan(pool, places, pool.examples.y, hashes, facts)


def _write_duplicates(path: Path, pool: Pool, hashes: np.ndarray) -> None:
    """Every example that stands in several splits, its twins below it."""
    found = repeated(pool.places, hashes)
    if not found:
        return
    y, classes = pool.examples.y, pool.examples.classes
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["content", "split", "position", "example", "label"])
        for split, one in found:
            label = classes[y[one]] if classes else f"{y[one]:g}"
            content = hashes[one].decode()
            writer.writerow([content, split, one, pool.examples.name(one), label])


def _of_task(plan: Plan, params: DataParams) -> Plan:
    """Labels as the task has them, and the scale of numbers to predict."""
    if params.task == "regression":
        train = plan.places["train"]
        train = train[train < plan.pool.first]
        target = learn_target(params.columns.label, plan.y[train])
        return replace(plan, target=target)
    if params.task == "anomaly":
        y = anomalies(plan.y, plan.examples.classes, params)
        examples = replace(plan.examples, y=y, classes=ANOMALY_CLASSES)
        places = normal_only(plan.places, y)
        left = len(plan.places["train"]) - len(places["train"])
        facts = {**plan.facts, "anomalies_left_out_of_train": left}
        pool = replace(plan.pool, examples=examples)
        return replace(plan, pool=pool, places=places, y=y, facts=facts)
    return plan


def _with_noise(plan: Plan, params: DataParams, seed: int, out: Path) -> Plan:
    if not params.labels.noise:
        return plan
    classes, train = plan.examples.classes, plan.places["train"]
    seed = derive_seed(seed, "label noise")
    noise = params.labels.noise
    changes = labels.add_noise(plan.y, train, noise, len(classes), seed)
    path, columns = out / "label_noise.csv", ("before", "after")
    labels.write_changes(path, changes, classes, plan.examples.name, columns)
    facts = {**plan.facts, "label_noise": len(changes)}
    return replace(plan, y=labels.relabelled(plan.y, changes), facts=facts)


def _with_further(plan: Plan, params: DataParams) -> Plan:
    """Further targets as the first source's training split teaches them."""
    train = plan.places["train"]
    train = train[train < plan.pool.first]
    also = tuple(
        learn_further(name, kind, plan.examples.also[name], train)
        for name, kind in params.also.items()
    )
    told = {one.name: len(one.classes) or one.kind for one in also}
    facts = {**plan.facts, "also": told} if also else plan.facts
    return replace(plan, also=also, facts=facts)


def _steps(plan: Plan, params: DataParams) -> tuple[Step, ...]:
    """The source's own steps, and what the first source's training split teaches."""
    examples, train = plan.examples, plan.places["train"]
    train = train[train < plan.pool.first]
    if examples.learns == "vocabulary":
        texts = (text for part in chunks(examples.x, train) for text in part)
        learnt = learn_vocabulary(texts, params.text.vocabulary, params.text.length)
        return (*examples.steps, learnt)
    if examples.learns == "standardise":
        batches = (apply_steps(examples.steps, b) for b in chunks(examples.x, train))
        return (*examples.steps, learn_standardise(batches))
    return examples.steps


def _looks(params: DataParams) -> bool:
    return params.labels.errors != "off"


def _without_errors(
    plan: Plan, steps: tuple[Step, ...], params: DataParams, seed: int, out: Path
) -> Plan:
    """List suspected label errors of train; drop or relabel them on request."""
    if not _looks(params):
        return plan
    at, examples = plan.places["train"], plan.examples
    x = np.concatenate([apply_steps(steps, part) for part in chunks(examples.x, at)])
    folds, words = params.labels.folds, _words(steps)
    found = labels.suspects(x, plan.y[at], at, folds, seed, words)
    path, classes = out / "label_errors.csv", examples.classes
    columns = ("label", "suggested")
    labels.write_changes(path, found, classes, examples.name, columns)
    plan = replace(plan, facts={**plan.facts, "suspected_label_errors": len(found)})
    if params.labels.errors == "relabel":
        return replace(plan, y=labels.relabelled(plan.y, found))
    if params.labels.errors == "drop":
        kept = at[~np.isin(at, [change.at for change in found])]
        why = "data.labels.errors: drop took them all; set it to list"
        check_classes(kept, plan.y, examples.classes, why)
        return replace(plan, places={**plan.places, "train": kept})
    return plan


def _write(
    plan: Plan, steps: tuple[Step, ...], params: DataParams, seed: int, out: Path
) -> None:
    train = plan.places["train"]
    strata = plan.examples.strata if plan.target else plan.y
    chosen = calibration(strata[train], params.calibration, seed)
    index = {f"{name}_index": at for name, at in plan.places.items()}
    digests = {f"{name}_hash": plan.hashes[at] for name, at in plan.places.items()}
    if params.balance == "resample":
        train = np.concatenate([train, train[class_balance.repeats(plan.y[train], seed)]])
    groups = _groups(plan, params, train)
    np.savez(out / "splits.npz", calibration=chosen, **index, **digests, **groups)
    for name, at in {**plan.places, "train": train}.items():
        _write_split(plan, steps, name, at, out)
    if params.balance != "none":
        weights = class_balance.class_weights(plan.y[train], len(plan.examples.classes))
        write_balance(out, params.balance, weights)


def _groups(plan: Plan, params: DataParams, train: np.ndarray) -> dict[str, np.ndarray]:
    """What later splits must not tear apart: groups, or copies of an example."""
    groups = plan.examples.groups
    if groups is None and params.balance != "resample":
        return {}
    whole = np.arange(len(plan.y)) if groups is None else groups
    _, number = np.unique(whole, return_inverse=True)
    validation = plan.places["validation"]
    return {"train_group": number[train], "validation_group": number[validation]}


def _write_split(
    plan: Plan, steps: tuple[Step, ...], name: str, at: np.ndarray, out: Path
) -> None:
    y = plan.target.scaled(plan.y[at]) if plan.target else plan.y[at]
    np.save(out / f"{name}_y.npy", y)
    for number, one in enumerate(plan.also):
        values = one.stored(plan.examples.also[one.name][at])
        np.save(also_path(out, name, number), values)
    writer = None
    for part in chunks(plan.examples.x, at):
        stored = apply_steps(steps, part)
        if writer is None:
            path = out / f"{name}_x.npy"
            writer = RowWriter(path, stored.shape[1:], stored.dtype)
        writer.append(stored)
    writer.close()


def _write_signature(
    plan: Plan, steps: tuple[Step, ...], params: DataParams, out: Path
) -> TaskSpec:
    stored, examples = Rows(out / "train_x.npy"), plan.examples
    spec = TaskSpec(
        name=set_name(params.source),
        source=params.source,
        shape=stored.shape[1:],
        dtype=str(stored.dtype),
        classes=examples.classes,
        scale=examples.scale,
        offset=examples.offset,
        modality=examples.modality,
        vocabulary=_words(steps),
        preprocess=write_steps(steps, out),
        inputs=examples.inputs,
        task=TASKS[params.task],
        target=plan.target.to_json() if plan.target else {},
        also=tuple(one.to_json() for one in plan.also),
    )
    write_spec(out, spec)
    return spec


def _extension(plan: Plan, params: DataParams) -> dict[str, Any]:
    """How many examples of each split are of which source."""
    edges = np.cumsum([0, *plan.pool.counts])
    parts = {name: np.histogram(at, edges)[0] for name, at in plan.places.items()}
    return {
        "sources": list(params.sources),
        "examples": {name: counts.tolist() for name, counts in parts.items()},
    }


def _words(steps: tuple[Step, ...]) -> int:
    return next((len(s.words) for s in steps if isinstance(s, Vocabulary)), 0)


def _metrics(plan: Plan, params: DataParams, out: Path) -> dict[str, Any]:
    shared = shared_hashes({n: plan.hashes[at] for n, at in plan.places.items()})
    counts = {name: len(at) for name, at in plan.places.items()}
    total = sum(counts.values())
    skipped = len(plan.pool.skipped)
    kind = f"splits that share {shared:,} examples" if shared else "disjoint splits"
    left = f", {skipped} bad ones skipped" if skipped else ""
    return {
        "headline": f"{total:,} examples, {len(counts)} {kind}{left}",
        "examples": counts,
        "calibration": min(params.calibration, counts["train"]),
        **_balance(plan),
        "shared_between_splits": shared,
        "skipped": skipped,
        "stored_train": len(Rows(out / "train_x.npy")),
        **plan.facts,
    }


def _balance(plan: Plan) -> dict[str, Any]:
    """How many examples of each class each split has, or how its numbers lie."""
    if plan.target:
        numbers = {name: plan.y[at] for name, at in plan.places.items()}
        return {"numbers": {name: _summary(y) for name, y in numbers.items()}}
    classes = len(plan.examples.classes)
    counts = {
        name: np.bincount(plan.y[at], minlength=classes).tolist()
        for name, at in plan.places.items()
    }
    return {"class_balance": counts}


def _summary(y: np.ndarray) -> dict[str, float]:
    quartiles = np.percentile(y, [0, 25, 50, 75, 100]).tolist()
    return dict(zip(("low", "quarter", "median", "three_quarters", "high"), quartiles))
