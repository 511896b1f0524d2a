"""Meaning of rows and logits, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.likeliest_token import DEFINE, USE
from pipeline.tasks.pair_tokens import END, UNKNOWN
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING

MEANING = (
    "logits of each character of the target, (steps, tokens); to write a text, run the "
    "file once per character: put the likeliest one of step k into the row at length + "
    "1 + k, until it is the end"
)


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    return {
        "task": spec.task,
        "tokens": spec.vocabulary,
        "input_length": spec.target["length"],
        "steps": spec.target["steps"],
        "padding": PADDING,
        "unknown": UNKNOWN,
        "begin_and_end": END,
        "output_meaning": MEANING,
        "decoding": "outside the file: greedy, padding and unknown left out",
    }


def _defines(metadata: Metadata) -> str:
    return (
        "// logits of character k of a target: MODEL_DATA_TOKENS values from\n"
        "// output[k * MODEL_DATA_TOKENS]\n"
        f"#define MODEL_DATA_TOKENS {metadata['tokens']}\n"
        f"#define MODEL_DATA_INPUT_LENGTH {metadata['input_length']}\n"
        f"#define MODEL_DATA_STEPS {metadata['steps']}\n"
        f"#define MODEL_DATA_END {metadata['begin_and_end']}"
    )


RESULT = CResult(
    declare="""
// Number of the likeliest character after step `step` of the target, from 0, or
// MODEL_DATA_END; padding (0) and the unknown character (1) are left out. To write a
// text: set the row after MODEL_DATA_INPUT_LENGTH to MODEL_DATA_END and zeros, run the
// model once per step, and put this number at MODEL_DATA_INPUT_LENGTH + 1 + step.
int model_data_next(const model_data_output* output, int step);
""",
    define=DEFINE,
    use=USE,
)
EXPORT = TaskExport(_metadata, _defines, result=lambda metadata: RESULT)
