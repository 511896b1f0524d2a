"""Meaning of tokens and logits, for microcontrollers and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.export import CResult, Metadata, TaskExport
from pipeline.tasks.likeliest_token import DEFINE, USE
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import PADDING
from pipeline.tasks.text_tokens import FIRST, UNKNOWN, tokens_of

MEANING = (
    "logits of the next token after each step, (steps, tokens); a text of fewer steps "
    "is padded at its end, and the logits after its last token are read"
)


def _metadata(spec: TaskSpec, point: Mapping[str, Any]) -> Metadata:
    tokens = tokens_of(spec)
    unit = {} if tokens is None else {"unit": tokens.unit}
    return {
        "task": spec.task,
        "tokens": spec.vocabulary,
        "steps": spec.shape[0],
        **unit,
        "padding": PADDING,
        "unknown": UNKNOWN,
        "first_token": FIRST,
        "output_meaning": MEANING,
        "sampling": "outside the file: softmax of the logits / temperature",
    }


def _defines(metadata: Metadata) -> str:
    return (
        "// logits of the token after step k: MODEL_DATA_TOKENS values from\n"
        "// output[k * MODEL_DATA_TOKENS]; drawing one is outside the file\n"
        f"#define MODEL_DATA_TOKENS {metadata['tokens']}\n"
        f"#define MODEL_DATA_STEPS {metadata['steps']}"
    )


RESULT = CResult(
    declare="""
// Number of the likeliest token after step `step`, from 0; padding (0) and the unknown
// token (1) are left out.
int model_data_next(const model_data_output* output, int step);
""",
    define=DEFINE,
    use=USE,
)
EXPORT = TaskExport(_metadata, _defines, result=lambda metadata: RESULT)
