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
from pipeline.distill.params import DistillParams
from pipeline.engine.stage import Stage
from pipeline.evaluate.params import EvaluateParams
from pipeline.models import catalogue, trained
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


def _data_files(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    return source_state(params["data"])


def _trained(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The .keras files that models are built upon."""
    return trained.states(params["tune"].values)


# What builds a model runs the builder's code, and reads the files that it reads.
_BUILDS: dict[str, Any] = {"code": _builder, "sources": _trained}

CHAIN = (
    Stage("data", (), DataParams, code=_reader, sources=_data_files),
    Stage("augment", ("data",), AugmentParams),
    Stage("tune", ("data", "augment"), TuneParams, **_BUILDS),
    Stage("train", ("data", "augment", "tune"), TrainParams, **_BUILDS),
    Stage("distill", ("data", "augment", "train"), DistillParams, **_BUILDS),
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
