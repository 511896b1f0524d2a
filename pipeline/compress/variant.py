"""One variant: a model and a recipe in, a folder with its file and what it is out.

    model.tflite    the file
    golden.npz      inputs and outputs, as the file takes and gives them
    state-N.tflite  the model after each technique but the last
    result.json     what it is; written last, so that a folder with it is finished

Runs in a process of its own. The file is read back and run: the row says what it
is, not what was asked for.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.augment.policy import Policy
from pipeline.compress.tflite.inspect import Facts, gzip_size, read_facts
from pipeline.compress.grammar import AWARE, Recipe
from pipeline.compress.rewrite.rebuild import answers
from pipeline.compress.tfmot.build import Built, CHECKED, FineTuning, build
from pipeline.compress.tfmot.distillation import Teacher
from pipeline.compress.selection.pareto_table import Row
from pipeline.compress.tflite.verify import broken_promises
from pipeline.inference.interpreter import LiteModel, quantize
from pipeline.compress.tflite.strip import check_same, shrink
from pipeline.data.artifact import Data
from pipeline.core.determinism import derive_seed
from pipeline.core.hashing import hash_file
from pipeline.core.json_io import read_json, write_json
from pipeline.training.losses import example_losses
from pipeline.training.params import FitSettings
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.models.files import load_model
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of

GOLDEN = 8  # examples in golden.npz
# Largest |file - model|, in units of the largest output: the file computes the same.
PARITY = {"float": 1e-4, "float16": 2e-2}


@dataclass(frozen=True)
class Variant:
    """A source and what is done to it.

    Args:
        part: of the epochs of each fine-tuning; below 1 it is a screen.
    """

    source: str
    recipe: Recipe
    part: float = 1.0

    @property
    def id(self) -> str:
        """Also the file's name: `student-prune0.6-pqat`."""
        return f"{self.source}-{self.recipe.slug}"

    @property
    def key(self) -> str:
        """Different for a screen and the full fine-tuning."""
        return self.id if self.part == 1 else f"{self.id}@{self.part:g}"

    @property
    def title(self) -> str:
        """For people: `student | prune(0.6) | pqat`."""
        return f"{self.source} | {self.recipe.text}"

    @property
    def trains(self) -> bool:
        """Whether it costs a fine-tuning."""
        return bool(self.recipe.techniques)


@dataclass(frozen=True)
class Workshop:
    """What every variant is made with.

    Args:
        models: source -> .keras file.
        policy: augmentation of the fine-tuning, as in training.
        settings: of every fine-tuning.
        taught: sources that imitate the baseline.
        imitation: its weight and temperature.
        threads: of the runtime.
        shrink: leave out of the file what no runtime reads.
        folder: a folder for each variant is made in it.
    """

    models: dict[str, Path]
    data: Data
    policy: Policy | None
    settings: FitSettings
    taught: tuple[str, ...]
    imitation: tuple[float, float]
    seed: int
    threads: int
    shrink: bool
    folder: Path

    @property
    def measure(self) -> TaskMetric:
        """The metric that decides, of the data's task."""
        return metric_of(self.data.spec)

    def evidence(self, model: LiteModel) -> np.ndarray:
        """What a file's answers to the validation examples are worth, `(n,)`."""
        spec, validation = self.data.spec, self.data.validation()
        outputs = model.logits(validation.x)
        inputs = spec.to_input(validation.x)
        return self.measure.evidence(outputs, inputs, validation.y)

    def value(self, evidence: np.ndarray) -> float:
        """The score on validation."""
        return self.measure.value(evidence, self.data.validation().y)

    def of(self, variant: Variant) -> Path:
        """The variant's folder."""
        return self.folder / variant.key

    def fine_tuning(self, variant: Variant) -> FineTuning:
        """How the techniques fit a model of this source."""
        epochs = max(1, math.ceil(variant.part * self.settings.epochs))
        return FineTuning(
            self.data.spec,
            self.data.train(),
            self.data.validation(),
            self.settings.model_copy(update={"epochs": epochs}),
            self.policy,
            derive_seed(self.seed, variant.source),
            self._teacher(variant),
        )

    def _teacher(self, variant: Variant) -> Teacher | None:
        weight, temperature = self.imitation
        if variant.source not in self.taught or not weight or not variant.trains:
            return None
        teacher = load_model(self.models["baseline"])
        teacher.trainable = False
        spec = self.data.spec
        classes = task_of(spec).predicts_classes
        loss = None if classes else example_losses(self.settings, spec)
        return Teacher(lambda x: answers(teacher, x), weight, temperature, loss)


