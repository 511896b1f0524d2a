"""The C source that finds boxes, against the decoding in Python."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest

from pipeline.tasks.detection.decoding import decode
from tests.helpers import kit_fixtures as kits

THRESHOLD = 0.3
MAIN = """
#include <stdio.h>
#include "golden.h"
#include "result.h"
int main(void) {
  static wake_box boxes[WAKE_MAX_BOXES];
  for (int run = 0; run < WAKE_RUNS; ++run) {
    const wake_output* output = wake_outputs + run * WAKE_OUTPUT_SIZE;
    const int count = wake_boxes(output, (float)(WAKE_THRESHOLD), boxes);
    for (int k = 0; k < count; ++k) {
      printf("%d %d %.9g %.9g %.9g %.9g %.9g\\n", run, boxes[k].label,
             (double)boxes[k].score, (double)boxes[k].left, (double)boxes[k].top,
             (double)boxes[k].right, (double)boxes[k].bottom);
    }
  }
  return 0;
}
"""


@pytest.mark.skipif(not kits.has("gcc"), reason="needs gcc")
def test_it_finds_the_same_boxes(tmp_path):
    data = kits.data_of(
        tmp_path, [], (48, 48, 1), dtype="uint8", scale=1 / 255, task="detection"
    )
    data = replace(data, spec=replace(data.spec, classes=("a", "b", "c")))
    rng = np.random.default_rng(1)
    outputs = rng.integers(-128, 128, (2, 6, 6, 7)).astype(np.int8)
    folder = kits.kit_of(tmp_path / "kit", data, None, threshold=THRESHOLD)
    numbers = ", ".join(map(str, outputs.reshape(-1)))
    (folder / "vectors.c").write_text(
        f'#include "golden.h"\nconst wake_output wake_outputs[] = {{{numbers}}};\n'
    )
    (folder / "main.c").write_text(MAIN)
    sources = ["main.c", "vectors.c", "result.c"]
    kits.compile_all(folder, [*kits.HOST, *sources, "-lm", "-o", "program"])
    done = subprocess.run([folder / "program"], capture_output=True, text=True)
    received = np.array([line.split() for line in done.stdout.splitlines()], float)

    scale, zero_point = kits.INT8["quantization"]
    real = (outputs.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    expected = [
        [run, *row[[0]], *row[1:]]
        for run, found in enumerate(decode(real))
        for row in found
        if row[0] >= 0 and row[1] >= np.float32(THRESHOLD)
    ]
    assert len(expected) > 20
    assert received.shape == (len(expected), 7)
    assert np.abs(received - np.array(expected, float)).max() < 1e-6
