"""Files of every family without their weights: what the memory of a device depends on.

In: the registry of builders. Out: tests/device_files/NAME.tflite.gz, with every stored
weight zero, so that a file of megabytes packs into a few kilobytes. Shapes, scales and
operators are those of the real file, and so is the arena that it needs. Files whose
names begin with mlperf are those of MLPerf Tiny (MLCommons, Apache License 2.0).
Run: python -m tests.helpers.device_files [NAME ...]
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

from pipeline.compress.tflite.inspect import parse
from pipeline.compress.tflite.strip import pack, strip
from pipeline.models.catalogue import BUILDER_MODULES
from tests.helpers import models_cases
from tests.helpers.project import ROOT

FOLDER = ROOT / "tests" / "device_files"
EXPORTS = ("int8", "float")
LARGE = 256  # bytes; smaller buffers may be shapes or axes


def read(path: Path) -> bytes:
    """The .tflite file of a packed one."""
    return gzip.decompress(path.read_bytes())


def without_weights(content: bytes) -> bytes:
    """Set every large buffer to zero.

    Args:
        content: bytes of a .tflite file.
    """
    model = parse(strip(content))
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > LARGE:
            buffer.data = np.zeros_like(buffer.data)
    return pack(model, len(content))


def write(name: str) -> None:
    """Write the files of one family."""
    from pipeline.compress.tfmot.bridge import to_tf_keras
    from pipeline.compress.tfmot.export import export

    data = models_cases.spec_for(name)
    shape = (16, *data.shape)
    generator = np.random.default_rng(1)
    examples = generator.normal(size=shape).astype("float32")
    if data.vocabulary:
        examples = generator.integers(0, data.vocabulary, shape).astype("int32")
    for kind in EXPORTS:
        content = export(to_tf_keras(models_cases.build(name, data)), kind, examples)
        save(f"{name}-{kind}", content)


def save(name: str, content: bytes) -> None:
    """Pack a file without its weights."""
    packed = gzip.compress(without_weights(content), 9, mtime=0)
    (FOLDER / f"{name}.tflite.gz").write_bytes(packed)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for family in sys.argv[1:] or BUILDER_MODULES:
        try:
            write(family)
            print(family, "written", flush=True)
        except Exception as error:
            print(family, "none:", str(error)[:200], flush=True)
