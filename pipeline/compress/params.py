"""What to compress, how to fine-tune it, and the budget that the winner must meet."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.compress.grammar import expand, parse_recipe
from pipeline.core.errors import UserError
from pipeline.core.params import Params, unhashed
from pipeline.engine.workers.factory import Engine, check_address
from pipeline.training.params import FitSettings, fine_tuning_conflict

Source = Literal["baseline", "student"]
DEFAULT_RECIPES = ["int8", "qat", "prune(0.6) | int8", "prune(0.6) | pqat"]


class Budget(Params):
    """What the chosen file may cost; the smallest file within it is chosen.

    Args:
        max_drop: allowed loss on validation against the float baseline, in units of
            the task's metric: 0.01 is one percentage point of accuracy, or 0.01 of R2
            or AUC, of which it must be less than 1. The upper end of a paired 95 % interval of the loss must keep to it.
        max_bytes: allowed size of the file, or none.
        max_latency_ms: allowed median time of one example on this machine, or none;
            what is chosen then depends on the machine.
        max_arena: allowed bytes of tensors that are alive at once, or none.
        measure: which size counts, `raw` or `gzip`: zlib's, level 9; GNU's `gzip -9n`
            differs by a few bytes.
    """

    max_drop: float = Field(0.01, ge=0)
    max_bytes: int | None = Field(None, gt=0)
    max_latency_ms: float | None = Field(None, gt=0)
    max_arena: int | None = Field(None, gt=0)
    measure: Literal["gzip", "raw"] = "gzip"


class CompressParams(FitSettings):
    """What is built from which model, and how each technique is fine-tuned.

    Args:
        recipes: pipes over `pipeline.compress.grammar`; every source gets each.
            `prune({0.5, 0.7}) | pqat` is short for one recipe for each strength.
        sources: `baseline` is the trained model, `student` the distilled one.
        rungs: parts of the epochs with which fine-tunings are screened; the better
            half goes on to the next. The last is 1; [1] trains all of them fully.
        workers: variants built at the same time; changes no result.
        engine: `local` processes, or tasks of `ray` at `address`.
        address: of the Ray cluster's head, `HOST:6379`.
        threads: of the runtime; they change its latency, and no answer.
        budget: what the chosen file may cost.
        shrink: leave out of each file what no runtime reads; outputs stay equal.
        taught: sources that imitate the float baseline while they are fine-tuned; the
            baseline's own files may, too.
        weight: of that imitation; 0 is none.
        temperature: softens both outputs of the imitation; of classes only.
        epochs: of the fine-tuning of one technique, far fewer than in training.
        gradient_accumulation_steps, ema_momentum, swa, jit_compile: for train and
            distill only; any other value than the default is an error here.
        steps_per_execution, checkpoint_seconds: for train and distill only; no effect
            here.
    """

    recipes: list[str] = Field(DEFAULT_RECIPES, min_length=1)
    sources: list[Source] = Field(["baseline", "student"], min_length=1)
    rungs: list[float] = Field([1.0], min_length=1)
    workers: int = unhashed(2, ge=1, le=64)
    engine: Engine = unhashed("local")
    address: str | None = unhashed(None)
    threads: int = Field(1, ge=1, le=256)
    budget: Budget = Budget()
    shrink: bool = True
    taught: list[Source] = ["student"]
    weight: float = Field(0.7, ge=0, le=1)
    temperature: float = Field(4.0, gt=0, le=100)
    epochs: int = Field(12, ge=1, le=100_000)
    learning_rate: float = Field(2e-3, gt=0, le=10)

    _address_of_ray = model_validator(mode="after")(check_address)

    def fine_tuning(self) -> FitSettings:
        """The settings of the fits alone."""
        return FitSettings(**{k: getattr(self, k) for k in FitSettings.model_fields})

    @model_validator(mode="after")
    def _keras_has_it(self) -> Self:
        if conflict := fine_tuning_conflict(self):
            raise ValueError(conflict)
        return self

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: list[float]) -> list[float]:
        if rungs[-1] != 1 or rungs[0] <= 0 or sorted(set(rungs)) != rungs:
            raise ValueError("rungs must rise to 1, as [0.2, 1]")
        return rungs

    @field_validator("recipes")
    @classmethod
    def _readable(cls, recipes: list[str]) -> list[str]:
        """Every recipe parses, and no two of them are the same."""
        recipes = [each for recipe in recipes for each in _expanded(recipe)]
        texts = [parse_recipe(recipe).text for recipe in recipes]
        return _without_repeats(recipes, texts, "recipe")

    @field_validator("sources", "taught")
    @classmethod
    def _different(cls, sources: list[Source]) -> list[Source]:
        return _without_repeats(sources, sources, "source")


def _expanded(recipe: str) -> list[str]:
    """The recipes that one text stands for; what is wrong is told of that text."""
    several = expand(recipe)
    try:
        for each in several:
            parse_recipe(each)
    except UserError as error:
        short = (
            f'"{recipe}" is short for {len(several)}: ' if several != [recipe] else ""
        )
        raise ValueError(f"{short}{error}") from None
    return several


def _without_repeats(values: list[str], keys: list[str], what: str) -> list[str]:
    for at, key in enumerate(keys):
        if key in keys[:at]:
            first = values[keys.index(key)]
            raise ValueError(
                f'{what} {at + 1} "{values[at]}" repeats "{first}"; remove one of them'
            )
    return values
