"""Order and scale of the outputs, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    levels = " and quantile level" if spec.target["quantiles"] else ""
    undo = "number = output * deviation + mean"
    anchored = spec.target["anchor"] != "none"
    level = f" + the {spec.target['anchor']} of its window" if anchored else ""
    return {
        "task": spec.task,
        "target": spec.target,
        "output_meaning": f"one number per step, series{levels}, in this order",
        "scaling": f"outside the file: {undo}{level}",
    }


def _defines(metadata: Metadata) -> str:
    target = metadata["target"]
    return (
        "// MODEL_DATA_HORIZON steps of MODEL_DATA_SERIES numbers with\n"
        f"// MODEL_DATA_LEVELS quantiles each; {metadata['scaling']}\n"
        f"#define MODEL_DATA_HORIZON {target['horizon']}\n"
        f"#define MODEL_DATA_SERIES {len(target['names'])}\n"
        f"#define MODEL_DATA_LEVELS {len(target['quantiles']) or 1}"
    )


def _result(metadata: Metadata) -> CResult:
    target = metadata["target"]
    mean, deviation = (
        ", ".join(f"(float)({value!r})" for value in target[key])
        for key in ("mean", "deviation")
    )
    return CResult(
        declare="""
// An output as a number in the unit of the data; `index` is its position.
float model_data_number(int index, model_data_output stored);
""",
        define=f"""\
float model_data_number(int index, model_data_output stored) {{
  static const float mean[] = {{{mean}}};
  static const float deviation[] = {{{deviation}}};
  int series = index / MODEL_DATA_LEVELS % MODEL_DATA_SERIES;
  return model_data_output_real(stored) * deviation[series] + mean[series];
}}
""",
        use="""\
    for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) {
      printf("%g\\n", static_cast<double>(model_data_number(k, output[k])));
    }""",
    )


EXPORT = TaskExport(_metadata, _defines, result=_result)
