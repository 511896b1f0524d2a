"""The schema of an experiment file: every section, typed.

In: the values of experiment.yaml. Out: an `Experiment`, frozen, with all defaults
filled in, and the job that the engine runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.augment.params import AugmentParams
from pipeline.compress.params import CompressParams
from pipeline.core.params import Params
from pipeline.data.params import DataParams
from pipeline.distill.params import DistillParams
from pipeline.engine.stage import Job
from pipeline.engine.time_limits import LimitsParams
from pipeline.evaluate.params import EvaluateParams
from pipeline.experiment import task_rules
from pipeline.experiment.stages import CHAIN
from pipeline.report.params import ReportParams
from pipeline.tracking.params import TrackingParams
from pipeline.train.params import TrainParams
from pipeline.tune.params import TuneParams

# Keys that fix the bits of a result, beside the parameters of the stages.
SETTINGS = ("seed", "threads", "portability")


class Experiment(Params):
    """Everything that an experiment can set.

    Args:
        seed: every random draw of the experiment is derived from it.
        threads: threads inside one TensorFlow operation; part of the bits.
        portability: `native` fixes the bits on one machine at no cost,
            `portable` as far as can be on every machine, at a cost in speed.
        limits: time limits of trials, variants and stages; change no result.
        tracking: where runs are also recorded; changes no result.
    """

    seed: int = Field(1, ge=0, lt=2**31)
    threads: int = Field(1, ge=1, le=256)
    portability: Literal["native", "portable"] = "native"
    data: DataParams
    augment: AugmentParams = AugmentParams()
    tune: TuneParams = TuneParams()
    train: TrainParams = TrainParams()
    distill: DistillParams = DistillParams()
    compress: CompressParams = CompressParams()
    evaluate: EvaluateParams = EvaluateParams()
    report: ReportParams = ReportParams()
    limits: LimitsParams = LimitsParams()
    tracking: TrackingParams = TrackingParams()

    @model_validator(mode="before")
    @classmethod
    def _default_builder(cls, values: Any) -> Any:
        return task_rules.with_max_drop(task_rules.with_builder(values))

    def job(self, folder: Path, overrides: Iterable[str] = ()) -> Job:
        """Describe the experiment to the engine.

        Args:
            folder: the experiment's folder, where stages are published.
            overrides: the `--set` texts that it was loaded with.
        """
        params = {stage.name: getattr(self, stage.name) for stage in CHAIN}
        settings = {key: getattr(self, key) for key in SETTINGS}
        minutes = self.limits.minutes.model_dump()
        return Job(folder, CHAIN, params, settings, tuple(overrides), minutes)
