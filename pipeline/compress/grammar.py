"""Compression recipes: the steps, and the orders of them that are valid.

    "int8"    "qat"    "prune(0.6) | int8"    "prune(0.6) | pqat"

A recipe is a pipe of techniques, which change and fine-tune the model, then of
adjustments, which need no training and reduce the loss of quantization, ended by one
export, which writes the file. Without an export, a recipe that trains for int8 or
adjusts it is written as int8, and any other as float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.compress.adjust.steps import ADJUSTMENTS, PER_LAYER, problem_of
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Argument, Signature, Step, parse_pipe, str_pipe


@dataclass(frozen=True)
class Technique(Signature):
    """The arguments of a step that changes the model.

    Args:
        seed_name: name of the step in the text that seeds are derived from; the step's
            own name if empty. A renamed step keeps its first name here: with another
            one, fine-tuning would draw other numbers, and published results would no
            longer be reproduced.
    """

    seed_name: str = ""


EXPORTS = {
    "float": Signature(summary="float32 weights, as trained"),
    "dynamic": Signature(summary="int8 weights; activations stay float32"),
    "float16": Signature(summary="float16 weights; activations stay float32"),
    "int8": Signature(
        summary="full-integer quantization with calibrated ranges; int8 input and "
        "output"
    ),
    "int16x8": Signature(
        summary="full-integer quantization with int8 weights; int16 activations, input "
        "and output"
    ),
    "int4": Signature(
        summary="int4 weights, by the LiteRT quantizer; activations stay float32"
    ),
}
STRUCTURES = ("free", "two_of_four", "block")
TECHNIQUES = {
    "prune_channels": Technique(
        (Argument("fraction", float, low=0.05, high=0.9),),
        "removes the weakest channels, which makes the network itself smaller",
        seed_name="filters",
    ),
    "prune": Technique(
        (
            Argument("sparsity", float, low=0.05, high=0.98),
            Argument("structure", str, "free", allowed=STRUCTURES),
            Argument("schedule", str, "gradual", allowed=("constant", "gradual")),
        ),
        "sets the smallest weights to zero and fine-tunes the others; `gradual` in "
        "three steps of a third of the epochs each, `constant` at once, as with fewer "
        "than three epochs",
    ),
    "cluster": Technique(
        (Argument("n", int, low=2, high=128),),
        "shares weights: n distinct values in each kernel; zeros stay zero",
    ),
    "quantize_weights": Technique(
        (
            Argument("n", int, low=2, high=7),
            Argument("kernels", str, "inner", allowed=("inner", "all")),
        ),
        "quantizes weights to n bits: 2^n - 1 evenly spaced values in each kernel, "
        "with a learned step size; `inner` leaves out the first and the last kernel",
        seed_name="bits",
    ),
    "binary": Technique(
        summary="quantizes weights to one bit: plus or minus one magnitude per channel"
    ),
    "qat": Technique(summary="quantization-aware training for int8"),
    "pqat": Technique(
        summary="quantization-aware training for int8 that keeps zero weights zero"
    ),
    "cqat": Technique(
        summary="quantization-aware training for int8 that keeps equal weights equal, "
        "after cluster or quantize_weights"
    ),
    "pcqat": Technique(
        summary="quantization-aware training for int8 that keeps zero weights zero and "
        "equal weights equal"
    ),
}
GRAMMAR = {**EXPORTS, **TECHNIQUES, **ADJUSTMENTS}
RENAMED_STEPS = {"filters": "prune_channels", "bits": "quantize_weights"}

# Properties that earlier steps gave to the weights -> the training for int8 that
# preserves exactly these.
PRESERVING = {
    frozenset(): "qat",
    frozenset({"zeros"}): "pqat",
    frozenset({"clusters"}): "cqat",
    frozenset({"zeros", "clusters"}): "pcqat",
}
AWARE = tuple(PRESERVING.values())  # only int8 can follow
# Technique -> the property of the weights that training for int8 must preserve.
PROPERTIES = {"prune": "zeros", "cluster": "clusters", "quantize_weights": "clusters"}
TIES = tuple(name for name, kind in PROPERTIES.items() if kind == "clusters")

_BRACES = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"\s*([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe.

    Args:
        techniques: the steps that change and fine-tune the model, in their order.
        export: name of the step that writes the file.
        adjustments: steps between techniques and export; default none.
    """

    techniques: tuple[Step, ...]
    export: str
    adjustments: tuple[Step, ...] = ()

    @property
    def text(self) -> str:
        """The canonical text, without an implied export: `prune(0.6) | pqat`."""
        steps = (*self.techniques, *self.adjustments)
        implied = self.techniques and self.export == _implied_export(self.techniques)
        shown = () if implied and not self.adjustments else (Step(self.export, {}),)
        return str_pipe((*map(_short, steps), *shown))

    @property
    def slug(self) -> str:
        """The text as part of a file name: `prune0.6-pqat`."""
        text = re.sub(r"\((?=[A-Za-z_])", "_", self.text)  # a word, not a number
        text = text.replace(" | ", "-").replace("(", "").replace(")", "")
        return re.sub(r"[^0-9A-Za-z.-]+", "_", text)


def parse_recipe(text: str) -> Recipe:
    """Parse and check one recipe.

    Args:
        text: steps separated by `|`.

    Returns:
        The recipe, with a value for every argument.

    Raises:
        UserError: naming the step, its position, what is wrong and what to write.
    """
    _check_names(text)
    steps = parse_pipe(text, GRAMMAR)
    if not steps:
        raise UserError(
            f'recipe "{text}" has no step (available: {", ".join(GRAMMAR)})'
        )
    for number, step in enumerate(steps, 1):
        _check(step, steps[: number - 1], len(steps), f'step {number} of "{text}"')
    techniques = tuple(step for step in steps if step.name in TECHNIQUES)
    adjustments = tuple(step for step in steps if step.name in ADJUSTMENTS)
    last = steps[-1].name
    export = last if last in EXPORTS else _implied_export(steps)
    return Recipe(techniques, export, adjustments)


