"""The chain of stages: their names, their order, and what each one reads.

data ─▶ augment ─▶ tune ─▶ train ─▶ distill ─▶ compress ─▶ evaluate ─▶ report
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.augment.params import AugmentParams
from pipeline.compress.params import CompressParams
from pipeline.compress.targets import registry as targets
from pipeline.data.params import DataParams
from pipeline.data.paths import source_state
from pipeline.data.sources.registry import reader_module
from pipeline.distill.params import TRAINED, DistillParams
from pipeline.engine.stage import Stage
from pipeline.evaluate.params import EvaluateParams
from pipeline.experiment import earlier_results
from pipeline.models import catalogue, referenced_files
from pipeline.report.params import ReportParams
from pipeline.tasks.registry import modules
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams
from pipeline.tune.sources import warm_source

# File of the report -> why its bytes differ from run to run.
_VOLATILE_REPORT = {
    "index.html": "shows latency, which this host's load changes",
    "model_card.md": "states latency and the host",
    "summary.json": "repeats latency for the terminal",
}


def _task(params: Mapping[str, Any], stage: str) -> tuple[str, ...]:
    """The modules of the experiment's task that a stage runs."""
    return modules(stage, params["data"].task)


def _reader_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    readers = map(reader_module, params["data"].every_source)
    return (*readers, *_task(params, "data"))


def _builder_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    names = params["tune"].families
    builders = dict.fromkeys(catalogue.parse(name).module for name in names)
    kinds = params["data"].extra_targets.values()
    return (*builders, *modules("train", params["data"].task, kinds))


def _data_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return source_state(params["data"])


def _base_models(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The .keras files that the builder starts from, and their hashes."""
    tune = params["tune"]
    return referenced_files.hash_references([tune.values, tune.fix])


def _tune_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {**_base_models(params), **warm_source(params["tune"])}


def _student_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    students = params["distill"].named_builders
    modules = [catalogue.parse(student).module for student in students]
    return (*_builder_modules(params), *modules)


def _train_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {
        **_base_models(params),
        **referenced_files.hash_files(params["train"].files),
    }


def _teacher_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    teachers = {teacher.model for teacher in params["distill"].teachers} - {TRAINED}
    return {**_base_models(params), **referenced_files.hash_files(teachers)}


def _user_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Modules of the user's builders, whose layers the models may have."""
    if "distill" not in params or "tune" not in params:
        return ()
    names = (*params["tune"].families, *params["distill"].named_builders)
    choices = [catalogue.parse(name) for name in names]
    return tuple(dict.fromkeys(c.module for c in choices if c.is_custom))


def _evaluate_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_task(params, "evaluate"), *_user_modules(params))


def _compress_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Modules of the task, of builders, and of the target's optional package."""
    child = targets.get(params["compress"].target).child
    always = (*_task(params, "compress"), *_user_modules(params))
    return (*always, *([child] if child else []))


CHAIN = (
    Stage("data", (), DataParams, code=_reader_modules, sources=_data_files),
    Stage("augment", ("data",), AugmentParams, code=partial(_task, stage="augment")),
    Stage(
        "tune",
        ("data", "augment"),
        TuneParams,
        code=_builder_modules,
        sources=_tune_files,
        extra_inputs=partial(earlier_results.extra_inputs, stages=("tune",)),
    ),
    Stage(
        "train",
        ("data", "augment", "tune"),
        TrainParams,
        code=_builder_modules,
        sources=_train_files,
        extra_inputs=partial(earlier_results.extra_inputs, stages=("data", "train")),
        limited=False,
    ),
    Stage(
        "distill",
        ("data", "augment", "tune", "train"),
        DistillParams,
        code=_student_modules,
        sources=_teacher_files,
    ),
    Stage(
        "compress",
        ("data", "augment", "train", "distill"),
        CompressParams,
        code=_compress_modules,
        selection_params=(
            "budget",
            "c_symbol",
            "recipes",
            "sources",
            "rungs",
            "target",
        ),
        selection_code=targets.OPTIONAL,
    ),
    Stage(
        "evaluate",
        ("data", "train", "compress"),
        EvaluateParams,
        code=_evaluate_modules,
    ),
    Stage(
        "report",
        ("data", "augment", "tune", "train", "distill", "compress", "evaluate"),
        ReportParams,
        code=partial(_task, stage="report"),
        volatile=_VOLATILE_REPORT,
        copies_volatile=True,
    ),
)

STAGES = tuple(stage.name for stage in CHAIN)
