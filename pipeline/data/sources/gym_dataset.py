"""`gym:NAME`: experience in an environment of Gymnasium, such as `gym:CartPole-v1`.

Training examples are the steps of random actions. They set the scale of observations
without bounds; a bounded one is scaled by its bounds, since random actions stay near
the beginning, and a policy that is learned goes further.
Validation and test have an example per episode: its first observation and its seed.
The seeds of these episodes are the same in every experiment, so that results can be
compared; the random actions depend on the seed of the experiment.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.data.examples import Examples
from pipeline.data.features import Standardise
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.policy.episodes import EnvironmentFacts, Renumbered, create, inspect

VALIDATION, TEST, BEHAVIOR = 1_000_000, 2_000_000, 3_000_000  # first seeds of episodes
UNBOUNDED = 1e6  # environments write the largest float for "no bound"
MAX_OFFSET = 10_000_000  # float32 holds every whole number up to 2**24
TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT = range(3)


def read(context: ReadContext) -> Examples:
    """Collect experience in an environment; see `SourceReader`."""
    params = context.params.environment
    facts = inspect(context.name, params.max_steps)
    x, y = collect(facts, params.steps, context.seed)
    episodes = [
        _beginnings(facts, first, count)
        for first, count in ((VALIDATION, params.validation), (TEST, params.test))
    ]
    counts = (len(x), params.validation, params.test)
    return Examples(
        x=np.concatenate([x, *(first for first, _ in episodes)]),
        y=np.concatenate([y, *(rows for _, rows in episodes)]),
        classes=(),
        modality="table",
        steps=() if context.params.preprocessing == "none" else (scale(facts, x),),
        inputs=tuple(f"observation_{k}" for k in range(facts.size)),
        splits=np.repeat([TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT], counts),
        facts=facts.to_json(),
    )


def collect(
    facts: EnvironmentFacts, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Act at random.

    Args:
        facts: of the environment.
        count: number of steps.
        seed: of the experiment.

    Returns:
        Observations `(count, size)` float32, and rows of seed, action, reward, end and
        next observation, `(count, 4 + size)` float64.
    """
    rng = np.random.default_rng(derive_seed(seed, "behavior"))
    episode = BEHAVIOR + derive_seed(seed, "episodes") % MAX_OFFSET
    environment = create(facts)
    x: list[np.ndarray] = []
    y: list[list[float]] = []
    observation = environment.reset(seed=episode)[0]
    while len(x) < count:
        action = int(rng.integers(facts.actions))
        following, reward, terminated, truncated, _ = environment.step(action)
        x.append(observation)
        y.append([episode, action, reward, terminated, *following])
        observation = following
        if terminated or truncated:
            episode += 1
            observation = environment.reset(seed=episode)[0]
    return np.stack(x), np.array(y, np.float64)


def scale(facts: EnvironmentFacts, x: np.ndarray) -> Standardise:
    """Return the scale of observations: a quarter of the bounds, or what was seen.

    Args:
        facts: of the environment.
        x: observations of random actions, `(n, size)`.
    """
    low, high = np.array(facts.low), np.array(facts.high)
    bounded = np.maximum(np.abs(low), np.abs(high)) < UNBOUNDED
    low, high = (np.where(bounded, ends, 0.0) for ends in (low, high))
    seen, spread = (f(x.astype(np.float64), axis=0) for f in (np.mean, np.std))
    mean = np.where(bounded, (low + high) / 2, seen)
    deviation = np.where(bounded, (high - low) / 4, spread)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Standardise(tuple(mean.tolist()), tuple(deviation.tolist()))


def _beginnings(
    facts: EnvironmentFacts, first: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first observation of each episode, and rows with its seed."""
    environment: Renumbered = create(facts)
    seeds = range(first, first + count)
    x = np.stack([environment.reset(seed=seed)[0] for seed in seeds])
    rows = np.zeros((count, 4 + facts.size))
    rows[:, 0] = seeds
    return x, rows
