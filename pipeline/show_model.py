"""What a model tells about itself: `python -m pipeline show model NAME`.

The one command that imports TensorFlow, so the command line imports this module
by its name, when it is asked to. In: a builder and a signature. Out: a table of
layers, totals, and the compression table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.compress.tfmot.support_table import LayerSupport, support_table
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.describe import LayerCost, describe
from pipeline.models.errors import error_prefix


@error_prefix("tune.")
def facts(name: str, values: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    """Everything as a JSON value.

    Args:
        values: hyperparameters; of a list, the first value.
    """
    first = {k: v[0] if isinstance(v, list) else v for k, v in values.items()}
    registry.check(name, spec, first)
    model = registry.build(name, first, spec, seed=1)
    compression = [row.to_json() for row in support_table(model)]
    return {
        "builder": name,
        "data": {"source": spec.source, "shape": list(spec.shape)},
        **asdict(describe(model)),
        "compression": compression,
    }


def text(told: dict[str, Any]) -> str:
    """The same for people."""
    rows = [LayerCost(**row) for row in told["rows"]]
    table = [LayerSupport(**row) for row in told["compression"]]
    return "\n\n".join(
        [
            _heading(told),
            _table(
                ("layer", "class", "output", "parameters", "MACs", "bytes"),
                [
                    (
                        r.name,
                        r.kind,
                        _shape(r.shape),
                        r.parameters,
                        r.macs,
                        r.activation,
                    )
                    for r in rows
                ],
            ),
            _totals(told),
            _table(
                ("layer", "class", "prune", "cluster", "qat", "int8"),
                [tuple(asdict(row).values()) for row in table],
            ),
        ]
    )


def _heading(told: dict[str, Any]) -> str:
    data = told["data"]
    return f"{told['builder']} on {data['source']} {_shape(data['shape'])}"


def _totals(told: dict[str, Any]) -> str:
    seen = told["receptive"]
    lines = {
        "parameters": f"{told['parameters']:,}",
        "MACs": f"{told['macs']:,}",
        "peak activation memory": f"{told['peak']:,} bytes in float32, about "
        f"{told['peak'] // 4:,} in int8",
        "file size": f"about {told['float_size']:,} bytes in float32, "
        f"{told['int8_size']:,} in int8",
        "receptive field": f"{seen[0]}x{seen[1]}" if seen else "no convolution",
    }
    width = max(map(len, lines))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in lines.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns of one width each; numbers are to the right."""
    cells = [list(head), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    right = [at for at, cell in enumerate(cells[-1]) if cell.replace(",", "").isdigit()]
    return "\n".join(
        "  ".join(
            cell.rjust(widths[at]) if at in right else cell.ljust(widths[at])
            for at, cell in enumerate(row)
        ).rstrip()
        for row in cells
    )


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape)
