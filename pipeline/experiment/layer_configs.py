"""Layers of the user whose `get_config` forgets an argument, from their text.

A layer is read back from a .keras file by its class and its `get_config`. An argument
that is not in it is an error after training, or silently has its default value.

In: syntax trees of the user's modules. Out: the classes and their forgotten arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BASES = ("Layer", "Model")  # their own arguments are in the config
OF_BASES = frozenset({"self", "activity_regularizer", "autocast", "dtype", "name"})
OF_BASES |= {"trainable"}
DYNAMIC = (ast.For, ast.DictComp, ast.GeneratorExp, ast.ListComp)
UNCLEAR = frozenset({"__dict__", "getattr", "locals", "vars", "__init__", "inspect"})


@dataclass(frozen=True)
class _Layer:
    """A class of a layer with an `__init__` and a `get_config`.

    Args:
        node: its definition.
        arguments: name -> whether it has a default, in the order of positions.
        keywords: the same of arguments that are given by name only.
        keys: texts in its `get_config`.
    """

    node: ast.ClassDef
    arguments: dict[str, bool]
    keywords: dict[str, bool]
    keys: frozenset[str]


def forgotten_arguments(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, str]]:
    """Yield the classes whose config lacks an argument that matters.

    An argument with a default value matters where the module passes another one.

    Args:
        tree: a module.
    """
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        layer = _layer(node) if isinstance(node, ast.ClassDef) else None
        if layer is None:
            continue
        order = [*layer.arguments]
        for name, optional in {**layer.arguments, **layer.keywords}.items():
            place = order.index(name) if name in layer.arguments else None
            used = any(_passes(call, layer.node.name, name, place) for call in calls)
            if name not in layer.keys and (used or not optional):
                yield layer.node, name


def _layer(node: ast.ClassDef) -> _Layer | None:
    """Read a class; None where its text does not tell what its config holds."""
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    init, config = methods.get("__init__"), methods.get("get_config")
    bases = [_last(base) for base in node.bases]
    if init is None or config is None or "from_config" in methods:
        return None
    if len(bases) != 1 or bases[0] not in BASES or _is_unclear(config):
        return None
    values = init.args
    positional = [*values.posonlyargs, *values.args]
    defaults = [False] * (len(positional) - len(values.defaults))
    defaults += [True] * len(values.defaults)
    named = {
        arg.arg: default is not None
        for arg, default in zip(values.kwonlyargs, values.kw_defaults)
    }
    return _Layer(
        node,
        _without_base(positional, defaults),
        {name: value for name, value in named.items() if name not in OF_BASES},
        frozenset(_texts(config)),
    )


def _without_base(
    arguments: Sequence[ast.arg], defaults: Sequence[bool]
) -> dict[str, bool]:
    """Arguments and whether they have defaults; without `self` and those of Keras."""
    pairs = {a.arg: value for a, value in zip(arguments, defaults, strict=True)}
    return {name: value for name, value in pairs.items() if name not in OF_BASES}


def _is_unclear(config: ast.FunctionDef) -> bool:
    """Return whether the keys are computed, or come from elsewhere."""
    nodes = list(ast.walk(config))
    if any(isinstance(node, DYNAMIC) for node in nodes):
        return True
    names = {getattr(n, "attr", getattr(n, "id", "")) for n in nodes}
    if names & UNCLEAR:
        return True
    spread = [
        v for n in nodes if isinstance(n, ast.Dict) for k, v in _pairs(n) if not k
    ]
    spread += [k.value for n in _calls(nodes) for k in n.keywords if k.arg is None]
    updates = [n for n in _calls(nodes) if _last(n.func) == "update"]
    spread += [arg for n in updates for arg in n.args if not isinstance(arg, ast.Dict)]
    return any(not _is_own(value) for value in spread)


def _pairs(node: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(node.keys, node.values, strict=True)


def _calls(nodes: Sequence[ast.AST]) -> list[ast.Call]:
    return [node for node in nodes if isinstance(node, ast.Call)]


def _is_own(value: ast.expr) -> bool:
    """Return True for `super().get_config()` and local names."""
    if isinstance(value, ast.Name):
        return True
    return isinstance(value, ast.Call) and _last(value.func) == "get_config"


def _texts(config: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(config):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _passes(call: ast.Call, kind: str, name: str, place: int | None) -> bool:
    """Return whether a call of the class passes an argument."""
    if _last(call.func) != kind:
        return False
    by_name = any(keyword.arg == name for keyword in call.keywords)
    return by_name or (place is not None and place < len(call.args))


def _last(node: ast.expr) -> str:
    """The last name of `keras.layers.Layer`."""
    return str(getattr(node, "attr", getattr(node, "id", "")))
