"""A published experiment of three classes, small enough to be written by hand.

Four files were built: the float baseline, two smaller ones, and one that failed; a
fifth is broken. Test accuracies come from true answers through evaluate's own code.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.hashing import hash_folder, hash_value
from pipeline.core.json_io import read_json, write_json
from pipeline.data.spec import TaskSpec, read_spec, write_spec
from pipeline.engine.stage import COMMON_VOLATILE, Inputs
from pipeline.metrics import calibration
from pipeline.tasks.classification.comparison import Predictions, compare
from pipeline.tasks.registry import get
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.tune.artifact import Best, write_best, write_search, write_trials

STAGES = ("data", "augment", "tune", "train", "distill", "compress", "evaluate")
COUNT = 200
Y = np.arange(COUNT) % 3
VALUES = {"filters": 8, "learning_rate": 0.00125}
# Variant -> accuracy on validation, mistakes on test, bytes raw and gzip.
FILES = {
    "baseline-float": (0.98, range(4), 40_000, 30_000),
    "baseline-int8": (0.98, range(6), 12_000, 9_000),
    "student-int8": (0.975, range(2, 9), 4_000, 3_000),
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAA"
    "AABJRU5ErkJggg=="
)
RECIPES = {"baseline-float": "float", "baseline-int8": "int8", "student-int8": "int8"}
MEASURED = {
    "latency_ms": {
        "student-int8": {"median": 0.0124},
        "baseline-float": {"median": 0.05},
    },
    "latency_words": {
        "student-int8": "4.0x faster",
        "baseline-float": "no measurable difference",
    },
    "latency_conditions": {"threads": 1, "delegate": "default"},
}
HOST = {
    "machine": "abacus",
    "processors": 2,
    "system": "beads",
    "host": "secret",
    "started": "2026-01-02T03:04:05Z",
    "seconds": 1.5,
}


class Published:
    """The folders of all stages, which a test may change before it reports."""

    def __init__(self, folder: Path, classes: tuple[str, ...] = ("a", "b", "c")):
        self.folder = folder / "toy"
        self.folders = {name: self.folder / name for name in STAGES}
        for path in self.folders.values():
            path.mkdir(parents=True)
        self.out = self.folder / "report"
        self.out.mkdir()
        self._write_data(classes)
        self._write_models()
        self._write_compress()
        self._write_evaluation(classes)
        for name in STAGES:
            self._write_record(name)

    def inputs(self) -> Inputs:
        """What the engine hands to the stage."""
        return Inputs(self.folders, seed=1)

    def change(self, stage: str, file: str, alter: Callable[[Any], Any]) -> None:
        """Alter the content of one JSON file, in place or by a new value."""
        path = self.folders[stage] / file
        content = read_json(path)
        changed = alter(content)
        write_json(path, content if changed is None else changed)

    def become(self, task: str) -> None:
        """Turn the classification into another task with the same numbers.

        Args:
            task: as spec.json names it.
        """
        as_task(self, task)

    def draw(self, stage: str, file: str) -> Path:
        """Publish a picture of one pixel."""
        path = self.folder / stage / file
        path.write_bytes(base64.b64decode(PIXEL))
        return path

    def _write_data(self, classes: tuple[str, ...]) -> None:
        spec = TaskSpec("toy", "sklearn:toy", (2, 2, 1), "uint8", classes, scale=0.5)
        write_spec(self.folders["data"], spec)
        counts = {"train": 900, "validation": 200, "test": COUNT}
        (self.folders["data"] / "splits.npz").write_bytes(b"positions")
        metrics = {
            "examples": counts,
            "calibration": 50,
            "class_balance": {name: [n // 3] * 3 for name, n in counts.items()},
            "shared_between_splits": 0,
        }
        write_json(self.folders["data"] / "metrics.json", metrics)

    def _write_models(self) -> None:
        write_best(self.folders["tune"], Best("cnn", VALUES, 0.98, 9_999, trial=1))
        trials = [_trial(0, 0.9712345678, 0.001), _trial(1, 0.98, 0.00125)]
        write_trials(self.folders["tune"], trials)
        space = [{"name": "learning_rate", "kind": "float"}]
        write_search(self.folders["tune"], trials, space)
        for stage, weights in (("train", 9_999), ("distill", 1_234)):
            architecture = Architecture("cnn", VALUES, weights)
            write_architecture(self.folders[stage], architecture)
            self.draw(stage, "curves.png")

    def _write_compress(self) -> None:
        points = [_point(name, *facts) for name, facts in FILES.items()]
        points.append(
            _point("student-qat", 0.5, (), 4_100, 3_100)
            | {"status": "broken", "reason": "QUANTIZE works on <float32>"}
        )
        nothing = (
            "file",
            "accuracy",
            "drop",
            "drop_interval",
            "bytes_raw",
            "bytes_gzip",
            "bytes_flash",
            "weights",
        )
        points.append(
            _point("student-prune0.5", None, (), 0, 0)
            | dict.fromkeys(nothing)
            | {"status": "failed", "reason": "memory ran out", "dominated": True}
        )
        document = {
            "budget": {"max_drop": 0.01, "max_bytes": None, "size_metric": "gzip"},
            "size_metric": "gzip",
            "baseline": "baseline-float",
            "chosen": "student-int8",
            "points": points,
        }
        write_json(self.folders["compress"] / "pareto.json", document)
        (self.folders["compress"] / "best.tflite").write_bytes(b"the chosen file")

    def _write_evaluation(self, classes: tuple[str, ...]) -> None:
        answers = {
            name: Predictions(Y, 3.0 * np.eye(3)[_answers(facts[1])], 1.5)
            for name, facts in FILES.items()
        }
        reference = answers["baseline-float"]
        rows = [
            _name(name)
            | {"bytes_raw": FILES[name][2], "bytes_gzip": FILES[name][3]}
            | {"input": _tensor("int8", 0.25), "output": _tensor("int8", 0.5)}
            | compare(reference, answer, resamples=200, seed=1).to_json()
            | dict.fromkeys(("corrupted_accuracy", "attacked_accuracy"), 0.75)
            for name, answer in answers.items()
        ]
        document = {"baseline": "baseline-float", "chosen": "student-int8"}
        document |= {"examples": COUNT, "classes": list(classes), "variants": rows}
        write_json(self.folders["evaluate"] / "evaluation.json", document)
        self.draw("evaluate", "confusion.png")
        write_extras(self.folders, answers)

    def _write_record(self, stage: str) -> None:
        folder = self.folders[stage]
        volatile = MEASURED if stage == "compress" else {}
        write_json(folder / "run.json", {**HOST, "volatile": volatile})
        metrics = folder / "metrics.json"
        known = read_json(metrics) if metrics.is_file() else {}
        write_json(metrics, {**known, "headline": f"{stage} is well"})
        parts = {"params": {"knob": stage}, "settings": {"seed": 1, "threads": 1}}
        parts |= {"libraries": {"numpy": "2.4.6"}, "inputs": {}, "code": {}}
        outputs = hash_folder(folder, frozenset(COMMON_VOLATILE))
        record = {"parts": parts, "outputs": outputs, "fingerprint": hash_value(stage)}
        write_json(folder / "stage.json", record)


KEPT = {"id", "source", "recipe", "bytes_raw", "bytes_gzip", "input", "output"}
KEPT |= {"drop", "drop_interval"}  # what every task's evaluation has
MEASURES = {
    "regression": {"mae": 0.5, "rmse": 1.25, "change": {}},
    "anomaly_detection": {"threshold": 0.0123, "found": 0.9, "false_alarms": 0.05},
}
SPECS: dict[str, dict[str, Any]] = {
    "regression": {
        "classes": (),
        "target": {"name": "price", "mean": 3.0, "deviation": 1.5},
    },
    "anomaly_detection": {"classes": ("normal", "odd")},
}
SPLITS = {
    "regression": ("numbers", {"low": 0.5, "high": 12345.0}),
    "anomaly_detection": ("class_balance", [10, 3]),
}


def as_task(published: Published, task: str) -> None:
    """Rewrite all documents that depend on the task."""
    key = get(task).metric.key
    folder = published.folders["data"]
    spec = replace(read_spec(folder), task=task, **SPECS[task])
    write_spec(folder, spec)
    name, value = SPLITS[task]
    splits = dict.fromkeys(("train", "validation", "test"), value)
    published.change("data", "metrics.json", lambda document: document | {name: splits})
    published.change("compress", "pareto.json", lambda d: _pareto_of(d, task, key))
    published.change("evaluate", "evaluation.json", lambda d: _rows_of(d, task, key))
    published.change("evaluate", "robustness.json", lambda d: _renamed(d, key))
    published.change("compress", "ledger.json", lambda d: _renamed(d, key))
    for name in ("calibration", "flips"):
        (published.folders["evaluate"] / f"{name}.json").unlink()
    for stage in ("train", "distill"):
        path = published.folders[stage] / "history.csv"
        path.write_text(path.read_text().replace("accuracy", key))


def _pareto_of(document: dict[str, Any], task: str, key: str) -> dict[str, Any]:
    return _renamed(document, key) | {"task": task}


def _rows_of(document: dict[str, Any], task: str, key: str) -> dict[str, Any]:
    """An evaluation whose rows have the measures of another task."""
    rows = [
        {name: value for name, value in row.items() if name in KEPT}
        | {key: row["accuracy"], f"{key}_interval": row["accuracy_interval"]}
        | {f"corrupted_{key}": 0.75, **MEASURES[task]}
        for row in document["variants"]
    ]
    return document | {"task": task, "variants": rows}


def _renamed(value: Any, key: str) -> Any:
    """The same JSON value with another name for `accuracy`."""
    if isinstance(value, dict):
        return {
            key if n == "accuracy" else n: _renamed(v, key) for n, v in value.items()
        }
    return [_renamed(one, key) for one in value] if isinstance(value, list) else value


def write_extras(folders: dict[str, Path], answers: dict[str, Predictions]) -> None:
    """What evaluate, compress and tune may leave beside their main documents."""
    names = list(answers)
    rows = [
        {"kind": kind, "name": what, "severity": n, "amount": n / 10, "unit": "part"}
        | {"accuracy": dict.fromkeys(names, 1 - n / 10)}
        for kind, what in (("corruption", "noise"), ("attack", "fgsm"))
        for n in (1, 2)
    ]
    robust = {"examples": 50, "positions": list(range(50)), "conditions": rows}
    robust |= {"clean": dict.fromkeys(names, 0.9), "absent": ["typos: no <words>"]}
    write_json(folders["evaluate"] / "robustness.json", robust)
    diagrams = {
        name: {
            "raw": calibration.reliability_diagram(one.log_p, one.y),
            "scaled": calibration.reliability_diagram(one.scaled, one.y),
        }
        for name, one in answers.items()
    }
    document = {"bins": calibration.BINS, "variants": diagrams}
    write_json(folders["evaluate"] / "calibration.json", document)
    flip = {"position": 3, "true": 0, "before": 0, "after": 1, "confidence": 0.875}
    flips = {"flipped": 9, "tile": None, "examples": [flip | {"words": "a <b> c"}]}
    write_json(folders["evaluate"] / "flips.json", flips)
    steps = [
        {"step": "baseline | float", "accuracy": 0.98}
        | {"bytes_raw": 40_000, "bytes_gzip": 30_000},
        {"step": "int8 <now>", "accuracy": 0.97, "bytes_raw": 4_000}
        | {"bytes_gzip": 3_000},
    ]
    write_json(folders["compress"] / "ledger.json", {"variants": {names[-1]: steps}})
    write_json(folders["tune"] / "importance.json", {"learning_rate": 0.75})
    for stage in ("train", "distill"):
        text = "epoch,accuracy,loss,val_accuracy,val_loss\n1,0.5,2.0,0.6,1.5\n"
        (folders[stage] / "history.csv").write_text(text + "2,0.75,1.0,0.7,0.5\n")


def _trial(number: int, score: float, rate: float) -> dict[str, Any]:
    """A row as the tune stage writes it."""
    costs = {"parameters": 9_999, "macs": 5_000, "bytes_int8": 11_000}
    return {
        "trial": number,
        "status": "ok",
        "score": score,
        "spread": None,
        "mean": None,
        "loss": 0.5,
        **costs,
        "activation_bytes": 512,
        "epoch": 2,
        "epochs": 2,
        "seed": 7 + number,
        "values": {"filters": 8, "learning_rate": rate},
        "reason": None,
    }


def _name(name: str) -> dict[str, str]:
    source, recipe = name.split("-", 1)
    return {"id": name, "source": source, "recipe": RECIPES.get(name, recipe)}


def _point(name: str, accuracy, _, raw: int, packed: int) -> dict[str, Any]:
    drop = accuracy and FILES["baseline-float"][0] - accuracy
    return {
        **_name(name),
        "status": "ok",
        "reason": None,
        "file": f"variants/{name}.tflite",
        "accuracy": accuracy,
        "drop": drop,
        "drop_interval": None if drop is None else [drop - 0.005, drop + 0.004],
        "bytes_flash": raw,
        "bytes_raw": raw,
        "bytes_gzip": packed,
        "estimated": ["arena"],
        "device": {},
        "weights": 1_234,
        "sparsity": 0.25,
        "tensor_dtypes": {"int8": 5, "int32": 2},
        "operators": {"CONV_2D": 1},
        "left_out": [],
        "dominated": name == "baseline-float",
    }


def _answers(mistakes) -> np.ndarray:
    guess = Y.copy()
    guess[list(mistakes)] = (guess[list(mistakes)] + 1) % 3
    return guess


def _tensor(dtype: str, scale: float) -> dict[str, Any]:
    return {"dtype": dtype, "scale": scale, "zero_point": 3}


@pytest.fixture(scope="session")
def publish() -> type[Published]:
    """Writes an experiment into a folder."""
    return Published


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """A whole experiment; `student-int8` is chosen."""
    return Published(tmp_path)


@pytest.fixture
def nothing_chosen(published: Published) -> Published:
    """The same under a budget of bytes that no file meets."""

    def alter(pareto: dict[str, Any]) -> None:
        pareto["chosen"] = None
        pareto["budget"]["max_bytes"] = 2_500

    published.change("compress", "pareto.json", alter)
    return published


@pytest.fixture
def hostile(tmp_path: Path) -> Published:
    """An experiment whose class names are markup."""
    names = ("<script>alert(1)</script>", "a | b\n# c `d` $e$", '"&amp;')
    return Published(tmp_path, names)
