"""Candidates of a search within its limits, by their costs alone: nothing is trained.

In: the space and the limits. Out: values for the first trials, from small to large.
"""

from __future__ import annotations

import math
from typing import Any

from pipeline.core.errors import UserError
from pipeline.distill.student_trial import model_values
from pipeline.engine.workers.server import Helper
from pipeline.tune.oracles import Oracle
from pipeline.tune.params import TuneParams
from pipeline.tune.pareto import SIZE
from pipeline.tune.space import Config, Values, defaults

DRAWS = 96  # candidates whose costs are computed: some seconds
NEAREST = 3  # candidates in the error about limits that none meets
Measured = tuple[Values, dict[str, int]]


def screened(
    tune: TuneParams, config: Config, seed: int, helper: Helper
) -> list[Values]:
    """Draw candidates within the limits, evenly from the smallest to the largest.

    Args:
        tune: the search as a section `tune`, with limits and number of trials.
        config: its space.
        seed: seed of the draws.
        helper: computes costs from values.

    Returns:
        Values for half of the trials; fewer if fewer are within the limits.

    Raises:
        UserError: when none of the drawn candidates is; names the nearest.
    """
    limits = tune.limits.configured()
    measured = _measured(config, seed, helper)
    within = [m for m in measured if _excess(m[1], limits)[0] <= 1]
    if not within:
        raise UserError(_none_within(tune, measured, limits))
    within.sort(key=lambda item: item[1][SIZE])
    count = min(len(within), math.ceil(tune.trials / 2))
    last = max(1, count - 1)
    places = [number * (len(within) - 1) // last for number in range(count)]
    return [within[place][0] for place in places]


def model_text(model: tuple[str, dict[str, Any]]) -> str:
    """Return a builder and its numbers as `cnn width=0.5 filters=16`.

    Args:
        model: the builder, and the values of its hyperparameters.
    """
    builder, values = model
    sizes = {k: v for k, v in values.items() if type(v) in (int, float)}
    return " ".join([builder, *(f"{name}={value:g}" for name, value in sizes.items())])


def _measured(config: Config, seed: int, helper: Helper) -> list[Measured]:
    """Draw the defaults and random values; leave out models that cannot be built.

    Raises:
        UserError: when none can be built: the reason of the first.
    """
    oracle = Oracle("random", config, seed, [defaults(config)], DRAWS, 1)
    proposals = (oracle.propose(number) for number in range(DRAWS))
    asked = [(p.values, helper.ask(p.values)) for p in proposals if p is not None]
    if all(outcome.error for _, outcome in asked):
        raise UserError(f"distill.search: {asked[0][1].error}")
    return [(values, o.value) for values, o in asked if not o.error]


def _excess(costs: dict[str, int], limits: dict[str, int]) -> tuple[float, str]:
    """Return the largest ratio of a cost to its limit, and the name of the cost."""
    return max((costs[name] / limit, name) for name, limit in limits.items())


def _none_within(
    tune: TuneParams, measured: list[Measured], limits: dict[str, int]
) -> str:
    ordered = sorted(measured, key=lambda item: _excess(item[1], limits)[0])
    nearest = []
    for values, costs in ordered[:NEAREST]:
        name = _excess(costs, limits)[1]
        text = model_text(model_values(values, tune))
        nearest.append(f"{text}: {name} {costs[name]:,}, limit {limits[name]:,}")
    return (
        f"distill.search.limits: none of {len(measured)} candidates is within the "
        f"limits, and none was trained; the nearest: {'; '.join(nearest)}; raise the "
        "limit, or search smaller models (distill.search.space, "
        "distill.search.builders)"
    )
