"""The chain of stages: their names, their order, and what each one reads.

data ─▶ augment ─▶ tune ─▶ train ─▶ distill ─▶ compress ─▶ evaluate ─▶ report
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.augment.params import AugmentParams
from pipeline.compress.params import CompressParams
from pipeline.data.params import DataParams, reader_module
from pipeline.data.paths import source_state
from pipeline.distill.params import TRAINED, DistillParams
from pipeline.engine.stage import Stage
from pipeline.evaluate.params import EvaluateParams
from pipeline.experiment import earlier_results
from pipeline.models import catalogue, trained
from pipeline.report.params import ReportParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams
from pipeline.tune.sources import warm_source

# File of the report -> why its bytes differ from run to run.
_VOLATILE_REPORT = {
    "index.html": "shows latency, which this host's load changes",
    "model_card.md": "states latency and the host",
    "summary.json": "repeats latency for the terminal",
}


def _reader_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(reader_module, params["data"].sources))


def _builder_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    names = params["tune"].families
    return tuple(dict.fromkeys(catalogue.parse(name).module for name in names))


def _data_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return source_state(params["data"])


def _base_models(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The .keras files that the builder starts from, and their hashes."""
    tune = params["tune"]
    return trained.states([tune.values, tune.fix])


def _tune_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {**_base_models(params), **warm_source(params["tune"])}


def _student_modules(params: Mapping[str, Any]) -> tuple[str, ...]:
    student = params["distill"].builder
    modules = [catalogue.parse(student).module] if student else []
    return (*_builder_modules(params), *modules)


def _train_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {**_base_models(params), **trained.states_of(params["train"].files)}


def _teacher_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    teachers = {teacher.model for teacher in params["distill"].teachers} - {TRAINED}
    return {**_base_models(params), **trained.states_of(teachers)}


CHAIN = (
    Stage("data", (), DataParams, code=_reader_modules, sources=_data_files),
    Stage("augment", ("data",), AugmentParams),
    Stage(
        "tune",
        ("data", "augment"),
        TuneParams,
        code=_builder_modules,
        sources=_tune_files,
        beside=partial(earlier_results.extra_inputs, stages=("tune",)),
    ),
    Stage(
        "train",
        ("data", "augment", "tune"),
        TrainParams,
        code=_builder_modules,
        sources=_train_files,
        beside=partial(earlier_results.extra_inputs, stages=("data", "train")),
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
        chooses=("budget", "recipes", "sources", "rungs"),
    ),
    Stage("evaluate", ("data", "train", "compress"), EvaluateParams),
    Stage(
        "report",
        ("data", "augment", "tune", "train", "distill", "compress", "evaluate"),
        ReportParams,
        volatile=_VOLATILE_REPORT,
        retells=True,
    ),
)

STAGES = tuple(stage.name for stage in CHAIN)
