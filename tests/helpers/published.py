"""Published stages made by hand, with the records that the engine would write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.core.json_io import write_json
from pipeline.core.params import Params
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.engine.run_record import write_run
from pipeline.engine.stage import Stage
from pipeline.engine.stage_record import write_record

PARTS: dict[str, Any] = {
    "params": {},
    "settings": {"seed": 1, "threads": 1, "portability": "native"},
    "inputs": {},
    "sources": {},
    "code": {},
    "libraries": {},
}
SPEC = TaskSpec("toy", "npz:toy", (4, 6, 1), "uint8", ("a", "b"), scale=1 / 255)
POINT = {
    "id": "student-int8",
    "source": "student",
    "recipe": "int8",
    "status": "ok",
    "reason": None,
    "file": "variants/student-int8.tflite",
    "accuracy": 0.9,
    "drop": 0.01,
    "drop_interval": None,
    "bytes_raw": 300,
    "bytes_gzip": 200,
    "dominated": False,
}
BUDGET = {"max_drop": 0.02}
HOST = {"started": "2026-01-02T03:04:05Z", "seconds": 1.5}
# Name -> a function that makes something else in the place of a removed file.
IN_PLACE_OF_A_FILE: dict[str, Callable[[Path], None]] = {
    "absent": lambda path: None,
    "folder": Path.mkdir,
    "itself": lambda path: path.symlink_to(path.name),
    "pipe": os.mkfifo,
}


def record(
    folder: Path,
    metrics: dict[str, Any] | None = None,
    volatile: dict[str, Any] | None = None,
    parts: dict[str, Any] | None = None,
) -> Path:
    """Write the records of a stage whose other files exist."""
    stage = Stage(folder.name, (), Params)
    write_json(folder / "metrics.json", metrics or {"headline": "made by hand"})
    if not (folder / "params.json").exists():
        write_json(folder / "params.json", {})
    (folder / "log.txt").write_text("a line\n")
    facts = {**HOST, "volatile": volatile or {}, "volatile_inputs": {}}
    write_run(folder, stage, facts)
    write_record(folder, stage, {**PARTS, **(parts or {})})
    return folder


def experiment(root: Path) -> Path:
    """An experiment with the published stages data, compress and report."""
    folder = root / "toy"
    (folder / "data").mkdir(parents=True)
    (folder / "experiment.yaml").write_text("data: {source: 'sklearn:digits'}\n")
    write_spec(folder / "data", SPEC)
    record(folder / "data")
    (folder / "compress" / "variants").mkdir(parents=True)
    for name in ("best.tflite", POINT["file"]):
        (folder / "compress" / str(name)).write_bytes(bytes(range(256)) + bytes(44))
    pareto = {"points": [POINT], "chosen": POINT["id"], "budget": BUDGET}
    write_json(folder / "compress" / "pareto.json", pareto)
    record(folder / "compress")
    (folder / "report").mkdir()
    row = {**POINT, "validation_accuracy": 0.9, "ratio": 4.0, "latency_ms": None}
    summary = {"baseline": row, "budget": BUDGET, "chosen": None, "nearest": None}
    summary |= {"variants": [row], "missed": [], "examples": 60}
    write_json(folder / "report" / "summary.json", summary)
    record(folder / "report")
    return folder
