"""Run the compress stage in a process of its own, as the engine does.

    python drive.py FOLDERS OUT '{"workers": 2, ...}'

FOLDERS has the published folders of data, augment, train and distill. Prints the
metrics, what is volatile, and the progress lines, as one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pipeline.core.determinism import pins

os.environ.update(pins(1, "native"))

from pipeline.compress.params import CompressParams
from pipeline.compress.stage import run
from pipeline.core.errors import UserError
from pipeline.engine.stage import Inputs


def main(folders: Path, out: Path, params: str) -> None:
    lines: list[str] = []
    inputs = Inputs(
        {name: folders / name for name in ("data", "augment", "train", "distill")},
        seed=5,
        scratch=out.with_name(f"{out.name}.scratch"),
        progress=lambda text, done=0, total=0, **more: lines.append(text),
    )
    out.mkdir()
    inputs.scratch.mkdir(exist_ok=True)
    try:
        answer = {"metrics": run(CompressParams(**json.loads(params)), inputs, out)}
    except UserError as error:
        answer = {"error": str(error)}
    print(json.dumps({**answer, "volatile": inputs.volatile, "progress": lines}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
