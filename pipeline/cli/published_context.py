"""Read what the variants of a published experiment were built from."""

from __future__ import annotations

from pathlib import Path

from pipeline.compress.params import CompressParams
from pipeline.compress.stage import build_context
from pipeline.compress.variant import BuildContext
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.core.user_modules import announce
from pipeline.engine.published import published
from pipeline.engine.stage import Inputs, Job

FILES = {"data": (), "augment": (), "train": ("model.keras",)}
DISTILLED = {"distill": ("student.keras",)}


def build_context_of(job: Job, scratch: Path) -> BuildContext:
    """Collect what the variants of a published experiment were built from.

    Args:
        job: of the experiment.
        scratch: working folder for variants.

    Raises:
        UserError: when a stage has not been run, or a file has changed since.
    """
    files = {**FILES, **(DISTILLED if _has_student(job) else {})}
    folders = {}
    for stage, names in files.items():
        if not (job.folder / stage).is_dir():
            raise UserError(f"{job.folder}: stage {stage} has no result; run it again")
        folders[stage] = published(job.folder / stage, *names)
    seed = derive_seed(job.settings["seed"], "compress")
    params = read_json(job.folder / "compress" / "params.json")
    inputs = Inputs(folders, seed, scratch=scratch)
    announce(job.stage("compress").code(job.params))
    return build_context(CompressParams.model_validate(params), inputs)


def _has_student(job: Job) -> bool:
    return any(stage.name == "distill" for stage in job.chain)
