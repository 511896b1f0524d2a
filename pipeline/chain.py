"""The chain: which stages there are, and what each one reads.

data ─▶ augment ─▶ tune ─▶ train ─▶ distill ─▶ compress ─▶ evaluate ─▶ report
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline import extension
from pipeline.augment.params import AugmentParams
from pipeline.compress.params import CompressParams
from pipeline.data.params import DataParams
from pipeline.data.paths import source_state
from pipeline.data.sources.registry import reader_module
from pipeline.distill.params import TRAINED, DistillParams
from pipeline.engine.stage import Stage
from pipeline.evaluate.params import EvaluateParams
from pipeline.models import catalogue, referenced_files
from pipeline.report.params import ReportParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams
from pipeline.tune.sources import warm_source

_PAGE = {
    "index.html": "shows latency, which this host's load changes",
    "model_card.md": "states latency and the host",
    "summary.json": "repeats latency for the terminal",
}


def _reader(params: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(reader_module, params["data"].sources))


def _builder(params: Mapping[str, Any]) -> tuple[str, ...]:
    names = params["tune"].families
    return tuple(dict.fromkeys(catalogue.parse(name).module for name in names))


def _data_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return source_state(params["data"])


def _trained(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The .keras files that models are built upon."""
    tune = params["tune"]
    return referenced_files.hash_references([tune.values, tune.fix])


def _searched(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {**_trained(params), **warm_source(params["tune"])}


def _student(params: Mapping[str, Any]) -> tuple[str, ...]:
    own = params["distill"].builder
    return (*_builder(params), *([catalogue.parse(own).module] if own else []))


def _fitted(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {**_trained(params), **referenced_files.hash_files(params["train"].files)}


def _taught(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    teachers = {one.model for one in params["distill"].teachers} - {TRAINED}
    return {**_trained(params), **referenced_files.hash_files(teachers)}


CHAIN = (
    Stage("data", (), DataParams, code=_reader, sources=_data_files),
    Stage("augment", ("data",), AugmentParams),
    Stage(
        "tune",
        ("data", "augment"),
        TuneParams,
        code=_builder,
        sources=_searched,
        beside=partial(extension.beside, stages=("tune",)),
    ),
    Stage(
        "train",
        ("data", "augment", "tune"),
        TrainParams,
        code=_builder,
        sources=_fitted,
        beside=partial(extension.beside, stages=("data", "train")),
    ),
    Stage(
        "distill",
        ("data", "augment", "tune", "train"),
        DistillParams,
        code=_student,
        sources=_taught,
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
        volatile=_PAGE,
        retells=True,
    ),
)
