"""Names of the actions, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.spec import TaskSpec


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    target = spec.target
    return {
        "task": spec.task,
        "environment": target["name"],
        "actions": target["actions"],
        "first_action": target["first_action"],
        "output_meaning": "one number per action; the largest one is taken",
    }


def _defines(metadata: Metadata) -> str:
    return (
        f"// An agent in {metadata['environment']}: the largest output is the action.\n"
        f"#define MODEL_DATA_ACTIONS {len(metadata['actions'])}\n"
        f"#define MODEL_DATA_FIRST_ACTION {metadata['first_action']}"
    )


RESULT = CResult(
    declare="""
// The action to take, of the outputs of a state.
int model_data_action(const model_data_output *stored);
""",
    define="""\
int model_data_action(const model_data_output *stored) {
  int best = 0;
  for (int k = 1; k < MODEL_DATA_ACTIONS; ++k) {
    if (stored[k] > stored[best]) best = k;
  }
  return MODEL_DATA_FIRST_ACTION + best;
}
""",
    use="""\
    printf("%d\\n", model_data_action(output));""",
)
EXPORT = TaskExport(_metadata, _defines, result=lambda metadata: RESULT)
