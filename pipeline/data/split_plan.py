"""From merged examples to final splits, labels and targets; nothing is stored yet.

In: examples of all sources, split. Out: a `SplitPlan`; duplicates.csv, label_noise.csv
and label_errors.csv, where there are any.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.data import labels
from pipeline.data.duplicates import (
    duplicates,
    hash_examples,
    repeated,
    without_shared,
)
from pipeline.data.examples import Examples
from pipeline.data.extra_targets import ExtraTarget, learn_extra_target
from pipeline.data.features import Step, Vocabulary, apply_steps, find_step
from pipeline.data.image_steps import learn_pixel_range
from pipeline.data.learned_steps import learn_standardise, learn_vocabulary
from pipeline.data.merge import MergedExamples
from pipeline.data.pairs import learn_pairs
from pipeline.data.params import DataParams
from pipeline.data.rows import chunks
from pipeline.data.split import (
    SplitIndices,
    check_classes,
)
from pipeline.data.table_steps import EncodeColumns, learn_columns
from pipeline.tasks.pair_tokens import PairTokens
from pipeline.tasks.registry import for_chain, get
from pipeline.tasks.targets import Labels, Scale, Targets


@dataclass(frozen=True)
class SplitPlan:
    """Splits, labels and targets of merged examples.

    Args:
        merged: examples of all sources, as they were read.
        indices: split -> positions in `merged`; some examples may be left out.
        y: targets of all examples, as they are trained on, `(n,)`: class numbers, or
            numbers to predict.
        hashes: content hashes of all raw examples, `(n,)`.
        facts: entries of metrics.json.
        target: the scale of numbers to predict.
        extra_targets: in the order of spec.json.
    """

    merged: MergedExamples
    indices: SplitIndices
    y: np.ndarray
    hashes: np.ndarray
    facts: dict[str, Any]

    target: Scale | None = None
    extra_targets: tuple[ExtraTarget, ...] = ()

    @property
    def examples(self) -> Examples:
        """Examples of all sources."""
        return self.merged.examples

    @property
    def fitted_on(self) -> np.ndarray:
        """Positions of the first source's training examples, which set scales."""
        train = self.indices["train"]
        return train[train < self.merged.first]


def plan_splits(
    merged: MergedExamples, params: DataParams, seed: int, out: Path
) -> SplitPlan:
    """Decide splits, labels and targets, except for label errors.

    Args:
        merged: examples of all sources.
        params: the data section.
        seed: of the label noise.
        out: folder for duplicates.csv and label_noise.csv.

    Raises:
        UserError: when a class has no training example left, or the labels do not serve
            the task.
    """
    plan = _with_task(_without_duplicates(merged, params, out), params)
    plan = _with_noise(plan, params, seed, out)
    return _with_extra_targets(plan, params)


def _without_duplicates(
    merged: MergedExamples, params: DataParams, out: Path
) -> SplitPlan:
    examples, indices = merged.examples, merged.indices
    # Noise hides copies of an image, so the clean ones are compared.
    clean = examples.maps if get(params.task).degrades else None
    hashes = hash_examples(examples.x if clean is None else clean)
    counts = duplicates({name: hashes[p] for name, p in indices.items()})
    _write_duplicates(out / "duplicates.csv", merged, hashes)
    if params.duplicates == "drop":
        indices = without_shared(indices, hashes)
        advice = "data.duplicates: drop removed all of them; set it to report"
        named = () if examples.unseen else examples.classes
        check_classes(indices["train"], examples.y, named, advice)
    for name, positions in indices.items():
        counts[f"dropped_from_{name}"] = len(merged.indices[name]) - len(positions)
    return SplitPlan(merged, indices, examples.y, hashes, {"duplicates": counts})


def _write_duplicates(path: Path, merged: MergedExamples, hashes: np.ndarray) -> None:
    """List every example that is in several splits, equal ones together."""
    listed = repeated(merged.indices, hashes)
    if not listed:
        return
    examples = merged.examples
    y, classes = examples.y, examples.classes
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["content", "split", "position", "example", "label"])
        for split, position in listed:
            number = y[position].reshape(-1)[0]
            label = classes[number] if classes else f"{number:g}"
            content = hashes[position].decode()
            row = [content, split, position, examples.name(position), label]
            writer.writerow(row)


def _with_task(plan: SplitPlan, params: DataParams) -> SplitPlan:
    """Let the task turn labels into targets."""
    prepare: Targets = for_chain(params.task).part("targets")
    labels = Labels(
        plan.y,
        plan.examples.classes,
        plan.indices,
        plan.merged.first,
        plan.examples.facts,
    )
    prepared = prepare(labels, params)
    examples = replace(plan.examples, y=prepared.y, classes=prepared.classes)
    return replace(
        plan,
        merged=replace(plan.merged, examples=examples),
        indices=dict(prepared.indices),
        y=prepared.y,
        facts={**plan.facts, **prepared.facts},
        target=prepared.target,
    )


