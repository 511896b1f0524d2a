"""Published stages, written by hand."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pipeline.tune.artifact import write_search, write_trials
from tests.helpers.published import record

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAA"
    "AABJRU5ErkJggg=="
)
ROWS = [
    {"trial": 0, "status": "ok", "score": 0.5}
    | {"values": {"units": 8, "kind": "relu"}},
    {"trial": 1, "status": "failed", "score": None, "values": {"units": 16}},
]


def write_stage(folder: Path, name: str, number: float = 0.5) -> Path:
    """One published stage with a number of its own."""
    stage = folder / name
    stage.mkdir(parents=True)
    params = {"epochs": 3, "values": {"units": 8}, "long": "x" * 2000}
    parts = {"params": params, "settings": {"seed": 1}, "number": number}
    metrics = {"headline": "well", "best": {"a | b (%)": number}, "list": [1, 2]}
    (stage / "history.csv").write_text("epoch,loss,note\n1,2.5,x\n2,1.25,y\n")
    (stage / "curves.png").write_bytes(base64.b64decode(PIXEL))
    (stage / "variants").mkdir()
    (stage / "variants" / "one.tflite").write_bytes(b"a file")
    (stage / "train_x.npy").write_bytes(b"data stay at home")
    if name == "tune":
        write_trials(stage, ROWS)
        write_search(stage, ROWS, [{"name": "units", "kind": "choice"}])
    return record(stage, metrics, parts=parts)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Two stages, one of them a search."""
    folder = tmp_path / "toy"
    write_stage(folder, "tune")
    write_stage(folder, "train")
    return folder


@pytest.fixture
def make_stage():
    """The function that writes a stage."""
    return write_stage
