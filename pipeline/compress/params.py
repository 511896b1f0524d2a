"""Section `compress`: recipes, fine-tuning, and the budget of the chosen file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.compress.grammar import expand, parse_recipe
from pipeline.compress.kit.c_words import C_WORDS
from pipeline.compress.targets import registry
from pipeline.core.errors import UserError
from pipeline.core.params import Params, unhashed
from pipeline.engine.workers.factory import Engine, check_address
from pipeline.training.params import FitSettings, fine_tuning_conflict

Source = Literal["baseline", "student"]
Trainer = Literal["tfmot", "native"]
SizeMetric = Literal["flash", "raw", "gzip"]
# From the cheapest recipe to the one that usually gives the smallest file.
DEFAULT_RECIPES = ["int8", "qat", "prune(0.6) | int8", "prune(0.6) | pqat"]


MAX_DROP = 0.01  # one percentage point
Drop = Annotated[float, Field(ge=0)]


class Budget(Params):
    """Limits of the chosen file: the smallest file within all of them is chosen.

    Args:
        max_drop: maximum loss on validation against the float baseline, in units of
            the task's metric: 0.01 is one percentage point of accuracy, or 0.01 of R2
            or AUC; less than 1 for these metrics. The upper end of the loss's paired
            95 % interval must not exceed it. `{accuracy: 0.01, recall_min: 0.05}`
            limits several metrics: beside that of the task, `recall_min` and
            `recall_mean` (of the classes) for classification, `mae` and `rmse` (in the
            scale of the model's output) for regression; a metric that is not named has
            no limit, but for that of the task, with 0.01.
        guard: where the smallest class has less than half of an equal share of the
            training examples: maximum loss of recall of the worst class, itself, not
            the end of its interval; null is no limit. A limit on recall_min in
            `max_drop` replaces it.
        max_bytes: maximum size of the file in bytes, by `size_metric`; null is no
            limit.
        max_latency_ms: maximum median time of one example on this machine, in
            milliseconds; null is no limit. With a limit, the choice depends on the
            machine.
        max_arena: maximum number of bytes of the arena of TensorFlow Lite Micro, or of
            SRAM for Ethos-U: measured where the target's package is installed, else
            estimated; null is no limit.
        size_metric: the size that is compared: `flash`, the file as the target stores
            it; `raw`, the .tflite file; `gzip`, the download: zlib's, level 9; GNU's
            `gzip -9n` differs by a few bytes.
    """

    max_drop: Drop | dict[str, Drop] = MAX_DROP
    # Overall accuracy hides a rare class that is never predicted any more.
    guard: float | None = Field(default=0.1, ge=0, le=1)
    max_bytes: int | None = Field(default=None, gt=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    max_arena: int | None = Field(default=None, gt=0)
    size_metric: SizeMetric = "flash"  # no device stores the other two

    def drops(self, metric: str) -> dict[str, float]:
        """Return key of a metric -> its maximum loss, that of the task first.

        Args:
            metric: key of the task's metric.
        """
        if isinstance(self.max_drop, dict):
            return {metric: MAX_DROP, **self.max_drop}
        return {metric: self.max_drop}


class CompressParams(FitSettings):
    """Variants to build, and how each technique is fine-tuned.

    Args:
        recipes: pipes over `pipeline.compress.grammar`, applied to every source.
            `prune({0.5, 0.7}) | pqat` is short for one recipe per strength.
        sources: models that recipes are applied to: `baseline` is the trained model,
            `student` the distilled one.
        trainer: what fine-tunes: `tfmot`, TensorFlow Model Optimization with tf_keras,
            or `native`, the training loop of train and distill on Keras 3, which
            supports every layer with a kernel, also registered layers of your own.
        rungs: fractions of the epochs for successive halving; the better half of the
            fine-tuned variants goes on to the next rung. They rise to 1; [1] trains all
            variants fully.
        workers: variants built in parallel; does not change results.
        engine: `local` processes, or tasks of `ray` at `address`.
        address: of the Ray cluster's head, `HOST:6379`.
        threads: threads of the TFLite runtime; they change latency, not predictions.
        budget: limits of the chosen file.
        c_symbol: name of the C array in the kit, which begins all other names of its
            headers; macros have it in upper case. Two models in one program need
            different ones.
        target: the device that the file is for: `lite` (LiteRT on phones and
            computers), `micro` (TensorFlow Lite Micro), or `ethos-u55-128` and its
            like. It decides flash bytes and arena, and what counts as broken.
        strip_metadata: remove from each file what no runtime reads; outputs stay equal
            bit for bit, which is checked.
        distilled_sources: sources that are distilled from the float baseline during
            fine-tuning, `baseline` itself among the valid ones.
        distillation_weight: weight of the distillation loss; the loss of the true
            targets receives the rest, and 0 disables distillation.
        temperature: softmax temperature of both outputs in the distillation loss, for
            classification.
        epochs: maximum number of epochs per technique, far fewer than in training.
        learning_rate: the highest rate of the schedule of each technique; null finds it
            by short runs from the model's own state, and ledger.json records it. With
            `trainer: native`, null is the default of `train`.
        gradient_accumulation_steps, ema_momentum, swa, jit_compile: with `trainer:
            native` only; any other value than the default is an error with tfmot.
        steps_per_execution, checkpoint_seconds: no effect with `trainer: tfmot`.
    """

    recipes: list[str] = Field(default=DEFAULT_RECIPES, min_length=1)
    sources: list[Source] = Field(default=["baseline", "student"], min_length=1)
    trainer: Trainer = "tfmot"  # published results were made with it
    rungs: list[float] = Field(
        default=[1.0], min_length=1
    )  # few variants: no screening
    workers: int = unhashed(2, ge=1, le=64)
    engine: Engine = unhashed("local")
    address: str | None = unhashed(None)
    threads: int = Field(default=1, ge=1, le=256)  # as on a microcontroller
    budget: Budget = Budget()
    c_symbol: str = Field(default="model_data", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")
    target: str = registry.DEFAULT  # its runtime is always installed
    strip_metadata: bool = True
    distilled_sources: list[Source] = Field(
        default=["student"]
    )  # which lost most on the way
    distillation_weight: float = Field(default=0.7, ge=0, le=1)  # as in distill
    temperature: float = Field(default=4.0, gt=0, le=100)  # as in distill
    epochs: int = Field(default=12, ge=1, le=100_000)  # the model is trained already
    # One that suits a new model moves a converged one out of its minimum.
    learning_rate: float | None = Field(default=None, gt=0, le=10)  # type: ignore[assignment]

    _address_of_ray = model_validator(mode="after")(check_address)

    def fine_tuning(self) -> FitSettings:
        """Return the settings of the fits alone; a rate that is null is the default."""
        values = {k: getattr(self, k) for k in FitSettings.model_fields}
        return FitSettings(**{k: v for k, v in values.items() if v is not None})

    @model_validator(mode="after")
    def _supported_by_trainer(self) -> Self:
        """Refuse, before any training, a setting that the trainer does not have."""
        conflict = fine_tuning_conflict(self)
        if conflict and (self.phases or self.trainer == "tfmot"):
            other = "" if self.phases else ", or set `trainer: native`"
            raise ValueError(f"{conflict}{other}")
        return self

    @model_validator(mode="after")
    def _adjusted_by_trainer(self) -> Self:
        """Refuse adjustments of models that the native trainer has changed."""
        for text in self.recipes if self.trainer == "native" else ():
            recipe = parse_recipe(text)
            if recipe.techniques and recipe.adjustments:
                raise ValueError(
                    f'recipe "{text}": {recipe.adjustments[0].name} follows techniques '
                    "only with `trainer: tfmot`; set that, or remove the step"
                )
        return self

    @field_validator("target")
    @classmethod
    def _registered(cls, target: str) -> str:
        try:
            return registry.get(target).name
        except UserError as error:
            raise ValueError(str(error)) from None

    @field_validator("c_symbol")
    @classmethod
    def _no_keyword(cls, symbol: str) -> str:
        if symbol in C_WORDS:
            raise ValueError(f'"{symbol}" is a word of C or C++; add a suffix to it')
        return symbol

    @model_validator(mode="after")
    def _run_by_target(self) -> Self:
        """Refuse, before any training, what the target does not run."""
        target = registry.get(self.target)
        for text in self.recipes:
            if refusal := target.refusal(parse_recipe(text).export):
                raise ValueError(f'recipe "{text}": {refusal}; remove it')
        return self

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: list[float]) -> list[float]:
        if rungs[-1] != 1 or rungs[0] <= 0 or sorted(set(rungs)) != rungs:
            raise ValueError("rungs must rise to 1, such as [0.2, 1]")
        return rungs

    @field_validator("recipes")
    @classmethod
    def _parsed(cls, recipes: list[str]) -> list[str]:
        """Expand the recipes; each must be valid and different from the others."""
        expanded, problems = [], []
        for recipe in recipes:
            try:
                expanded += _expanded(recipe)
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(dict.fromkeys(problems)))
        canonical = [parse_recipe(text).text for text in expanded]
        return _without_repeats(expanded, canonical, "recipe")

    @field_validator("sources", "distilled_sources")
    @classmethod
    def _different(cls, sources: list[Source]) -> list[Source]:
        _without_repeats(list(sources), list(sources), "source")
        return sources


def _expanded(recipe: str) -> list[str]:
    """The recipes that one text is short for; errors name this text."""
    texts = expand(recipe)
    try:
        for text in texts:
            parse_recipe(text)
    except UserError as error:
        short = f'"{recipe}" is short for {len(texts)}: ' if texts != [recipe] else ""
        raise ValueError(f"{short}{error}") from None
    return texts


def _without_repeats(values: list[str], keys: list[str], kind: str) -> list[str]:
    for index, key in enumerate(keys):
        if key in keys[:index]:
            first = values[keys.index(key)]
            raise ValueError(
                f'{kind} {index + 1} "{values[index]}" repeats "{first}"; '
                "remove one of them"
            )
    return values
