"""The content of evaluation.json: one row per exported file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.tasks.registry import named

Row = dict[str, Any]


@dataclass(frozen=True)
class TensorFormat:
    """How a file stores an input or output: `real = (stored - zero_point) * scale`.

    Args:
        dtype: such as `int8` or `float32`.
        scale: quantization scale; 0 where the tensor is not quantized.
        zero_point: stored value of the real number 0.
    """

    dtype: str
    scale: float
    zero_point: int

    def to_json(self) -> Row:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class RobustnessSummary:
    """Robustness of one file: means over all conditions of robustness.json.

    Args:
        key: key of the task's metric, such as `accuracy`.
        corrupted: mean metric under corruptions; None without any.
        attacked: mean metric under attacks; None without any.
        subset: metric on the clean examples of the subset; None without the study.
        attackable: True if attacks apply to the task; else `attacked` is left out.
    """

    key: str
    corrupted: float | None
    attacked: float | None
    subset: float | None
    attackable: bool

    def to_json(self) -> Row:
        """Return a JSON object."""
        attacked = {f"attacked_{self.key}": self.attacked} if self.attackable else {}
        return {
            f"corrupted_{self.key}": self.corrupted,
            **attacked,
            f"subset_{self.key}": self.subset,
        }


@dataclass(frozen=True)
class Evaluation:
    """One file on the test split, compared with the float baseline.

    Args:
        id: name of the variant, such as `baseline-int8`.
        source: model that the file was made from.
        recipe: compression recipe.
        bytes_raw: size of the file in bytes.
        bytes_gzip: size of the compressed file in bytes.
        input: how the file stores its input.
        output: how the file stores its output.
        comparison: metrics, intervals and differences, as the task's evaluator returns
            them; a JSON object.
        robustness: summary of robustness.json.
    """

    id: str
    source: str
    recipe: str
    bytes_raw: int
    bytes_gzip: int
    input: TensorFormat
    output: TensorFormat
    comparison: Mapping[str, Any]
    robustness: RobustnessSummary

    def to_json(self) -> Row:
        """Return a row of evaluation.json."""
        return {
            "id": self.id,
            "source": self.source,
            "recipe": self.recipe,
            "bytes_raw": self.bytes_raw,
            "bytes_gzip": self.bytes_gzip,
            "input": self.input.to_json(),
            "output": self.output.to_json(),
            **self.comparison,
            **self.robustness.to_json(),
        }


@dataclass(frozen=True)
class EvaluationTable:
    """All files of an experiment on its test split.

    Args:
        task: name of the task.
        baseline: id of the float baseline.
        chosen: id of the chosen file; None where no file is within the budget.
        examples: number of test examples.
        classes: class names; empty for numbers.
        variants: one row per file, in the order of pareto.json.
        floors: predictions that a model must be better than, see
            `pipeline.evaluate.floors`.
    """

    task: str
    baseline: str
    chosen: str | None
    examples: int
    classes: tuple[str, ...]
    variants: tuple[Evaluation, ...]
    floors: tuple[Row, ...] = ()

    def values(self, key: str) -> dict[str, float]:
        """Return id -> the metric with this key."""
        return {row.id: row.comparison[key] for row in self.variants}

    def to_json(self) -> Row:
        """Return the content of evaluation.json."""
        return {
            **named(self.task),
            "baseline": self.baseline,
            "chosen": self.chosen,
            "examples": self.examples,
            "classes": list(self.classes),
            "floors": list(self.floors),
            "variants": [row.to_json() for row in self.variants],
        }
