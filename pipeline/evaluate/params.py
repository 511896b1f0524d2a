"""Parameters of the evaluate stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from pipeline.core.params import Params, unhashed

GapSeconds = Annotated[float, Field(ge=0, le=600)]
Epsilon = Annotated[float, Field(gt=0, le=10)]


class StreamParams(Params):
    """Section `evaluate.stream`: keywords in long streams, for sound.

    Args:
        hours: length of each stream, one of validation clips and one of test clips; 0
            for none.
        gap_seconds: shortest and longest time between two clips.
        level: highest level of the noise under clips and gaps, in standard deviations
            from the mean of each frequency bin; the lowest is -4.
        false_accepts_per_hour: maximum on the validation stream, for the threshold.
    """

    # One false accept in a quarter of an hour is a rate of 4 per hour.
    hours: float = Field(0.0, ge=0, le=24)
    gap_seconds: list[GapSeconds] = Field([1.0, 4.0], min_length=2, max_length=2)
    level: float = Field(-1.0, ge=-4, le=4)
    false_accepts_per_hour: float = Field(1.0, ge=0, le=3600)

    @field_validator("gap_seconds")
    @classmethod
    def _in_order(cls, value: list[float]) -> list[float]:
        if value[0] > value[1]:
            raise ValueError("must be [shortest, longest]")
        return value


class ClusterParams(Params):
    """Section `evaluate.clusters`: k-means on the features of the baseline.

    Args:
        count: number of clusters, such as that of the classes; 0 for none.
        examples: maximum number of test examples, drawn at random.
    """

    count: int = Field(0, ge=0, le=1000)
    # k-means and its bootstrap then take seconds.
    examples: int = Field(2000, ge=10, le=100_000)

    @field_validator("count")
    @classmethod
    def _several(cls, count: int) -> int:
        if count == 1:
            raise ValueError("must be 0, for none, or at least 2")
        return count


class EvaluateParams(Params):
    """Section `evaluate` of an experiment.

    Args:
        resamples: number of bootstrap resamples of each interval.
        reference: also fit the model that is tried first on such data, as the floor of
            the baseline: boosted trees for tables, a linear model on TF-IDF for texts.
        robustness: also evaluate corrupted and attacked examples.
        examples: maximum number of test examples, drawn at random, that are corrupted
            and attacked.
        epsilons: maximum change of each number by FGSM and PGD: a fraction of the range
            of images, standard deviations of audio and tables.
        attack_steps: number of PGD steps.
        stream: also evaluate keywords in long streams, for causal models of sound.
        clusters: also compare clusters of the learned features with the classes.
        workers: number of files evaluated in parallel; does not change results.
    """

    # The ends of an interval then vary by about 1.5 % of its width between seeds.
    resamples: int = Field(2000, ge=100, le=100_000)
    reference: bool = True
    robustness: bool = True
    # The standard error of an accuracy is then at most 1.6 percentage points.
    examples: int = Field(1000, ge=1, le=1_000_000)
    # 0.03 is about 8/255, the usual budget on images; the others bracket it.
    epsilons: list[Epsilon] = Field([0.01, 0.03, 0.1], min_length=1, max_length=10)
    # Madry et al., 2018, attack with 7 steps in training and 20 in evaluation.
    attack_steps: int = Field(10, ge=1, le=1000)
    stream: StreamParams = StreamParams()
    clusters: ClusterParams = ClusterParams()
    workers: int = unhashed(2, ge=1, le=64)
