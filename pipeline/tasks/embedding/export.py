"""Meaning of a vector, and the distance of two of them in C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {
        "task": spec.task,
        "output_meaning": "a vector; near vectors are examples of one identity",
        "normalization": (
            "outside the file: divide the real (dequantized) vector by its Euclidean "
            "length"
        ),
        "distance": "1 minus the cosine of two vectors, 0 .. 2",
        "threshold": point["threshold"],
    }


def _defines(metadata: Metadata) -> str:
    if metadata["threshold"] is None:
        return "// no threshold could be chosen on validation"
    return (
        "// one identity: a distance of at most this, see model_data_distance\n"
        f"#define MODEL_DATA_THRESHOLD {metadata['threshold']!r}"
    )


RESULT = CResult(
    declare="""
// The real vector of an output, with a length of 1: MODEL_DATA_OUTPUT_SIZE numbers.
void model_data_embedding(const model_data_output* output, float* embedding);

// 1 minus the cosine of two such vectors, 0 .. 2.
float model_data_distance(const float* first, const float* second);
""",
    define="""\
#include <math.h>

void model_data_embedding(const model_data_output* output, float* embedding) {
  float sum = 0.0f;
  for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) {
    embedding[k] = model_data_output_real(output[k]);
    sum += embedding[k] * embedding[k];
  }
  const float length = sum > 0.0f ? sqrtf(sum) : 1.0f;
  for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) embedding[k] /= length;
}

float model_data_distance(const float* first, const float* second) {
  float product = 0.0f;
  for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) product += first[k] * second[k];
  return 1.0f - product;
}
""",
    use="""\
    float embedding[MODEL_DATA_OUTPUT_SIZE];
    model_data_embedding(output, embedding);
    for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) {
      printf("%g\\n", static_cast<double>(embedding[k]));
    }""",
)
EXPORT = TaskExport(_metadata, _defines, result=lambda metadata: RESULT)
