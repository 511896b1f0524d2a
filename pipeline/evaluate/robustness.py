"""Robustness study: the metric under corruptions and attacks, for robustness.json.

In: a recorded subset of the test split and all exported files. Out: one row per
condition. A task creates one kind of perturbed inputs and evaluates every file on them,
so that no input is computed twice; tasks run in processes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Data, Split
from pipeline.evaluate.corruptions.choice import corruptions_for, missing_corruptions
from pipeline.evaluate.corruptions.corruption import SEVERITIES, Corruption
from pipeline.evaluate.evaluation import RobustnessSummary
from pipeline.evaluate.params import EvaluateParams
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of

if TYPE_CHECKING:  # TensorFlow is imported in the process of the attacks only
    from pipeline.evaluate.attacks import Attack

CLEAN, ATTACKS = "clean", "attacks"
FGSM, PGD = "fgsm", "pgd"
CORRUPTION, ATTACK = "corruption", "attack"
Row = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """Metric of every file on one kind of inputs.

    Args:
        kind: `corruption`, `attack` or `clean`.
        name: such as `noise` or `fgsm`.
        severity: from 1.
        amount: strength of the severity, in `unit`.
        unit: unit of the amount.
        scores: variant -> metric.
        keras: accuracy of the attacked Keras model; None for other conditions.
    """

    kind: str
    name: str
    severity: int
    amount: float
    unit: str
    scores: Mapping[str, float]
    keras: float | None = None

    def to_json(self, key: str) -> Row:
        """Return a row of robustness.json.

        Args:
            key: key of the metric.
        """
        return {
            "kind": self.kind,
            "name": self.name,
            "severity": self.severity,
            "amount": self.amount,
            "unit": self.unit,
            **({} if self.keras is None else {"keras": self.keras}),
            key: dict(self.scores),
        }


@dataclass(frozen=True)
class RobustnessStudy:
    """The subset, and the files that are evaluated on it.

    Args:
        data: the published data.
        subset: examples of the test split.
        positions: positions of the subset in the test split, ascending, `(n,)`.
        files: variant -> its .tflite file.
        keras: .keras file of the baseline, whose gradients are attacked.
        params: parameters of the stage.
        seed: seed of the experiment.
        threads: threads of the interpreter.
    """

    data: Data
    subset: Split
    positions: np.ndarray
    files: Mapping[str, Path]
    keras: Path
    params: EvaluateParams
    seed: int
    threads: int

    @property
    def key(self) -> str:
        """Key of the metric, such as `accuracy`."""
        return task_of(self.data.spec).metric.key

    def scores(self, inputs: np.ndarray) -> dict[str, float]:
        """Evaluate every file.

        Args:
            inputs: model inputs of the subset, perturbed or clean, `(n, *shape)`.

        Returns:
            Variant -> metric.
        """
        metric, scores = metric_of(self.data.spec), {}
        for name, path in self.files.items():
            model = BatchModel(path, self.data.spec, self.threads)
            scores[name] = metric.of_batches(model.predict, inputs, self.subset.y)
        return scores


@dataclass(frozen=True)
class Robustness:
    """The results of a study.

    Args:
        study: the study.
        clean: variant -> metric on the clean subset; empty without a study.
        conditions: corruptions, then attacks.
        absent: conditions that were left out, each with the reason.
    """

    study: RobustnessStudy
    clean: Mapping[str, float]
    conditions: tuple[Condition, ...]
    absent: tuple[str, ...]

    def summary(self, variant: str) -> RobustnessSummary:
        """Return the means over all conditions of one variant."""
        attackable = not task_of(self.study.data.spec).attacks
        return RobustnessSummary(
            key=self.study.key,
            corrupted=self._mean(CORRUPTION, variant),
            attacked=self._mean(ATTACK, variant),
            subset=self.clean.get(variant),
            attackable=attackable,
        )

    def _mean(self, kind: str, variant: str) -> float | None:
        values = [row.scores[variant] for row in self.conditions if row.kind == kind]
        return float(np.mean(values)) if values else None

    def to_json(self) -> Row:
        """Return the content of robustness.json."""
        return {
            "examples": len(self.study.positions),
            "positions": self.study.positions.tolist(),
            "clean": dict(self.clean),
            "conditions": [row.to_json(self.study.key) for row in self.conditions],
            "absent": list(self.absent),
        }


Task = Callable[[RobustnessStudy], list[Condition]]


def choose(count: int, size: int, seed: int) -> np.ndarray:
    """Draw a random subset.

    Args:
        count: number of examples to choose from.
        size: number of examples to choose; all if there are fewer.
        seed: equal seeds draw equal subsets.

    Returns:
        Positions, ascending.
    """
    rng = np.random.default_rng(seed)
    return np.sort(rng.permutation(count)[: min(size, count)])


def subset_of(split: Split, positions: np.ndarray) -> Split:
    """Load the examples at some positions into memory."""
    return Split(np.ascontiguousarray(split.x[positions]), split.y[positions])


def tasks(study: RobustnessStudy) -> list[tuple[str, Task]]:
    """Return the name and function of every task of a study, the longest first."""
    if not study.params.robustness or task_of(study.data.spec).interactive:
        return []
    attacks = [] if attacks_missing(study) else [(ATTACKS, _attack_all)]
    corruptions = corruptions_for(study.data.spec, study.data.steps())
    return [*attacks, *((c.name, _Corrupt(c)) for c in corruptions), (CLEAN, _clean)]


def attacks_missing(study: RobustnessStudy) -> str | None:
    """Return why no attack can be computed, or None."""
    task = task_of(study.data.spec)
    if task.attacks:
        return f"fgsm, pgd: {task.attacks}, and this is {task.title}"
    if study.data.spec.modality == "text":
        return "fgsm, pgd: token numbers have no gradient"
    if not study.keras.is_file():
        return f"fgsm, pgd: {study.keras.name} of the baseline is missing"
    return None


def collect(
    study: RobustnessStudy, results: Mapping[str, list[Condition]]
) -> Robustness:
    """Collect the results of all tasks.

    Args:
        study: the study.
        results: name of a task -> its conditions.
    """
    corruptions = [name for name, _ in tasks(study) if name not in (CLEAN, ATTACKS)]
    conditions = [
        row for name in (*corruptions, ATTACKS) for row in results.get(name, [])
    ]
    clean = results.get(CLEAN)
    return Robustness(
        study, clean[0].scores if clean else {}, tuple(conditions), _absent(study)
    )


def _absent(study: RobustnessStudy) -> tuple[str, ...]:
    if not study.params.robustness:
        return ("all: evaluate.robustness is false",)
    corruptions = missing_corruptions(study.data.spec, study.data.steps())
    return tuple(reason for reason in (corruptions, attacks_missing(study)) if reason)


@dataclass(frozen=True)
class _Corrupt:
    """A task: one corruption at every severity."""

    corruption: Corruption

    def __call__(self, study: RobustnessStudy) -> list[Condition]:
        return [self._condition(study, severity) for severity in SEVERITIES]

    def _condition(self, study: RobustnessStudy, severity: int) -> Condition:
        seed = derive_seed(study.seed, "corrupt", self.corruption.name, severity)
        inputs = self.corruption.apply(study.subset.x, severity, seed)
        return Condition(
            kind=CORRUPTION,
            name=self.corruption.name,
            severity=severity,
            amount=float(self.corruption.amounts[severity - 1]),
            unit=self.corruption.unit,
            scores=study.scores(inputs),
        )


def _clean(study: RobustnessStudy) -> list[Condition]:
    inputs = study.data.spec.to_input(study.subset.x)
    return [Condition(CLEAN, CLEAN, 0, 0.0, "", study.scores(inputs))]


def _attack_all(study: RobustnessStudy) -> list[Condition]:
    """A task: attacks on the Keras model, transferred to every file."""
    from pipeline.evaluate import attacks
    from pipeline.models.files import load_model

    inputs, y = study.data.spec.to_input(study.subset.x), study.subset.y
    model = load_model(study.keras)
    gradient, attack = attacks.gradient_sign(model), _limits(study, inputs)
    direction, conditions = gradient(inputs, y), []
    for severity, epsilon in enumerate(study.params.epsilons, 1):
        seed = derive_seed(study.seed, PGD, severity)
        perturbed = {
            FGSM: attacks.fgsm(direction, inputs, epsilon, attack),
            PGD: attacks.pgd(gradient, inputs, y, epsilon, attack, seed),
        }
        for name, attacked in perturbed.items():
            conditions.append(_transfer(study, model, name, severity, attacked))
    return sorted(conditions, key=lambda row: (row.name, row.severity))


def _transfer(
    study: RobustnessStudy, model: Any, name: str, severity: int, inputs: np.ndarray
) -> Condition:
    """Evaluate the Keras model and every file on attacked inputs."""
    predicted = np.argmax(model.predict(inputs, verbose=0), axis=1)
    return Condition(
        kind=ATTACK,
        name=name,
        severity=severity,
        amount=study.params.epsilons[severity - 1],
        unit=_unit(study),
        scores=study.scores(inputs),
        keras=float(np.mean(predicted == study.subset.y)),
    )


def _limits(study: RobustnessStudy, inputs: np.ndarray) -> Attack:
    from pipeline.evaluate.attacks import Attack

    steps = study.params.attack_steps
    if study.data.spec.modality != "image":
        return Attack(1.0, steps)
    low, high = float(inputs.min()), float(inputs.max())
    return Attack(high - low, steps, low, high)


def _unit(study: RobustnessStudy) -> str:
    spec = study.data.spec
    if spec.modality == "image":
        return "epsilon, fraction of the range"
    if spec.preprocess:
        return "epsilon, standard deviations"
    return "epsilon, unit of the data"
