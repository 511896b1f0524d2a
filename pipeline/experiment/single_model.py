"""The job of compress_model: one trained model in the place of training.

In: an experiment file whose first lines name the model and the settings. Out: a job
with the stages data, augment, train (a copy of the model) and compress.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.params import ImportParams, source_state
from pipeline.core.errors import UserError
from pipeline.core.invocation import SCRIPT
from pipeline.engine.stage import Job, Stage
from pipeline.experiment.loader import FILE, read_experiment
from pipeline.experiment.stages import CHAIN
from pipeline.experiment.yaml_positions import read_text
from pipeline.tasks.registry import modules

PACKAGE = "pipeline.compress.import_model"  # of the stage in the place of train
FIRST_LINE = f"# Made by: {SCRIPT} compress-file "  # then the model's name
# First lines of this and of earlier versions.
FIRST_LINES = (FIRST_LINE, "# Made by: python -m pipeline compress-file ")
SECOND_LINE = "# Given: "  # then the model's path and the settings, as JSON


def is_single(folder: Path) -> bool:
    """Return whether compress_model made the experiment in `folder`."""
    return settings_of(folder) is not None


def settings_of(folder: Path) -> dict[str, Any] | None:
    """The `model` and `sets` of compress_model; None for other experiments.

    Raises:
        UserError: compress_model made the file, but its settings cannot be read.
    """
    path = folder / FILE
    text = read_text(path) if path.is_file() else ""
    head = text.splitlines()[:2]
    if not head or not head[0].startswith(FIRST_LINES):
        return None
    try:
        if len(head) > 1 and head[1].startswith(SECOND_LINE):
            return dict(json.loads(head[1].removeprefix(SECOND_LINE)))
    except (ValueError, TypeError):
        pass  # edited by hand
    raise UserError(
        f"{path}: was made by another version of compress-file; run that again"
    )


def header(model: Path, sets: list[str]) -> str:
    """The first lines of the experiment file, which `settings_of` reads.

    Args:
        model: the .keras file.
        sets: overrides of the experiment.
    """
    settings = json.dumps({"model": str(model.resolve()), "sets": sets})
    return f"{FIRST_LINE}{model.name}\n{SECOND_LINE}{settings}\n"


def published_job(folder: Path) -> Job:
    """The job of a folder that compress_model made, with the same settings."""
    settings = settings_of(folder)
    assert settings is not None
    sets, model = settings["sets"], settings["model"]
    return with_model(read_experiment(folder, sets).job(folder, sets), Path(model))


def with_model(job: Job, model: Path, anyway: bool = False) -> Job:
    """The job with a trained model in the place of training.

    Args:
        job: of the experiment file.
        model: the .keras file.
        anyway: compress it even if the data seem to be misread; default False.
    """
    train = ImportParams(model=str(model.resolve()), anyway=anyway)
    params: dict[str, Any] = dict(job.params)
    # Folders of earlier versions kept a test split that no stage reads.
    tested = params["data"].has_test_split and not params["evaluate"].robustness
    return replace(job, chain=_chain(tested), params={**params, "train": train})


def refused(folder: Path) -> UserError:
    """The error of a command that cannot be applied to such a folder."""
    return UserError(
        f"{folder / FILE}: was made by compress-file; to compress again, or with "
        "other settings, run compress-file again"
    )


def _chain(tested: bool) -> tuple[Stage, ...]:
    """Stages: data and augment as in every chain, the model as train, no student.

    The last one is compress, or evaluate where there is a test split.
    """
    stages = {stage.name: stage for stage in CHAIN}
    train = Stage(
        "train",
        ("data",),
        ImportParams,
        code=lambda params: modules("import", params["data"].task),
        sources=source_state,
        package=PACKAGE,
    )
    compress = replace(stages["compress"], depends_on=("data", "augment", "train"))
    chain = (stages["data"], stages["augment"], train, compress)
    return (*chain, stages["evaluate"]) if tested else chain
