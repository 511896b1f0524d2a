"""The chain: which stages there are, and what each one reads.

data ─▶ augment ─▶ tune ─▶ train ─▶ distill ─▶ compress ─▶ evaluate ─▶ report
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.augment.params import AugmentParams
from pipeline.compress.params import CompressParams
from pipeline.data.params import DataParams, reader_module
from pipeline.data.paths import source_state
from pipeline.distill.params import TRAINED, DistillParams
from pipeline.engine.stage import Stage
from pipeline.evaluate.params import EvaluateParams
from pipeline.fit.files import file_states
from pipeline.models import catalogue
from pipeline.report.params import ReportParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams

_PAGE = {
    "index.html": "shows latency, which this host's load changes",
    "model_card.md": "states latency and the host",
    "summary.json": "repeats latency for the terminal",
}


def _reader(params: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(reader_module, params["data"].sources))


def _builder(params: Mapping[str, Any]) -> tuple[str, ...]:
    return (catalogue.parse(params["tune"].builder).module,)


def _student(params: Mapping[str, Any]) -> tuple[str, ...]:
    own = params["distill"].builder
    return (*_builder(params), *([catalogue.parse(own).module] if own else []))


def _trained_from(params: TrainParams) -> Mapping[str, str | None]:
    return file_states(params.files)


def _teachers(params: DistillParams) -> Mapping[str, str | None]:
    return file_states({one.model for one in params.teachers} - {TRAINED})


CHAIN = (
    Stage("data", (), DataParams, code=_reader, sources=source_state),
    Stage("augment", ("data",), AugmentParams),
    Stage("tune", ("data", "augment"), TuneParams, code=_builder),
    Stage(
        "train",
        ("data", "augment", "tune"),
        TrainParams,
        code=_builder,
        sources=_trained_from,
    ),
    Stage(
        "distill",
        ("data", "augment", "train"),
        DistillParams,
        code=_student,
        sources=_teachers,
    ),
    Stage("compress", ("data", "augment", "train", "distill"), CompressParams),
    Stage("evaluate", ("data", "compress"), EvaluateParams),
    Stage(
        "report",
        ("data", "augment", "tune", "train", "distill", "compress", "evaluate"),
        ReportParams,
        volatile=_PAGE,
        retells=True,
    ),
)
