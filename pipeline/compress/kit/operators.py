"""Operators of a file, and how they are registered in TensorFlow Lite Micro.

In: the bytes of a file. Out: methods `AddNAME` of `tflite::MicroMutableOpResolver`.
static/micro_operators.json lists them, from micro_mutable_op_resolver.h of August 2026:
kind of the operator, or name of a custom one -> NAME.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.compress.tflite.inspect import parse, read_facts

TABLE = Path(__file__).with_name("static") / "micro_operators.json"
ETHOS_U = "ethos-u"


@dataclass(frozen=True)
class Operators:
    """Operators of a file.

    Args:
        kinds: kinds, sorted; custom ones under their own names.
        methods: `Conv2D` for `AddConv2D`, one per kind that the runtime has.
        missing: kinds that the runtime does not have.
        state: True where the file has variables, which an example leaves changed.
    """

    kinds: tuple[str, ...]
    methods: tuple[str, ...]
    missing: tuple[str, ...]
    state: bool


def operators_of(content: bytes) -> Operators:
    """Return the operators of a file.

    Args:
        content: bytes of a .tflite file.
    """
    kinds, table = tuple(read_facts(content).operators), methods()
    variables = (t.isVariable for g in parse(content).subgraphs for t in g.tensors)
    return Operators(
        kinds,
        tuple(table[kind] for kind in kinds if kind in table),
        tuple(kind for kind in kinds if kind not in table),
        any(variables) or "VAR_HANDLE" in kinds,
    )


@cache
def methods() -> dict[str, str]:
    """Return kind of an operator -> name of its method, without `Add`."""
    table: dict[str, str] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table