def make(variant: Variant, shop: Workshop) -> Row:
    """Make the variant's folder and say what is in it.

    Returns:
        What `finished` gives: `row`, all but what compares it with other rows;
        `evidence`, a number for each validation example; and `ledger`.

    Raises:
        UserError: when the model, a technique or the export refuses.
    """
    folder = shop.of(variant)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    built = _built(variant, shop)
    content = _written(built.content, folder / "model.tflite", shop)
    model = LiteModel(folder / "model.tflite", shop.data.spec, shop.threads)
    _write_golden(model, folder / "golden.npz", shop)
    evidence = shop.evidence(model)
    row = {
        **_identity(variant),
        "file": f"variants/{variant.id}.tflite",
        "left_out": built.left_out,
        **_worth(evidence, shop),
        **_truth(variant, built, read_facts(content), _parity(built, model, shop)),
    }
    ledger = _ledger(variant, built, shop, row)
    return _finish(folder, row, evidence, ledger)


def finished(variant: Variant, shop: Workshop) -> Row | None:
    """What `make` returned in a run before this one, if its files are whole."""
    folder = shop.of(variant)
    path = folder / "result.json"
    found = read_json(path) if path.exists() else None
    return found if found and found["files"] == _hashes(folder) else None


def failed(
    variant: Variant, shop: Workshop, reason: str, status: str = "failed"
) -> Row:
    """The row of a variant without a file: the same keys, nothing measured."""
    worth = _worth(None, shop)
    return {
        **_identity(variant),
        **dict.fromkeys(("file", *worth, *MEASURED, "parity")),
        "status": status,
        "reason": reason,
        "left_out": [],
        "tensor_dtypes": {},
        "operators": {},
        "float_operators": [],
    }


def _finish(folder: Path, row: Row, evidence: np.ndarray, ledger: list[Row]) -> Row:
    """A result that is there is whole, whenever the process is killed."""
    told = {"row": row, "evidence": evidence.tolist(), "ledger": ledger}
    path = folder / "result.json"
    write_json(folder / "result.part", {**told, "files": _hashes(folder)})
    os.replace(folder / "result.part", path)
    return read_json(path)  # what a later run finds, the order of keys included


def _hashes(folder: Path) -> dict[str, str]:
    """Of all that was made; the working folder lives long, and disks err."""
    made = [p for p in sorted(folder.iterdir()) if not p.name.startswith("result.")]
    return {path.name: hash_file(path) for path in made}


def _identity(variant: Variant) -> Row:
    text = variant.recipe.text
    return {"id": variant.id, "source": variant.source, "recipe": text}


def _built(variant: Variant, shop: Workshop) -> Built:
    source = load_model(shop.models[variant.source])
    examples = shop.data.spec.to_input(shop.data.calibration().x)
    return build(source, variant.recipe, shop.fine_tuning(variant), examples)


def _worth(evidence: np.ndarray | None, shop: Workshop) -> Row:
    """The metric on validation, and what a task fixes there for each file."""
    decisions = shop.measure.decisions
    if evidence is None:
        return dict.fromkeys((shop.measure.key, *decisions))
    y = shop.data.validation().y
    fixed = {name: decide(evidence, y) for name, decide in decisions.items()}
    return {shop.measure.key: shop.value(evidence), **fixed}