def _with_noise(plan: SplitPlan, params: DataParams, seed: int, out: Path) -> SplitPlan:
    noise = params.labels.noise
    if not noise:
        return plan
    classes, train = plan.examples.classes, plan.indices["train"]
    noise_seed = derive_seed(seed, "label noise")
    changes = labels.add_noise(plan.y, train, noise, len(classes), noise_seed)
    path, columns = out / "label_noise.csv", ("before", "after")
    labels.write_changes(path, changes, classes, plan.examples.name, columns)
    facts = {**plan.facts, "label_noise": len(changes)}
    return replace(plan, y=labels.with_changes(plan.y, changes), facts=facts)


def _with_extra_targets(plan: SplitPlan, params: DataParams) -> SplitPlan:
    targets = tuple(
        learn_extra_target(
            name, kind, plan.examples.extra_targets[name], plan.fitted_on
        )
        for name, kind in params.extra_targets.items()
    )
    if not targets:
        return plan
    sizes = {target.name: len(target.classes) or target.kind for target in targets}
    facts = {**plan.facts, "extra_targets": sizes}
    return replace(plan, extra_targets=targets, facts=facts)


def learn_steps(plan: SplitPlan, params: DataParams) -> tuple[Step, ...]:
    """Return the source's own steps, and the steps fitted on its training split.

    Args:
        plan: the final splits.
        params: the data section.
    """
    examples = plan.examples
    if examples.learns == "vocabulary":
        texts = (text for part in _train_chunks(plan) for text in part)
        words = learn_vocabulary(texts, params.text.vocabulary, params.text.length)
        return (*examples.steps, words)
    if examples.learns == "pair_tokens":
        texts = (text for part in _train_chunks(plan) for text in part)
        return (*examples.steps, learn_pairs(texts, params.pairs))
    if examples.learns == "standardise":
        return _learn_scale(plan, params)
    if examples.learns == "pixel_range":
        ends = [(part.min(), part.max()) for part in _train_chunks(plan)]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        return (*examples.steps, learn_pixel_range(int(low), int(high)))
    return examples.steps


def _train_chunks(plan: SplitPlan) -> Iterator[np.ndarray]:
    return chunks(plan.examples.x, plan.fitted_on)


def _learn_scale(plan: SplitPlan, params: DataParams) -> tuple[Step, ...]:
    """Encode the columns of a table where it has categories or gaps; standardize."""
    examples, steps, unchanged = plan.examples, plan.examples.steps, None
    gaps = examples.modality == "table" and params.columns.gaps == "median"
    if examples.categories or gaps:
        names, categories = examples.inputs, examples.categories
        encode = learn_columns(_train_chunks(plan), names, categories)
        steps, unchanged = (*steps, encode), encode.indicators
    batches = (apply_steps(steps, part) for part in _train_chunks(plan))
    return (*steps, learn_standardise(batches, unchanged))


def input_names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the names of the model's inputs where columns are encoded, else none."""
    encode = find_step(steps, EncodeColumns)
    return encode.outputs if encode else ()


def vocabulary_size(steps: tuple[Step, ...]) -> int:
    """Return the number of word or character numbers; 0 without a vocabulary."""
    if pairs := find_step(steps, PairTokens):
        return pairs.size
    vocabulary = find_step(steps, Vocabulary)
    return len(vocabulary.words) if vocabulary else 0


def without_label_errors(
    plan: SplitPlan,
    steps: tuple[Step, ...],
    params: DataParams,
    seed: int,
    out: Path,
) -> SplitPlan:
    """List suspected label errors of the training split; drop or relabel on request.

    Args:
        plan: the final splits.
        steps: the preprocessing, see `learn_steps`.
        params: the data section.
        seed: of the search.
        out: folder for label_errors.csv.

    Raises:
        UserError: when a class has no training example left.
    """
    action = params.labels.label_errors
    if action == "off":
        return plan
    train, classes = plan.indices["train"], plan.examples.classes
    errors = _find_label_errors(plan, steps, params.labels.folds, seed)
    path, columns = out / "label_errors.csv", ("label", "suggested")
    labels.write_changes(path, errors, classes, plan.examples.name, columns)
    plan = replace(plan, facts={**plan.facts, "suspected_label_errors": len(errors)})
    if action == "relabel":
        return replace(plan, y=labels.with_changes(plan.y, errors))
    if action == "drop":
        kept = train[~np.isin(train, [change.position for change in errors])]
        advice = "data.labels.label_errors: drop removed all of them; set it to list"
        check_classes(kept, plan.y, classes, advice)
        return replace(plan, indices={**plan.indices, "train": kept})
    return plan


def _find_label_errors(
    plan: SplitPlan, steps: tuple[Step, ...], folds: int, seed: int
) -> list[labels.LabelChange]:
    train, raw = plan.indices["train"], plan.examples.x
    x = np.concatenate([apply_steps(steps, part) for part in chunks(raw, train)])
    words = vocabulary_size(steps)
    return labels.find_label_errors(x, plan.y[train], train, folds, seed, words)
