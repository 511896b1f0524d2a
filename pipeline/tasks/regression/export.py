"""Mean and standard deviation of the target, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"task": spec.task, "target": spec.target}


def _defines(metadata: Metadata) -> str:
    target = metadata["target"]
    return (
        "// number = output * MODEL_DATA_DEVIATION + MODEL_DATA_MEAN\n"
        f"#define MODEL_DATA_MEAN {target['mean']!r}\n"
        f"#define MODEL_DATA_DEVIATION {target['deviation']!r}"
    )


RESULT = CResult(
    declare="""
// An output as a number in the unit of the data.
float model_data_number(model_data_output stored);
""",
    define="""\
float model_data_number(model_data_output stored) {
  return model_data_output_real(stored) * (float)(MODEL_DATA_DEVIATION) +
         (float)(MODEL_DATA_MEAN);
}
""",
    use="""\
    for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) {
      printf("%g\\n", static_cast<double>(model_data_number(output[k])));
    }""",
)
EXPORT = TaskExport(_metadata, _defines, result=lambda metadata: RESULT)
