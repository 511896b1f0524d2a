"""The verb compress-file: a .keras file trained elsewhere, data and a budget in.

    python -m pipeline compress-file model.keras --data npz:mine.npz \\
        --budget max_drop=0.01 --budget max_bytes=20000

Out: the folder model-compressed (or --out), with the stages data, augment, train (a
copy of the file) and compress. The engine runs them, so what is up to date is not
made again, and a killed search goes on; `show`, `status` and `predict` take the
folder. Imports nothing heavy.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import single
from pipeline.chain import CHAIN
from pipeline.compress.import_model.archive import check_archive
from pipeline.compress.import_model.params import GivenParams, source_state
from pipeline.config import (
    FILE,
    LONGEST,
    Experiment,
    Override,
    load_experiment,
    parse_set,
)
from pipeline.core.errors import UserError
from pipeline.data.sources.registry import check_source
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.stage import Job, Stage
from pipeline.engine.terminal import Terminal

GIVEN = "pipeline.compress.import_model"
USED = ("seed", "threads", "portability", "data", "augment", "compress")
UNPROCESSED = ("npz", "csv")
ONLY = "baseline"  # of compress.sources: there is no student


def compress_file(arguments: argparse.Namespace) -> int:
    """Compress the file; 0 when one meets the budget, 3 when none does."""
    check_archive(arguments.model)
    check_source(arguments.data)
    typed = _typed(arguments)
    _check_used(typed)
    folder = arguments.out or default_folder(arguments.model)
    with _new_folder(folder):
        job = _job(folder, arguments)
    code = CodeReader(CODE_ROOT, folder / ".code.json", also=(Path.cwd(),))
    runner = Runner(job, code, Terminal(verbose=arguments.verbose))
    runner.bring_up_to_date(("compress",))
    pareto = single.read(folder)
    print(single.text(folder, pareto))
    return single.exit_code(pareto)


def default_folder(model: Path) -> Path:
    """`MODEL-compressed` beside the model; its name can be an experiment's."""
    plain = re.sub("[^A-Za-z0-9_-]", "-", model.stem).lstrip("-_") or "model"
    end = "-compressed"
    return model.parent / f"{plain[: LONGEST - len(end)]}{end}"


def published_job(folder: Path) -> Job:
    """The job of a folder that compress-file made, as it was given."""
    held = single.given(folder)
    sets, model = held["sets"], held["model"]
    return _with_model(load_experiment(folder, sets).job(folder, sets), Path(model))


def _typed(arguments: argparse.Namespace) -> dict[str, str]:
    """`--set` text -> the option as it was typed, for `--budget` and `--set`."""
    for text in arguments.budget:
        if "=" not in text:
            raise UserError(f"--budget {text}: must be KEY=V, such as max_drop=0.01")
    budget = {
        f"compress.budget.{text}": f"--budget {text}" for text in arguments.budget
    }
    return {**budget, **{text: f"--set {text}" for text in arguments.sets}}


def _check_used(typed: Mapping[str, str]) -> None:
    """Refuse what a chain of one trained model has no use for."""
    for one in (parse_set(text, option) for text, option in typed.items()):
        section = str(one.key[0])
        if section in Experiment.model_fields and section not in USED:
            raise UserError(
                f"{one.option}: has no effect, as compress-file neither trains nor "
                f"tests nor reports; its keys are those of {', '.join(USED)}"
            )
        for key in ("sources", "taught"):
            asked = _asked(one, key)
            if isinstance(asked, str | list) and "student" in asked:
                raise UserError(
                    f"{one.option}: a single file has no student; compress.{key} "
                    f"can be [{ONLY}]"
                )


def _asked(one: Override, key: str) -> Any:
    """What a setting gives to `compress.KEY`, if anything."""
    if one.key == ("compress",) and isinstance(one.value, dict):
        return one.value.get(key)
    return one.value if one.key == ("compress", key) else None


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Make a folder; all is as it was if what is done in it fails."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    file = folder / FILE
    before = file.read_bytes() if file.is_file() else None
    try:
        _make(folder)
        yield
    except BaseException:
        if before is not None:
            file.write_bytes(before)
        elif file.is_file():
            file.unlink()
        for one in (each for each in new if each.is_dir()):
            one.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(
            f"--out {folder}: is a file, or in one; name a folder that can be made"
        ) from None
    except OSError as error:
        raise UserError(
            f"--out {folder}: the folder cannot be made: {error.strerror}"
        ) from None


def _job(folder: Path, arguments: argparse.Namespace) -> Job:
    _check_own(folder / FILE)
    typed = _typed(arguments)
    sets = list(typed)
    text = single.header(arguments.model, sets)
    data = f"data: {json.dumps(_data(arguments.data))}\n"
    (folder / FILE).write_text(f"{text}{data}compress: {{sources: [{ONLY}]}}\n")
    job = load_experiment(folder, sets, typed).job(folder, sets)
    return _with_model(job, arguments.model)


def _data(source: str) -> dict[str, Any]:
    """Arrays and tables are not preprocessed: the model was trained on such numbers."""
    plain = source.partition(":")[0] in UNPROCESSED
    return {"source": source, **({"preprocessing": "none"} if plain else {})}


def _with_model(job: Job, model: Path) -> Job:
    """The job of a model that is trained already."""
    train = GivenParams(model=str(model.resolve()))
    return replace(job, chain=_chain(), params={**job.params, "train": train})


def _check_own(path: Path) -> None:
    """Refuse to write over an experiment that somebody wrote."""
    first = single.HEAD.partition("{")[0]
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
