"""The vector and the distance of an embedding in C, for quantized outputs."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from pipeline.tasks.embedding.distances import distances, normalized
from pipeline.tasks.embedding.export import RESULT
from tests.helpers.kit_fixtures import WARNINGS

SCALE, ZERO_POINT = 0.25, -7
HEADER = f"""\
#include <stdio.h>
#define MODEL_DATA_OUTPUT_SIZE 4
typedef signed char model_data_output;
static float model_data_output_real(model_data_output stored) {{
  return ((float)stored - {ZERO_POINT}.0f) * {SCALE}f;
}}
"""
MAIN = """
int main(void) {
  const model_data_output first[] = {%s}, second[] = {%s};
  float a[MODEL_DATA_OUTPUT_SIZE], b[MODEL_DATA_OUTPUT_SIZE];
  model_data_embedding(first, a);
  model_data_embedding(second, b);
  printf("%%.7g %%.7g\\n", (double)a[0], (double)model_data_distance(a, b));
  return 0;
}
"""


@pytest.mark.parametrize("second", [(9, -20, 3, 100), (ZERO_POINT,) * 4])
def test_a_distance_is_that_of_dequantized_vectors(tmp_path, second):
    first = (-128, 127, 0, 5)
    rows = (", ".join(map(str, row)) for row in (first, second))
    text = HEADER + RESULT.declare + RESULT.define + MAIN % tuple(rows)
    (tmp_path / "a.c").write_text(text)
    command = ["gcc", "-std=c99", *WARNINGS, "a.c", "-o", "a", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "a"], capture_output=True, check=True).stdout
    real = (np.array([first, second], np.float64) - ZERO_POINT) * SCALE
    vectors = normalized(real)
    expected = [vectors[0, 0], distances(vectors[:1], vectors[1:])[0, 0]]
    assert np.array(printed.split(), float) == pytest.approx(expected, abs=1e-6)