def expand(text: str) -> list[str]:
    """Expand braces: `prune({0.5, 0.7}) | pqat` is one recipe for each strength.

    Args:
        text: a recipe, not yet parsed.

    Returns:
        One text for each combination of values, the last braces varying fastest.
    """
    match = _BRACES.search(text)
    if not match:
        return [text]
    before, after = text[: match.start()], text[match.end() :]
    values = [value.strip() for value in match.group(1).split(",")]
    return [recipe for value in values for recipe in expand(f"{before}{value}{after}")]


def seed_text(techniques: tuple[Step, ...]) -> str:
    """Format the first steps of a recipe as the text that seeds are derived from.

    Args:
        techniques: steps without an export.

    Returns:
        The canonical text, with `seed_name` in place of the names of renamed steps.
    """
    return str_pipe(
        tuple(
            Step(TECHNIQUES[step.name].seed_name or step.name, _short(step).args)
            for step in techniques
        )
    )


def _short(step: Step) -> Step:
    """The step without the defaults at the end of its arguments."""
    values = list(step.args.items())
    defaults = {
        argument.name: argument.default for argument in GRAMMAR[step.name].params
    }
    while values and defaults[values[-1][0]] == values[-1][1]:
        values.pop()
    return Step(step.name, dict(values))


def _implied_export(steps: tuple[Step, ...]) -> str:
    integer = (*AWARE, "binary", *ADJUSTMENTS)
    return "int8" if steps[-1].name in integer else "float"


def _check_names(text: str) -> None:
    for number, part in enumerate(text.split("|"), 1):
        match = _NAME.match(part)
        if match and match[1] in RENAMED_STEPS:
            raise UserError(
                f'step {number} of "{text}": `{match[1]}` has been renamed to '
                f"`{RENAMED_STEPS[match[1]]}`; use that"
            )


def _check(step: Step, earlier: tuple[Step, ...], count: int, where: str) -> None:
    """Raise a UserError when `step` must not follow the earlier of `count` steps."""
    before = [other.name for other in earlier]
    problem = (
        _repeated(step, earlier)
        or _export_not_last(step.name, len(before), count)
        or _not_preserved(step.name, before)
        or _after_quantization(step.name, before)
        or problem_of(step.name, before, TECHNIQUES, (*TIES, "binary"))
        or _wrong_order(step.name, before)
        or _exclusive(step.name, before)
        or _wrong_sparsity(step)
    )
    if problem:
        raise UserError(f"{where}: {step.name} {problem}")


def _repeated(step: Step, earlier: tuple[Step, ...]) -> str:
    names = [other.name for other in earlier]
    if step.name in PER_LAYER:
        layers = [other.args["layer"] for other in earlier if other.name in PER_LAYER]
        if step.args["layer"] in layers:
            return f"names the layer {step.args['layer']} again; name it once"
    elif step.name in names:
        return f"is already step {names.index(step.name) + 1}; write it once"
    return ""


def _export_not_last(name: str, position: int, count: int) -> str:
    if name in EXPORTS and position + 1 < count:
        return f"writes the file, so it must be the last of the {count} steps"
    return ""


def _not_preserved(name: str, before: list[str]) -> str:
    """Training for int8 preserves every property of the weights, and no other."""
    if name not in AWARE:
        return ""
    preserved = next(kinds for kinds, aware in PRESERVING.items() if aware == name)
    makers = {PROPERTIES[step]: step for step in before if step in PROPERTIES}
    right = PRESERVING[frozenset(makers)]
    for step, kind in (("prune", "zeros"), ("cluster", "clusters")):
        if kind in makers and kind not in preserved:
            return f"would lose the {kind} that {makers[kind]} made; write {right}"
        if kind in preserved and kind not in makers:
            return (
                f"keeps {kind}, but no {step} comes before it; write {right}, or add "
                f"{step}(…)"
            )
    return ""


def _after_quantization(name: str, before: list[str]) -> str:
    aware = next((earlier for earlier in before if earlier in AWARE), None)
    if aware is None or name == "int8":
        return ""
    if name in EXPORTS:
        return f"cannot follow {aware}, which trains for int8; write int8 or nothing"
    return f"cannot follow {aware}, which comes last before the export"


def _wrong_order(name: str, before: list[str]) -> str:
    """A step that would undo an earlier one."""
    if name == "prune_channels" and before:
        return f"makes the network smaller, so it comes first, not after {before[-1]}"
    ties = [step for step in before if step in TIES]
    if name == "prune" and ties:
        return f"would change the clusters; write prune before {ties[0]}"
    return ""


def _exclusive(name: str, before: list[str]) -> str:
    ties = [step for step in before if step in TIES]
    if name in TIES and ties:
        return f"and {ties[0]} exclude each other: both define which weights are equal"
    names = {name, *before}
    if "binary" in names and (others := names & {*PROPERTIES, *AWARE}):
        return (
            f"and {', '.join(sorted(others - {name}) or ['binary'])} exclude each "
            "other: a binary weight has one bit; remove one of them"
        )
    return ""


def _wrong_sparsity(step: Step) -> str:
    if step.args.get("structure") == "two_of_four" and step.args["sparsity"] != 0.5:
        return "with two_of_four has a sparsity of 0.5; write prune(0.5, two_of_four)"
    return ""
