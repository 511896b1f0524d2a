"""How the test split is evaluated."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.core.params import Params, unhashed

Epsilon = Annotated[float, Field(gt=0, le=10)]


class EvaluateParams(Params):
    """Section `evaluate` of an experiment.

    Args:
        resamples: bootstrap resamples behind the interval of each difference.
        robustness: also measure corrupted and attacked examples.
        examples: of the test split, drawn at random, that are corrupted and attacked.
        epsilons: how far FGSM and PGD may move a number: parts of the range of an
            image, standard deviations of audio and tables.
        attack_steps: of PGD.
        workers: files at the same time; changes no result.
    """

    resamples: int = Field(2000, ge=100, le=100_000)
    robustness: bool = True
    examples: int = Field(1000, ge=1, le=1_000_000)
    epsilons: list[Epsilon] = Field([0.01, 0.03, 0.1], min_length=1, max_length=10)
    attack_steps: int = Field(10, ge=1, le=1000)
    workers: int = unhashed(2, ge=1, le=64)
