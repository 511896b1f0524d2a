"""The `export` part of a task: meaning of the output, in metadata.json and C source.

In: spec.json and the file's row of pareto.json. Out: entries of metadata.json and the C
constants derived from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

Metadata = dict[str, Any]
PRINT_OUTPUTS = """\
    for (int k = 0; k < MODEL_DATA_OUTPUT_SIZE; ++k) {
      printf("%g\\n", static_cast<double>(model_data_output_real(output[k])));
    }"""


def no_labels(spec: TaskSpec) -> tuple[str, ...]:
    """Return no names: outputs are not classes."""
    return ()


@dataclass(frozen=True)
class CResult:
    """C source of the meaning of an output; `model_data` stands for the prefix.

    Args:
        declare: declarations for result.h; default none.
        define: definitions for result.c; default none.
        use: statements of main.cc that print the prediction of `output`, real values
            by default; `input`, or `kept` where `keeps_input` is true, is what it was
            computed from.
        keeps_input: True where the prediction needs the input too; default False.
    """

    declare: str = ""
    define: str = ""
    use: str = PRINT_OUTPUTS
    keeps_input: bool = False


def plain_result(metadata: Metadata) -> CResult:
    """Return source that prints the outputs."""
    return CResult()


@dataclass(frozen=True)
class TaskExport:
    """The `export` part of a task.

    Args:
        metadata: `(spec, row of pareto.json)` -> entries of metadata.json.
        defines: these entries -> lines of C preprocessor constants.
        labels: spec -> a name per output, for labels.txt and a C array; default: none.
        result: entries of metadata.json -> C source of the prediction; default: prints
            the outputs.
    """

    metadata: Callable[[TaskSpec, Mapping[str, Any]], Metadata]
    defines: Callable[[Metadata], str]
    labels: Callable[[TaskSpec], tuple[str, ...]] = no_labels
    result: Callable[[Metadata], CResult] = plain_result


def export_of(spec: TaskSpec) -> TaskExport:
    """Return the export part of a data set's task."""
    export: TaskExport = task_of(spec).part("export")
    return export
