"""Variants: a model and a recipe, what they are built from, and what was built.

`pipeline.compress.build_variant` builds one, in a process of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.augment.policy import Policy
from pipeline.compress.grammar import Recipe
from pipeline.compress.rewrite.rebuild import model_outputs
from pipeline.compress.selection.point import VariantRow
from pipeline.compress.tfmot.distillation import DistillationTerm
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Data
from pipeline.engine.stage import silent
from pipeline.inference.interpreter import LiteModel
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.models.files import load_model
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.training import training_of
from pipeline.training.losses import Loss, example_losses
from pipeline.training.params import FitSettings

BATCH = 256  # examples whose outputs are in memory
LedgerLine = dict[str, Any]  # `step`, the task's metric, `bytes_raw`, `bytes_gzip`


@dataclass(frozen=True)
class Variant:
    """A source model and the recipe that is applied to it.

    Args:
        source: `baseline` or `student`.
        recipe: the parsed recipe.
        epoch_fraction: fraction of the epochs of each fine-tuning; below 1 the variant
            is only screened. Default 1.
    """

    source: str
    recipe: Recipe
    epoch_fraction: float = 1.0

    @property
    def id(self) -> str:
        """Name of the variant and of its file: `student-prune0.6-pqat`."""
        return f"{self.source}-{self.recipe.slug}"

    @property
    def key(self) -> str:
        """The id, which differs between a screening and the full fine-tuning."""
        fraction = self.epoch_fraction
        return self.id if fraction == 1 else f"{self.id}@{fraction:g}"

    @property
    def title(self) -> str:
        """The variant as printed: `student | prune(0.6) | pqat`."""
        return f"{self.source} | {self.recipe.text}"

    @property
    def trains(self) -> bool:
        """True when a technique fine-tunes the model."""
        return bool(self.recipe.techniques)


@dataclass(frozen=True)
class VariantResult:
    """A variant that was built, or the reason why it could not be.

    Args:
        variant: the variant.
        row: its measurements.
        evidence: one value per validation example, `(n,)`, see `TaskMetric`; None
            without a file.
        ledger: metric and size after each step, the file itself last.
    """

    variant: Variant
    row: VariantRow
    evidence: np.ndarray | None = None
    ledger: tuple[LedgerLine, ...] = ()


@dataclass(frozen=True)
class BuildContext:
    """Inputs that all variants of an experiment share.

    Args:
        models: source -> .keras file.
        data: published data.
        policy: augmentation during fine-tuning, as in training; None for none.
        settings: settings of every fine-tuning.
        distilled_sources: sources that are distilled from the float baseline.
        distillation_weight: weight of the distillation loss, 0 .. 1.
        temperature: softmax temperature of the distillation loss.
        seed: seed of the stage.
        threads: threads of the runtime.
        strip_metadata: remove from the file what no runtime reads.
        folder: working folder, with one folder per variant.
        search_rate: find the learning rate of each fine-tuning; default False.
        progress: shows a line on the terminal; default silent.
        trainer: what fine-tunes: `tfmot` (default) or `native`.
    """

    models: dict[str, Path]
    data: Data
    policy: Policy | None
    settings: FitSettings
    distilled_sources: tuple[str, ...]
    distillation_weight: float
    temperature: float
    seed: int
    threads: int
    strip_metadata: bool
    folder: Path
    search_rate: bool = False
    progress: Callable[..., None] = silent
    trainer: str = "tfmot"

    @property
    def metric(self) -> TaskMetric:
        """The metric of the data's task."""
        return metric_of(self.data.spec)

    def evidence(self, model: LiteModel) -> np.ndarray:
        """Run a file on the validation examples.

        Args:
            model: the opened file.

        Returns:
            One value per example, `(n,)`, see `TaskMetric`.
        """
        spec, validation = self.data.spec, self.data.validation()
        if self.metric.rollout:
            return self.metric.rollout(model.predict, validation.y)

        def of_batch(begin: int) -> np.ndarray:
            rows = slice(begin, begin + BATCH)
            x, y = validation.x[rows], validation.y[rows]
            return self.metric.evidence(model.logits(x), spec.to_input(x), y)

        return np.concatenate([of_batch(n) for n in range(0, len(validation), BATCH)])

    def value(self, evidence: np.ndarray) -> float:
        """Compute the metric on validation.

        Args:
            evidence: one value per validation example, `(n,)`.
        """
        return self.metric.value(evidence, self.data.validation().y)

    def folder_of(self, variant: Variant) -> Path:
        """Return the working folder of a variant."""
        return self.folder / variant.key

    def checkpoints_of(self, variant: Variant) -> Path:
        """Return the folder of the checkpoints of a variant's fits."""
        return self.folder / f"{variant.key}.fits"

    def fine_tuning(self, variant: Variant) -> FineTuning:
        """Return how the techniques of a variant are fine-tuned.

        Equal beginnings of two recipes of one source get equal seeds.
        """
        epochs = max(1, math.ceil(variant.epoch_fraction * self.settings.epochs))
        return FineTuning(
            self.data.spec,
            self.data.train(),
            self.data.validation(),
            self.settings.model_copy(update={"epochs": epochs}),
            self.policy,
            derive_seed(self.seed, variant.source),
            self._teacher(variant),
            self.search_rate,
            partial(_titled, self.progress, variant.title),
            checkpoints=self.checkpoints_of(variant),
        )

    def _teacher(self, variant: Variant) -> DistillationTerm | None:
        distilled = variant.source in self.distilled_sources and variant.trains
        if not distilled or not self.distillation_weight:
            return None
        teacher = load_model(self.models["baseline"])
        teacher.trainable = False
        return DistillationTerm(
            lambda x: model_outputs(teacher, x),
            self.distillation_weight,
            self.temperature,
            self._output_loss(),
        )

    def _output_loss(self) -> Loss | None:
        """`(teacher's outputs, student's)` -> losses; None for logits of classes."""
        spec = self.data.spec
        if compare := training_of(spec).distillation:
            return lambda target, outputs: compare(outputs, target)
        if task_of(spec).predicts_classes:
            return None
        return example_losses(self.settings, spec)


def _titled(progress: Callable[..., None], title: str, text: str) -> None:
    progress(f"{title}: {text}")
