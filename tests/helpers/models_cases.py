"""Data for each family: the first of these signatures that it accepts."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.files import save_model

THREE = ("a", "b", "c")
# Small and quick, and without random draws.
SMALL = {"width": 0.25, "depth": 0.34, "dropout": 0.0}


def spec(
    shape: tuple[int, ...],
    modality: str = "image",
    task: str = "classification",
    vocabulary: int = 0,
    classes: tuple[str, ...] = THREE,
) -> TaskSpec:
    """A signature of synthetic data."""
    dtype = "int32" if vocabulary else "float32"
    return TaskSpec(
        "toy",
        "toy:toy",
        shape,
        dtype,
        classes,
        modality=modality,
        task=task,
        vocabulary=vocabulary,
    )


SPECS = (
    spec((6, 5, 1), "audio"),
    spec((8, 8, 3)),
    spec((6,), "text", vocabulary=20),
    spec((2,), "table", vocabulary=20),
    spec((10,), "audio", "anomaly_detection"),
    spec((6,), "text", "next_token", 20),
    spec((8, 8, 3), task="segmentation"),
    replace(
        spec((12, 2), "series", "forecasting", classes=()),
        target={"names": ["a", "b"], "horizon": 3, "quantiles": []},
    ),
    spec((8, 8, 3), task="detection"),
    replace(
        spec((12,), "text", "seq2seq", 8),
        classes=(),
        target={"length": 6, "steps": 5},
    ),
    replace(
        spec((4,), "text", "ranking", 9, ()),
        target={"items": 7, "reads": "history"},
    ),
    replace(
        spec((2,), "text", "ranking", 12, ()),
        target={"items": 7, "reads": "triple"},
    ),
    replace(
        spec((8, 8, 3), task="restoration"),
        classes=(),
        target={"shape": [16, 16, 3], "degradation": "downscale(2)"},
    ),
)


@cache
def spec_for(name: str) -> TaskSpec:
    """The first signature that the family accepts."""
    for data in SPECS:
        try:
            build(name, data)
            return data
        except UserError:
            continue
    raise AssertionError(
        f"{name} accepts none of the signatures in tests/helpers/models_cases.py"
    )


def build(name: str, data: TaskSpec) -> keras.Model:
    """A small model; builders that reuse trained models get small ones."""
    with tempfile.TemporaryDirectory() as folder:
        values = VALUES[name](Path(folder), data) if name in VALUES else {}
        return registry.build(name, {**SMALL, **values}, data, 1)


def trained(path: Path, data: TaskSpec, seed: int = 1, name: str = "cnn") -> Path:
    """A .keras file of a small model."""
    save_model(registry.build(name, SMALL, data, seed), path)
    return path


def _backbone(folder: Path, data: TaskSpec) -> dict[str, Any]:
    other = replace(data, shape=(24, 24, 3))
    return {
        "backbone": str(trained(folder / "net.keras", other, name="resnet")),
        "freeze": 0.5,
    }


def _members(folder: Path, data: TaskSpec) -> dict[str, Any]:
    paths = [trained(folder / f"{seed}.keras", data, seed) for seed in (1, 2)]
    return {"members": ",".join(map(str, paths))}


VALUES = {"pretrained": _backbone, "ensemble": _members}
