"""The anomaly threshold, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {"task": spec.task, "threshold": point["threshold"]}


def _defines(metadata: Metadata) -> str:
    if metadata["threshold"] is None:
        return "// no threshold could be chosen on validation"
    return (
        "// an anomaly: mean((input - output)^2) above this, on real values\n"
        f"#define MODEL_DATA_THRESHOLD {metadata['threshold']!r}"
    )


def _result(metadata: Metadata) -> CResult:
    threshold = metadata["threshold"] is not None
    verdict = 'score > (float)(MODEL_DATA_THRESHOLD) ? "anomaly" : "normal"'
    return CResult(
        declare="""
// Reconstruction error: the mean of (input - output)^2, on real values.
float model_data_score(const model_data_input* input,
                       const model_data_output* output);
""",
        define="""\
float model_data_score(const model_data_input* input,
                       const model_data_output* output) {
  float sum = 0.0f;
  for (int k = 0; k < MODEL_DATA_INPUT_SIZE; ++k) {
    const float error =
        model_data_input_real(input[k]) - model_data_output_real(output[k]);
    sum += error * error;
  }
  return sum / MODEL_DATA_INPUT_SIZE;
}
""",
        use=f"""\
    const float score = model_data_score(kept, output);
    printf("%s %g\\n", {verdict if threshold else '"score"'},
           static_cast<double>(score));""",
        keeps_input=True,
    )


EXPORT = TaskExport(_metadata, _defines, result=_result)
