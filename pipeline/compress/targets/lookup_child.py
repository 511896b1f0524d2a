"""Replace weights by lookup tables and indices: the program of a child process.

    python lookup_child.py FOLDER

In: FOLDER/model.tflite and specs.json, a list of `[subgraph, tensor, bits, axis]`; axis
-1 is one table for the whole tensor. Out: FOLDER/tables.tflite, with DECODE operators.
Imports nothing of the pipeline.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tflite_micro.tensorflow.lite.micro.compression import compress, spec


def encode(folder: Path) -> None:
    """Write the file with lookup tables.

    Args:
        folder: as described above.
    """
    specs = [
        spec.Tensor(graph, tensor, [spec.LookUpTableCompression(bits, _mode(axis))])
        for graph, tensor, bits, axis in json.loads((folder / "specs.json").read_text())
    ]
    content = (folder / "model.tflite").read_bytes()
    (folder / "tables.tflite").write_bytes(compress(content, specs))


def _mode(axis: int) -> spec.PerTensor | spec.PerChannel:
    return spec.PerTensor() if axis < 0 else spec.PerChannel(axis=axis)


if __name__ == "__main__":
    encode(Path(sys.argv[1]))
