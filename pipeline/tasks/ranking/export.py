"""Meaning of tokens and scores, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.ranking_rows import FIRST, UNKNOWN, rows_of
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING

MEANING = (
    "one score per item, in the order of labels.txt; the highest scores are "
    "recommended. Items that were taken before are left out outside the file"
)


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    step = rows_of(spec)
    reads = {} if step is None else {"input_meaning": step.reads}
    return {
        "task": spec.task,
        "items": spec.target["items"],
        "tokens": spec.vocabulary,
        "length": spec.shape[0],
        **reads,
        "padding": PADDING,
        "unknown": UNKNOWN,
        "first_token": FIRST,
        "output_meaning": MEANING,
    }


def _defines(metadata: Metadata) -> str:
    return (
        "// one score per item; token MODEL_DATA_FIRST_TOKEN + k is name k, from 0\n"
        f"#define MODEL_DATA_ITEMS {metadata['items']}\n"
        f"#define MODEL_DATA_FIRST_TOKEN {metadata['first_token']}\n"
        f"#define MODEL_DATA_UNKNOWN {metadata['unknown']}"
    )


def _labels(spec: TaskSpec) -> tuple[str, ...]:
    step = rows_of(spec)
    return tuple(map(str, range(spec.target["items"]))) if step is None else step.items


RESULT = CResult(
    declare="""
// Number of the item with the highest score that is not among `taken`; -1 if all are.
int model_data_recommend(const model_data_output* output, const int* taken, int count);
""",
    define="""\
int model_data_recommend(const model_data_output* output, const int* taken, int count) {
  int best = -1;
  for (int k = 0; k < MODEL_DATA_ITEMS; ++k) {
    int is_taken = 0;
    for (int j = 0; j < count; ++j) is_taken |= taken[j] == k;
    if (!is_taken && (best < 0 || output[k] > output[best])) best = k;
  }
  return best;
}
""",
    use="""\
    printf("%d\\n", model_data_recommend(output, 0, 0));""",
)
EXPORT = TaskExport(_metadata, _defines, _labels, lambda metadata: RESULT)
