"""`show model NAME`: the cost of a model, and the compression its layers support.

Imports TensorFlow, so `show` imports this module only when asked for a model. In: a
builder and the signature of the data. Out: a table of layers, totals, and a table of
the compression steps that each layer supports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.compress.tfmot.support_table import LayerSupport, support_table
from pipeline.core.text_table import aligned
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.describe import LayerCost, describe
from pipeline.models.errors import error_prefix

LAYERS = ("layer", "class", "output", "parameters", "MACs", "bytes")
COMPRESSION = ("layer", "class", "prune", "cluster", "qat", "int8")


@error_prefix("tune.")
def facts(name: str, values: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    """Describe a model as a JSON value.

    Args:
        name: of the builder.
        values: hyperparameters; the first value of a list is taken.
        spec: signature of the data.
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


def text(model: dict[str, Any]) -> str:
    """The description for the terminal.

    Args:
        model: as `facts` returns it.
    """
    support = [LayerSupport(**row) for row in model["compression"]]
    return "\n\n".join(
        [
            _heading(model),
            _table(LAYERS, [_layer(LayerCost(**row)) for row in model["rows"]]),
            _totals(model),
            _table(COMPRESSION, [tuple(asdict(row).values()) for row in support]),
        ]
    )


def _heading(model: dict[str, Any]) -> str:
    data = model["data"]
    return f"{model['builder']} on {data['source']} {_shape(data['shape'])}"


def _layer(row: LayerCost) -> tuple[Any, ...]:
    shape = _shape(row.shape)
    return (row.name, row.kind, shape, row.parameters, row.macs, row.activation)


def _totals(model: dict[str, Any]) -> str:
    field = model["receptive"]
    lines = {
        "parameters": f"{model['parameters']:,}",
        "MACs": f"{model['macs']:,}",
        "peak activation memory": f"{model['peak']:,} bytes in float32, about "
        f"{model['peak'] // 4:,} in int8",
        "file size": f"about {model['float_size']:,} bytes in float32, "
        f"{model['int8_size']:,} in int8",
        "receptive field": f"{field[0]}x{field[1]}" if field else "no convolution",
    }
    width = max(map(len, lines))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in lines.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns; columns of numbers are right-aligned."""
    cells = [list(head), *[[_cell(value) for value in row] for row in rows]]
    numeric = (cell.replace(",", "").isdigit() for cell in cells[-1])
    sides = "".join("r" if is_number else "l" for is_number in numeric)
    return "\n".join(aligned(cells, sides))


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape)
