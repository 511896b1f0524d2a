"""The verb compress-file: a .keras file trained elsewhere, data and a budget in.

    python -m pipeline compress-file model.keras --data npz:mine.npz \\
        --budget max_drop=0.01 --budget max_bytes=20000

Out: the folder model.compressed (or --out), with the stages data, augment, train (a
copy of the file) and compress. The engine runs them, so what is up to date is not
made again, and a killed search goes on. Imports nothing heavy.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.chain import CHAIN
from pipeline.compress.given.params import GivenParams, source_state
from pipeline.config import FILE, load_experiment
from pipeline.data.params import check_source
from pipeline.engine.closure import CodeReader
from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.stage import Job, Stage
from pipeline.engine.terminal import Terminal
from pipeline.scores import score_of

NOTHING_FITS = 3  # exit code
GIVEN = "pipeline.compress.given"
HEAD = "# Made by: python -m pipeline compress-file {model}\n"


def compress_file(arguments: argparse.Namespace) -> int:
    """Compress the file; 0 when one meets the budget, 3 when none does."""
    if not arguments.model.is_file():
        raise UserError(f"{arguments.model}: no such file; name a .keras file")
    check_source(arguments.data)
    folder = arguments.out or arguments.model.with_suffix(".compressed")
    job = _job(folder, arguments)
    code = CodeReader(CODE_ROOT, folder / ".code.json", also=(Path.cwd(),))
    runner = Runner(job, code, Terminal(verbose=arguments.verbose))
    runner.bring_up_to_date(("compress",))
    pareto = read_json(folder / "compress" / "pareto.json")
    print("\n".join(table(pareto, folder)))
    return 0 if pareto["chosen"] else NOTHING_FITS


def table(pareto: dict[str, Any], folder: Path) -> list[str]:
    """One line a variant, the smallest first, and what was chosen."""
    score, size = score_of(pareto), f"bytes_{pareto['measure']}"
    rows = [row for row in pareto["points"] if row[score.key] is not None]
    rows.sort(key=lambda row: row[size])
    lines = [f"{'recipe':<44} {'gzip':>9} {'raw':>9}  valid.  {score.unit}"]
    for row in rows:
        mark = "chosen" if row["id"] == pareto["chosen"] else row["status"]
        lines.append(
            f"{row['recipe']:<44} {row['bytes_gzip']:>9,} {row['bytes_raw']:>9,}  "
            f"{row[score.key]:.3f}  {score.number(-row['drop'])}  {mark}"
        )
    if pareto["chosen"]:
        return [*lines, f"chosen: {folder / 'compress' / 'best.tflite'}"]
    return [*lines, f"none meets the budget; the frontier: {folder / 'compress'}"]


def _job(folder: Path, arguments: argparse.Namespace) -> Job:
    _check_own(folder / FILE)
    folder.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(model=arguments.model.name)
    source = f"data: {{source: {json.dumps(arguments.data)}}}\n"
    (folder / FILE).write_text(f"{text}{source}compress: {{sources: [baseline]}}\n")
    budget = [f"compress.budget.{text}" for text in arguments.budget]
    sets = [*budget, *arguments.sets]
    job = load_experiment(folder, sets).job(folder, sets)
    train = GivenParams(model=str(arguments.model.resolve()))
    return replace(job, chain=_chain(), params={**job.params, "train": train})


def _check_own(path: Path) -> None:
    """Refuse to write over an experiment that somebody wrote."""
    first = HEAD.partition("{")[0]
    if path.exists() and not path.read_text().startswith(first):
        raise UserError(
            f"{path}: is an experiment that compress-file did not make; "
            "choose another --out"
        )


def _chain() -> tuple[Stage, ...]:
    """data and augment as ever, the file as train, no student."""
    stages = {stage.name: stage for stage in CHAIN}
    train = Stage("train", ("data",), GivenParams, sources=source_state, package=GIVEN)
    compress = replace(stages["compress"], needs=("data", "augment", "train"))
    return (stages["data"], stages["augment"], train, compress)
