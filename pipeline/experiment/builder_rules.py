"""Faults of builders, policies and students that the text of the files tells.

In: an experiment as it was read. Out: misspelt hyperparameters and unsuitable policy
steps, with their keys; a builder that distill or compress would refuse after hours.
Builders are read as text (`hp.Int("units", ...)`), not run: importing them imports
TensorFlow. Where the text does not tell, the stages check.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.augment.grammar import GRAMMAR, MODALITIES
from pipeline.core.base_path import base
from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.pipe_language import parse_pipe
from pipeline.data.sources.registry import modality_of
from pipeline.distill.params import WIDTH
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.process_environment import CODE_ROOT
from pipeline.experiment.user_layers import check_layers
from pipeline.models import catalogue
from pipeline.tune.artifact import TRAINING

Misfit = tuple[tuple[str, ...], str]
DECLARES = ("Int", "Float", "Choice", "Boolean", "Fixed")
BLOCKS = "pipeline.models.building_blocks"
SEARCHED = (*TRAINING, "augmentation")  # hyperparameters of every search


def misfits(experiment: Any) -> Iterator[Misfit]:
    """Yield the key of each fault, with what is wrong and what is allowed.

    Args:
        experiment: its checked values.
    """
    tune, distill = experiment.tune, experiment.distill
    if len(tune.families) == 1:
        yield from _unknown(("tune", "values"), tune.values, tune.families[0])
        for key in ("space", "fix"):
            names = [n for n in getattr(tune, key) if "/" not in n]
            yield from _unknown(("tune", key), names, tune.families[0], SEARCHED)
        student = distill.builder or tune.families[0]
        yield from _unknown(("distill", "values"), distill.values, student)
    yield from _policy(experiment)


def check_students(experiment: Any, stages: Any) -> None:
    """Refuse a builder that distill or compress would refuse after training.

    Args:
        experiment: its checked values.
        stages: names of the stages that will run.

    Raises:
        UserError: names the builder and the remedy.
    """
    families, distill = experiment.tune.families, experiment.distill
    if {"distill", "compress"} & set(stages):
        for name in (*families, *distill.named_builders):
            check_layers(name)
    chosen = distill.builder or distill.smallest is not None or distill.search
    if "distill" not in stages or chosen or "width" in distill.values:
        return
    for name in families if distill.width != 1 else ():
        known = hyperparameters(name)
        if known is not None and "width" not in known:
            raise UserError(
                f"distill.width {distill.width:g}: builder {name} has no "
                "hyperparameter `width`, so the student would not be smaller; scale "
                'its layers by hp.Fixed("width", 1.0), or set distill.builder, or '
                "distill.values with distill.width: 1"
                + (" (0.25 is the default)" if distill.width == WIDTH else "")
            )


@cache
def hyperparameters(builder: str) -> frozenset[str] | None:
    """Return the names that a builder declares; None where its text does not tell.

    Args:
        builder: `family`, `family:preset` or `module:function`.
    """
    names: set[str] = set()
    for path in _files(catalogue.parse(builder).module):
        declared = _declared(ast.parse(path.read_text(encoding="utf-8")))
        if declared is None:
            return None
        names |= declared
    return frozenset(names)


def _unknown(
    key: tuple[str, ...], names: Any, builder: str, others: tuple[str, ...] = ()
) -> Iterator[Misfit]:
    known = hyperparameters(builder) if names else None
    for name in names if known is not None else ():
        allowed = sorted({*(known or ()), *others})
        if name not in allowed:
            yield (
                (*key, name),
                f'{".".join(key)}: builder {builder} has no "{name}"'
                f"{did_you_mean(name, allowed)} (there are: {', '.join(allowed)})",
            )


def _declared(tree: ast.Module) -> set[str] | None:
    """Names of `hp.Int("name", ...)`; None if one is computed, or hp is passed on."""
    names: set[str] = set()
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    spaces = {"hp", *_spaces(tree)}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in DECLARES:
            first = call.args[0] if call.args else None
            if not isinstance(first, ast.Constant):
                return None
            names.add(str(first.value))
        elif any(isinstance(a, ast.Name) and a.id in spaces for a in call.args):
            called = getattr(call.func, "id", "")
            if called not in {*own, "building_blocks"}:
                return None
    return names


def _spaces(tree: ast.Module) -> set[str]:
    """Names of the search space: `p` where a builder calls `p.Int(...)`."""
    attributes = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute))
    return {
        node.value.id
        for node in attributes
        if node.attr in DECLARES and isinstance(node.value, ast.Name)
    }


def _files(module: str) -> list[Path]:
    """The file of a builder, and that of the building blocks if it uses them."""
    paths = [module_file(module)]
    if paths[0] and "building_blocks" in paths[0].read_text(encoding="utf-8"):
        paths.append(module_file(BLOCKS))
    return [path for path in paths if path]


def module_file(module: str) -> Path | None:
    """Return the file of a module of this package or of the user; None without."""
    roots = (CODE_ROOT,) if module.startswith("pipeline.") else ()
    return next(iter(CodeReader(base(), also=roots).files([module])), None)


def _policy(experiment: Any) -> Iterator[Misfit]:
    """Steps of the policy that are for another kind of data."""
    modality, source = modality_of(experiment.data.source), experiment.data.source
    steps = parse_pipe(experiment.augment.policy, GRAMMAR)
    for number, step in enumerate(steps, 1):
        if modality is not None and modality not in MODALITIES[step.name]:
            suitable = [name for name in MODALITIES if modality in MODALITIES[name]]
            yield (
                ("augment", "policy"),
                f"augment.policy: step {number}, {step}, is for "
                f"{' and '.join(sorted(MODALITIES[step.name]))}; {source} holds "
                f"{modality} (steps for {modality}: {', '.join(suitable)})",
            )
