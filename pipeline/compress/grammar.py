"""Compression recipes: which steps there are, and which orders of them make sense.

    "int8"    "qat"    "prune(0.6) | int8"    "prune(0.6) | pqat"

A recipe is a pipe of techniques, which change and fine-tune the model, ended by
one export, which writes the file. The export may be left out: pruning alone is
written as float, quantization-aware training as full int8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Argument, Signature, Step, parse_pipe, str_pipe

EXPORTS = {
    "float": Signature(summary="float32 weights, as trained"),
    "dynamic": Signature(summary="int8 weights, float computation"),
    "float16": Signature(summary="float16 weights, float computation"),
    "int8": Signature(summary="full integer, calibrated, int8 input and output"),
    "int16x8": Signature(summary="int8 weights, int16 activations, input and output"),
    "int4": Signature(summary="int4 weights, float computation; LiteRT quantizer"),
}
STRUCTURES = ("free", "two_of_four", "block")
TECHNIQUES = {
    "filters": Signature(
        (Argument("fraction", float, low=0.05, high=0.9),),
        "removes the weakest channels, so that the net itself is smaller",
    ),
    "prune": Signature(
        (
            Argument("sparsity", float, low=0.05, high=0.98),
            Argument("structure", str, "free", allowed=STRUCTURES),
            Argument("schedule", str, "constant", allowed=("constant", "gradual")),
        ),
        "sets the smallest weights to zero and fine-tunes the rest",
    ),
    "cluster": Signature(
        (Argument("n", int, low=2, high=128),),
        "leaves n different weights in each kernel, zero among them",
    ),
    "bits": Signature(
        (
            Argument("n", int, low=2, high=7),
            Argument("kernels", str, "inner", allowed=("inner", "all")),
        ),
        "leaves 2^n - 1 different weights in each kernel: whole multiples of a learned "
        "step; `inner` kernels, or `all` with first and last",
    ),
    "binary": Signature(summary="one bit a weight: plus or minus one size a channel"),
    "qat": Signature(summary="fine-tunes with quantization in the loop; int8"),
    "pqat": Signature(summary="qat that keeps the zeros of prune; int8"),
    "cqat": Signature(summary="qat that keeps equal what cluster or bits made; int8"),
    "pcqat": Signature(summary="qat that keeps zeros and clusters; int8"),
}
GRAMMAR = {**EXPORTS, **TECHNIQUES}
# What trains for int8, by what it keeps of the steps before.
KEEPING = {
    frozenset(): "qat",
    frozenset({"zeros"}): "pqat",
    frozenset({"clusters"}): "cqat",
    frozenset({"zeros", "clusters"}): "pcqat",
}
AWARE = tuple(KEEPING.values())  # only int8 can follow
# What a technique makes that training for int8 must keep; of equal weights both
# cluster and bits make some.
MAKES = {"prune": "zeros", "cluster": "clusters", "bits": "clusters"}
TIES = tuple(name for name, made in MAKES.items() if made == "clusters")


STRENGTHS = re.compile(r"\{([^{}]*)\}")


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
        return str_pipe((*map(_short, self.techniques), *shown))

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


def expand(text: str) -> list[str]:
    """A recipe for each strength: `prune({0.5, 0.7}) | pqat` is two of them."""
    match = STRENGTHS.search(text)
    if not match:
        return [text]
    before, after = text[: match.start()], text[match.end() :]
    values = [value.strip() for value in match.group(1).split(",")]
    return [each for value in values for each in expand(f"{before}{value}{after}")]


def steps_text(techniques: tuple[Step, ...]) -> str:
    """The canonical text of the first steps of a recipe."""
    return str_pipe(tuple(map(_short, techniques)))


def _short(step: Step) -> Step:
    """The step without the defaults at the end of its arguments."""
    values = list(step.args.items())
    defaults = {each.name: each.default for each in TECHNIQUES[step.name].params}
    while values and defaults[values[-1][0]] == values[-1][1]:
        values.pop()
    return Step(step.name, dict(values))


def _implied(techniques: tuple[Step, ...]) -> str:
    return "int8" if techniques[-1].name in (*AWARE, "binary") else "float"


def _check(step: Step, at: int, steps: tuple[Step, ...], where: str) -> None:
    """Raise a UserError when `step` cannot stand where it stands."""
    before = [earlier.name for earlier in steps[: at - 1]]
    problem = (
        _repeated(step.name, before)
        or _export_not_last(step.name, at, steps)
        or _loses(step.name, before)
        or _not_after_quantization(step.name, before)
        or _order(step.name, before)
        or _half(step)
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


def _loses(name: str, before: list[str]) -> str:
    """Training for int8 must keep what is there, and nothing that is not."""
    if name not in AWARE:
        return ""
    keeps = next(kept for kept, aware in KEEPING.items() if aware == name)
    makers = {MAKES[step]: step for step in before if step in MAKES}
    right = KEEPING[frozenset(makers)]
    for step, what in (("prune", "zeros"), ("cluster", "clusters")):
        if what in makers and what not in keeps:
            return f"would lose the {what} that {makers[what]} made; write {right}"
        if what in keeps and what not in makers:
            return (
                f"keeps {what}, but no {step} comes before it; write {right}, or add "
                f"{step}(…)"
            )
    return ""


def _not_after_quantization(name: str, before: list[str]) -> str:
    aware = next((earlier for earlier in before if earlier in AWARE), None)
    if aware is None or name == "int8":
        return ""
    if name in EXPORTS:
        return f"cannot follow {aware}, which trains for int8; write int8 or nothing"
    return f"cannot follow {aware}, which comes last before the export"


def _order(name: str, before: list[str]) -> str:
    """What would undo what was done."""
    if name == "filters" and before:
        return f"makes a smaller net, so it comes first, not after {before[-1]}"
    ties = [step for step in before if step in TIES]
    if name == "prune" and ties:
        return f"would change the clusters; write prune before {ties[0]}"
    if name in TIES and ties:
        return f"and {ties[0]} exclude each other: both say which weights are equal"
    pair = {name, *before}
    if "binary" in pair and (other := pair & {*MAKES, *AWARE}):
        return (
            f"and {', '.join(sorted(other - {name}) or ['binary'])} exclude each "
            "other: a binary weight has one bit; leave one of them out"
        )
    return ""


def _half(step: Step) -> str:
    if step.args.get("structure") == "two_of_four" and step.args["sparsity"] != 0.5:
        return "with two_of_four is a sparsity of 0.5; write prune(0.5, two_of_four)"
    return ""
