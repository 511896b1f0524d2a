"""Compression recipes: which steps there are, and which orders of them make sense.

    "int8"    "qat"    "prune(0.6) | int8"    "prune(0.6) | pqat"

A recipe is a pipe of techniques, which change and fine-tune the model, ended by
one export, which writes the file. The export may be left out: pruning alone is
written as float, quantization-aware training as full int8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.engine.errors import UserError
from pipeline.pipes import Argument, Signature, Step, parse_pipe, str_pipe

EXPORTS = {
    "float": Signature(summary="float32 weights, as trained"),
    "dynamic": Signature(summary="int8 weights, float computation"),
    "float16": Signature(summary="float16 weights, float computation"),
    "int8": Signature(summary="full integer, calibrated, int8 input and output"),
}
TECHNIQUES = {
    "prune": Signature(
        (Argument("sparsity", float, low=0.05, high=0.98),),
        "sets the smallest weights to zero and fine-tunes the rest",
    ),
    "qat": Signature(summary="fine-tunes with quantization in the loop; int8"),
    "pqat": Signature(summary="qat that keeps the zeros of prune; int8"),
}
GRAMMAR = {**EXPORTS, **TECHNIQUES}
AWARE = ("qat", "pqat")  # what trains for int8, so that only int8 can follow


@dataclass(frozen=True)
class Recipe:
    """Techniques in their order, then how the file is written."""

    techniques: tuple[Step, ...]
    export: str

    @property
    def text(self) -> str:
        """The canonical text; an export that goes without saying is left out."""
        implied = self.techniques and self.export == _implied(self.techniques)
        shown = () if implied else (Step(self.export, {}),)
        return str_pipe(self.techniques + shown)

    @property
    def slug(self) -> str:
        """The text as a part of a file name: `prune0.6-pqat`."""
        text = self.text.replace(" | ", "-").replace("(", "").replace(")", "")
        return re.sub(r"[^0-9A-Za-z.-]+", "_", text)


def parse_recipe(text: str) -> Recipe:
    """Read and check one recipe.

    Raises:
        UserError: names the step, its position, what is wrong and what to write.
    """
    steps = parse_pipe(text, GRAMMAR)
    if not steps:
        raise UserError(f'recipe "{text}" has no step; there are: {", ".join(GRAMMAR)}')
    for at, step in enumerate(steps, 1):
        _check(step, at, steps, f'step {at} of "{text}": {step.name}')
    if steps[-1].name in EXPORTS:
        return Recipe(steps[:-1], steps[-1].name)
    return Recipe(steps, _implied(steps))


def _implied(techniques: tuple[Step, ...]) -> str:
    return "int8" if techniques[-1].name in AWARE else "float"


def _check(step: Step, at: int, steps: tuple[Step, ...], where: str) -> None:
    """Raise a UserError when `step` cannot stand where it stands."""
    before = [earlier.name for earlier in steps[: at - 1]]
    problem = (
        _repeated(step.name, before)
        or _export_not_last(step.name, at, steps)
        or _loses_zeros(step.name, before)
        or _not_after_quantization(step.name, before)
    )
    if problem:
        raise UserError(f"{where} {problem}")


def _repeated(name: str, before: list[str]) -> str:
    if name in before:
        return f"is already step {before.index(name) + 1}; write it once"
    return ""


def _export_not_last(name: str, at: int, steps: tuple[Step, ...]) -> str:
    if name in EXPORTS and at < len(steps):
        return f"writes the file, so it must be the last of the {len(steps)} steps"
    return ""


def _loses_zeros(name: str, before: list[str]) -> str:
    if name == "qat" and "prune" in before:
        return "would lose the zeros that prune made; write pqat, which keeps them"
    if name == "pqat" and "prune" not in before:
        return "keeps zeros, but no prune comes before it; write qat, or add prune(…)"
    return ""


def _not_after_quantization(name: str, before: list[str]) -> str:
    aware = next((earlier for earlier in before if earlier in AWARE), None)
    if aware is None or name == "int8":
        return ""
    if name in EXPORTS:
        return f"cannot follow {aware}, which trains for int8; write int8 or nothing"
    return f"cannot follow {aware}, which comes last before the export"