def _truth(variant: Variant, built: Built, facts: Facts, parity: Row | None) -> Row:
    """What the file holds, and whether that is what its recipe says."""
    export = variant.recipe.export
    broken = broken_promises(facts, export, built.sparsity, built.few)
    broken += _apart(parity, export)
    return {
        "status": "broken" if broken else "ok",
        "reason": "; ".join(broken) or None,
        **_measured(facts),
        "parity": parity,
    }


def _written(content: bytes, path: Path, shop: Workshop) -> bytes:
    """Write a file, shrunk if that is wanted; what was written."""
    if shop.shrink:
        small = shrink(content)
        check_same(content, small)
        content = small
    path.write_bytes(content)
    return content


def _write_golden(model: LiteModel, path: Path, shop: Workshop) -> None:
    """Inputs and outputs to check another runtime with, in the file's own dtypes."""
    raw = shop.data.calibration().x[:GOLDEN]
    inputs = quantize(shop.data.spec.to_input(raw), model.input)
    np.savez(path, inputs=inputs, outputs=model.outputs(inputs))


def _parity(built: Built, model: LiteModel, shop: Workshop) -> Row | None:
    """How far the file is from the model that it was made from."""
    want = built.outputs
    got = model.logits(shop.data.calibration().x[:CHECKED])
    if want is None or got.shape != want.shape:
        return None
    scale = max(float(np.abs(want).max(initial=0.0)), 1e-12)
    largest = float(np.abs(want - got).max(initial=0.0)) / scale
    parity = {"largest": float(f"{largest:.3g}")}
    if task_of(shop.data.spec).predicts_classes:
        same = float(np.mean(want.argmax(-1) == got.argmax(-1)))
        parity["agreement"] = round(same, 6)
    return parity


def _apart(parity: Row | None, export: str) -> list[str]:
    """A file that must compute the same, and does not."""
    if parity is None:
        return ["the file's output has another shape than the model's"]
    if export in PARITY and not parity["largest"] <= PARITY[export]:
        return [
            f"the file differs from its model by {parity['largest']:.2g} of the "
            f"largest output (allowed: {PARITY[export]:g})"
        ]
    return []


def _ledger(variant: Variant, built: Built, shop: Workshop, row: Row) -> list[Row]:
    """The model after each step, the file itself last."""
    states = list(built.states)
    last = variant.recipe.export
    if states and last == "float":
        last = states.pop()[0]  # the same weights in the same kind of file
    elif variant.trains and variant.recipe.techniques[-1].name in AWARE:
        last = str(variant.recipe.techniques[-1])
    lines = []
    for number, (step, content) in enumerate(states, 1):
        path = shop.of(variant) / f"state-{number}.tflite"
        content = _written(content, path, shop)
        model = LiteModel(path, shop.data.spec, shop.threads)
        worth = {shop.measure.key: shop.value(shop.evidence(model))}
        lines.append({"step": step, **worth, **_sizes(content)})
    told = (shop.measure.key, "bytes_raw", "bytes_gzip")
    return [*lines, {"step": last, **{name: row[name] for name in told}}]


def _sizes(content: bytes) -> Row:
    return {"bytes_raw": len(content), "bytes_gzip": gzip_size(content)}


MEASURED = ("bytes_raw", "bytes_gzip", "weights", "sparsity", "distinct_weights")
MEASURED += ("per_channel", "macs", "arena_bytes")


def _measured(facts: Facts) -> dict[str, Any]:
    names = ("bytes_raw", "bytes_gzip", "weights", "tensor_dtypes", "operators")
    return {
        **{name: getattr(facts, name) for name in names},
        "sparsity": round(facts.sparsity, 6),
        "distinct_weights": max(facts.distinct, default=0),
        "per_channel": facts.per_channel,
        "float_operators": sorted(set(facts.floats)),
        "macs": facts.macs,
        "arena_bytes": facts.arena,
    }
