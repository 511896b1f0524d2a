"""robustness.json: the score under corruptions and attacks, on a recorded subset.

One task makes one kind of spoilt inputs and shows them to every file, so that none
is made twice; tasks run in processes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.artifact import Data, Split
from pipeline.core.determinism import derive_seed
from pipeline.evaluate.corruptions import SEVERITIES, Corruption, fitting, missing
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.evaluate.params import EvaluateParams
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of

CLEAN = "clean"
FGSM, PGD = "fgsm", "pgd"
Row = dict[str, Any]


@dataclass(frozen=True)
class RobustnessStudy:
    """The subset and who is tried on it.

    Args:
        files: variant -> its file.
        positions: of the subset in the test split, ascending.
        keras: the baseline's .keras file, on which attacks are made.
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

    def score(self, inputs: np.ndarray) -> dict[str, float]:
        """Variant -> its score on the subset, of which these are the model inputs."""
        metric, found = metric_of(self.data.spec), {}
        for name, path in self.files.items():
            model = BatchModel(path, self.data.spec, self.threads)
            found[name] = metric.of(model.answers(inputs), inputs, self.subset.y)
        return found


def choose(count: int, wanted: int, seed: int) -> np.ndarray:
    """Positions of a random subset, ascending; all where there are not more."""
    draw = np.random.default_rng(seed)
    return np.sort(draw.permutation(count)[: min(wanted, count)])


def tasks(study: RobustnessStudy) -> list[tuple[str, Any]]:
    """`(name, function)` of what there is to do, the longest first."""
    spec, steps = study.data.spec, study.data.steps()
    if not study.params.robustness:
        return []
    kinds = fitting(spec, steps)
    found: list[tuple[str, Any]] = []
    if why_no_attack(study) is None:
        found.append(("attacks", _attacked))
    found += [(kind.name, _Corrupted(kind)) for kind in kinds]
    return [*found, (CLEAN, _clean)]


def why_no_attack(study: RobustnessStudy) -> str | None:
    """Why no attack can be made, or None."""
    task = task_of(study.data.spec)
    if task.attacks:
        return f"fgsm, pgd: {task.attacks}, and this is {task.title}"
    if study.data.spec.modality == "text":
        return "fgsm, pgd: word numbers have no gradient"
    if not study.keras.is_file():
        return f"fgsm, pgd: {study.keras.name}, which they are made on, is not there"
    return None


def document(study: RobustnessStudy, found: Mapping[str, list[Row]]) -> Row:
    """The content of robustness.json.

    Args:
        found: task -> its conditions.
    """
    absent = [missing(study.data.spec, study.data.steps()), why_no_attack(study)]
    if not study.params.robustness:
        absent = ["all: evaluate.robustness is false"]
    order = [name for name, _ in tasks(study) if name not in (CLEAN, "attacks")]
    conditions = [row for name in order for row in found[name]]
    clean = found.get(CLEAN)
    return {
        "examples": len(study.positions),
        "positions": study.positions.tolist(),
        "clean": clean[0][study.key] if clean else {},
        "conditions": [*conditions, *found.get("attacks", [])],
        "absent": [reason for reason in absent if reason],
    }


def summaries(robust: Row, name: str, study: RobustnessStudy) -> Row:
    """What evaluation.json says of one variant: means over all conditions."""
    key = study.key

    def mean(kind: str) -> float | None:
        kept = [row for row in robust["conditions"] if row["kind"] == kind]
        values = [row[key][name] for row in kept]
        return float(np.mean(values)) if values else None

    attacked = {f"attacked_{key}": mean("attack")}
    return {
        f"corrupted_{key}": mean("corruption"),
        **({} if task_of(study.data.spec).attacks else attacked),
        f"subset_{key}": robust["clean"].get(name),
    }


@dataclass(frozen=True)
class _Corrupted:
    """One corruption, at every severity."""

    kind: Corruption

    def __call__(self, study: RobustnessStudy) -> list[Row]:
        return [self._at(study, severity) for severity in SEVERITIES]

    def _at(self, study: RobustnessStudy, severity: int) -> Row:
        seed = derive_seed(study.seed, "corrupt", self.kind.name, severity)
        inputs = self.kind.apply(study.subset.x, severity, seed)
        return {
            "kind": "corruption",
            "name": self.kind.name,
            "severity": severity,
            "amount": float(self.kind.amounts[severity - 1]),
            "unit": self.kind.unit,
            study.key: study.score(inputs),
        }


def _clean(study: RobustnessStudy) -> list[Row]:
    inputs = study.data.spec.to_input(study.subset.x)
    return [{study.key: study.score(inputs)}]


def _attacked(study: RobustnessStudy) -> list[Row]:
    """Made on the Keras model, shown to it and to every file."""
    from pipeline.evaluate import attacks
    from pipeline.models.files import load_model

    inputs, y = study.data.spec.to_input(study.subset.x), study.subset.y
    model = load_model(study.keras)
    gradient, attack = attacks.gradient_of(model), _attack(study, inputs)
    direction, rows = gradient(inputs, y), []
    for number, epsilon in enumerate(study.params.epsilons, 1):
        seed = derive_seed(study.seed, PGD, number)
        made = {
            FGSM: attacks.fgsm(direction, inputs, epsilon, attack),
            PGD: attacks.pgd(gradient, inputs, y, epsilon, attack, seed),
        }
        rows += [_shown(study, number, model, *each) for each in made.items()]
    return sorted(rows, key=lambda row: (row["name"], row["severity"]))


def _shown(study: RobustnessStudy, number: int, model: Any, name: str, spoilt: np.ndarray) -> Row:
    """What an attack with the epsilon of that number, from 1, does to every file."""
    own = np.argmax(model.predict(spoilt, verbose=0), axis=1)
    return {
        "kind": "attack",
        "name": name,
        "severity": number,
        "amount": study.params.epsilons[number - 1],
        "unit": _unit(study),
        "keras": float(np.mean(own == study.subset.y)),
        study.key: study.score(spoilt),
    }


def _attack(study: RobustnessStudy, inputs: np.ndarray):
    from pipeline.evaluate.attacks import Attack

    steps = study.params.attack_steps
    if study.data.spec.modality != "image":
        return Attack(1.0, steps)
    low, high = float(inputs.min()), float(inputs.max())
    return Attack(high - low, steps, low, high)


def _unit(study: RobustnessStudy) -> str:
    spec = study.data.spec
    if spec.modality == "image":
        return "epsilon, part of the range"
    return "epsilon, deviations" if spec.preprocess else "epsilon, as the data are"


def subset_of(test: Split, positions: np.ndarray) -> Split:
    """The examples at positions, in memory."""
    return Split(np.ascontiguousarray(test.x[positions]), test.y[positions])


def kinds(conditions: Sequence[Row]) -> list[str]:
    """Names of corruptions and attacks, each once, in their order."""
    return list(dict.fromkeys(row["name"] for row in conditions))
