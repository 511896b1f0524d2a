"""Number and names of the classes, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"classes": len(spec.classes), "labels": list(spec.classes)}


def _defines(metadata: Metadata) -> str:
    return f"#define MODEL_DATA_CLASSES {metadata['classes']}"


RESULT = CResult(
    declare="""
// Number of the most probable class; its probability, the softmax of the outputs.
int model_data_class(const model_data_output* output, float* probability);
""",
    define="""\
#include <math.h>

int model_data_class(const model_data_output* output, float* probability) {
  int best = 0;
  float sum = 0.0f;
  for (int k = 1; k < MODEL_DATA_CLASSES; ++k) {
    if (output[k] > output[best]) best = k;
  }
  for (int k = 0; k < MODEL_DATA_CLASSES; ++k) {
    sum += expf(model_data_output_real(output[k]) -
                model_data_output_real(output[best]));
  }
  *probability = 1.0f / sum;
  return best;
}
""",
    use="""\
    float probability = 0.0f;
    const char* name = model_data_labels[model_data_class(output, &probability)];
    printf("%s %.3f\\n", name, static_cast<double>(probability));""",
)
EXPORT = TaskExport(
    _metadata, _defines, lambda spec: spec.classes, lambda metadata: RESULT
)
