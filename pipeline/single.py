"""The verdict of a folder that compress-file made: every file in a table.

In: the folder of a model from elsewhere, with its stage compress. Out: the lines that
compress-file ends with, and `show` prints again, and the exit code.
"""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Any

from pipeline.compress.selection.pareto_front import nearest_miss
from pipeline.compress.selection.budget import Limits, read_limits, sure_drop
from pipeline.config import FILE, NAME
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.scores import Score, score_of
from pipeline.verdict import columns

NOTHING_FITS = 3  # exit code
HEAD = "# Made by: python -m pipeline compress-file {model}\n"
GIVEN = "# Given: "  # then the model's path and the settings, as JSON

Row = dict[str, Any]


def is_single(folder: Path) -> bool:
    """Whether compress-file made the experiment in `folder`."""
    return given(folder) is not None


def given(folder: Path) -> dict[str, Any] | None:
    """What compress-file was given, `model` and `sets`; None of other experiments.

    Raises:
        UserError: when compress-file made it, and it does not say of what.
    """
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not lines or not lines[0].startswith(HEAD.partition("{")[0]):
        return None
    try:
        if len(lines) > 1 and lines[1].startswith(GIVEN):
            return json.loads(lines[1].removeprefix(GIVEN))
    except ValueError:
        pass  # somebody has edited it
    raise UserError(
        f"{path}: was made by another version of compress-file; run that again"
    )


def header(model: Path, sets: list[str]) -> str:
    """The first lines of the experiment file, which `given` reads."""
    held = json.dumps({"model": str(model.resolve()), "sets": sets})
    return HEAD.format(model=model.name) + f"{GIVEN}{held}\n"


def read(folder: Path) -> dict[str, Any]:
    """pareto.json of the folder, `latency`: id -> its times, and `input` in words."""
    path = folder / "compress" / "pareto.json"
    if not path.is_file():
        raise UserError(f"{path.parent}: no result yet; run compress-file again")
    run = read_json(path.with_name("run.json"))
    latency = run.get("volatile", {}).get("latency_ms", {})
    return {**read_json(path), "latency": latency, "input": _input(folder)}


def exit_code(pareto: dict[str, Any]) -> int:
    """0 when a file meets the budget, 3 when none does."""
    return 0 if pareto["chosen"] else NOTHING_FITS


def text(folder: Path, pareto: dict[str, Any]) -> str:
    """What the model was given, the table, what was chosen, and how to use it."""
    limits = read_limits(pareto["budget"], score_of(pareto), pareto["latency"])
    lines = [f"input     {pareto['input']}", *table(pareto, limits), ""]
    lines += _chosen(folder) if pareto["chosen"] else _nothing(folder, pareto, limits)
    return "\n".join(lines)


def table(pareto: dict[str, Any], limits: Limits) -> list[str]:
    """One line a variant, the smallest first, those without a file last.

    The change is that of validation, and at worst, which counts, at the upper end of
    its interval.
    """
    key, size, unit = limits.score.key, limits.size, limits.score.unit
    none = float("inf")
    rows = sorted(
        pareto["points"], key=lambda row: none if row[key] is None else row[size]
    )
    head = ("recipe", f"{'gzip':>9}", f"{'raw':>9}", "valid.", f"{unit:>6}", "at worst")
    return columns(
        head,
        rows,
        title=lambda row: row["recipe"],
        key=key,
        cells=lambda row: _cells(row, limits.score, _mark(row, pareto, limits)),
    )


def _input(folder: Path) -> str:
    """Whether the data stage changed the numbers: a model trained on others errs."""
    spec = read_json(folder / "data" / "spec.json")
    done = [step["step"] for step in spec["preprocess"]]
    if spec["scale"] != 1 or spec["offset"]:
        done.append(f"x * {spec['scale']:.4g} + {spec['offset']:.4g}")
    if not done:
        return f"{spec['source']} without preprocessing"
    steps = ", ".join(done)
    return f"{spec['source']} after {steps} (data.preprocessing=none: without this)"


def _cells(row: Row, score: Score, mark: str) -> list[str]:
    return [
        f"{row['bytes_gzip']:>9,}",
        f"{row['bytes_raw']:>9,}",
        f"{row[score.key]:>6.3f}",
        f"{score.number(0.0 - row['drop']):>6}",
        f"{score.number(0.0 - sure_drop(row)):>8}",
        mark,
    ]


def _mark(row: Row, pareto: dict[str, Any], limits: Limits) -> str:
    if row["id"] == pareto["chosen"]:
        return "chosen"
    if row["status"] != "ok":
        return f"{row['status']}: {row['reason']}"
    return "over budget" if limits.excess(row) > 0 else "ok"


def _chosen(folder: Path) -> list[str]:
    name, root = folder.resolve().name, folder.parent
    lines = [f"chosen    {folder / 'compress' / 'best.tflite'}"]
    if NAME.fullmatch(name):
        use = f"python -m pipeline predict {name} FILE --root {quote(str(root))}"
        return [*lines, f"use       {use}"]
    return [
        *lines,
        "use       predict and show need an --out of letters, digits, - and _",
    ]


def _nothing(folder: Path, pareto: dict[str, Any], limits: Limits) -> list[str]:
    lines = [
        f"chosen    none meets the budget: {limits.words()}",
        f"frontier  {folder / 'compress'}",
    ]
    near = nearest_miss(pareto["points"], limits)
    missed = "; ".join(limits.missed(near)) if near else ""
    return [*lines, f"nearest   {near['recipe']}: {missed}"] if near else lines
