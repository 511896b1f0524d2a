"""Episodes of an environment of Gymnasium.

In: the name of an environment, such as `CartPole-v1`, and a function that acts. Out:
the return of each episode, the sum of its rewards; one error for an environment that a
policy cannot be learned in. All random draws of an episode follow from its seed.

Towers et al., Gymnasium: A Standard Interface for Reinforcement Learning Environments,
2024.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.core.errors import UserError, did_you_mean
from pipeline.tasks.spec import TaskSpec

EXTRA = "pip install 'keras-frontier-pipeline[policy]'"
SEED, ACTION, REWARD, ENDED = range(4)  # columns of stored targets; a state follows
Act = Callable[[np.ndarray], np.ndarray]  # observations (n, size) -> actions (n,)


@dataclass(frozen=True)
class EnvironmentFacts:
    """What is known of an environment without playing.

    Args:
        name: as Gymnasium registers it.
        size: numbers of an observation.
        actions: number of actions.
        first: Gymnasium's number of the first action.
        max_steps: after which an episode is cut off.
        low, high: bounds of each number of an observation; infinite where it has none.
        threshold: mean return from which the environment counts as solved; None where
            Gymnasium names none.
    """

    name: str
    size: int
    actions: int
    first: int
    max_steps: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    threshold: float | None

    def to_json(self) -> dict[str, Any]:
        """Return entries of the `target` of spec.json."""
        return {
            "name": self.name,
            "actions": [str(self.first + k) for k in range(self.actions)],
            "first_action": self.first,
            "max_steps": self.max_steps,
            "threshold": self.threshold,
        }


def inspect(name: str, max_steps: int | None = None) -> EnvironmentFacts:
    """Check that a policy can be learned in an environment.

    Args:
        name: as Gymnasium registers it.
        max_steps: limit of an episode; default None: that of the environment.

    Raises:
        UserError: Gymnasium or the environment is not installed, actions are not
            discrete, observations are no vectors, or an episode may never end.
    """
    gymnasium, source = _library(name), f'data.source "gym:{name}"'
    with_limit = _make(gymnasium, name, max_steps)
    actions, states = with_limit.action_space, with_limit.observation_space
    spaces, limit = gymnasium.spaces, with_limit.spec.max_episode_steps
    if not isinstance(actions, spaces.Discrete):
        kind = "continuous" if isinstance(actions, spaces.Box) else "compound"
        raise UserError(
            f"{source}: has {kind} actions ({actions}); task policy chooses among "
            "actions: use an environment with Discrete ones, such as gym:CartPole-v1"
        )
    if not isinstance(states, spaces.Box) or len(states.shape) != 1:
        kind = "images" if len(states.shape or ()) > 1 else "no vectors"
        raise UserError(
            f"{source}: its observations are {kind} ({states}); task policy reads "
            "vectors: use an environment with a Box of one axis, such as "
            "gym:CartPole-v1"
        )
    if limit is None:
        raise UserError(
            f"{source}: an episode may never end; set data.environment.max_steps"
        )
    threshold = with_limit.spec.reward_threshold
    with_limit.close()
    first, count = int(actions.start), int(actions.n)
    low, high = (tuple(map(float, ends)) for ends in (states.low, states.high))
    size = states.shape[0]
    return EnvironmentFacts(name, size, count, first, limit, low, high, threshold)


def _library(name: str) -> Any:
    try:
        import gymnasium
    except ImportError:
        raise UserError(
            f'data.source "gym:{name}": needs the package gymnasium: '
            f"{EXTRA}, or gymnasium"
        ) from None
    return gymnasium


def _make(gymnasium: Any, name: str, max_steps: int | None) -> Any:
    """Create an environment without the checks that slow down each step."""
    source = f'data.source "gym:{name}"'
    try:
        return gymnasium.make(
            name, max_episode_steps=max_steps, disable_env_checker=True
        )
    except gymnasium.error.DependencyNotInstalled as error:
        raise UserError(f"{source}: {error}") from None
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        known = sorted(gymnasium.registry)
        raise UserError(
            f"{source}: no such environment is installed{did_you_mean(name, known)} "
            f"({str(error).splitlines()[0]})"
        ) from None


@dataclass(frozen=True)
class World:
    """The environment of a data set; see `pipeline.tasks.training.Environment`.

    Args:
        spec: signature of the data.
    """

    spec: TaskSpec

    def make(self) -> Renumbered:
        """Create an environment with actions from 0."""
        target = self.spec.target
        return _renumbered(target["name"], target["max_steps"], target["first_action"])

    def stored(self, observations: np.ndarray) -> np.ndarray:
        """Preprocess observations, `(n, size)`, as the data stage stores them."""
        stored = observations
        for step in self.spec.preprocess:
            stored = standardized(stored, step)
        return stored

    def inputs(self, observations: np.ndarray) -> np.ndarray:
        """Convert observations, `(n, size)`, to model inputs, float32."""
        return self.spec.to_input(self.stored(observations))


@dataclass
class Renumbered:
    """An environment whose actions are numbers from 0.

    Args:
        environment: of Gymnasium.
        first: its number of the first action.
    """

    environment: Any
    first: int

    def reset(self, *, seed: int) -> tuple[np.ndarray, Any]:
        """Begin an episode."""
        observation, facts = self.environment.reset(seed=seed)
        return np.asarray(observation, np.float32), facts

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, Any]:
        """Act; see `pipeline.tasks.training.Episode`."""
        observation, reward, *end = self.environment.step(self.first + action)
        return np.asarray(observation, np.float32), float(reward), *end


def create(facts: EnvironmentFacts) -> Renumbered:
    """Create an environment with actions from 0."""
    return _renumbered(facts.name, facts.max_steps, facts.first)


def _renumbered(name: str, max_steps: int, first: int) -> Renumbered:
    return Renumbered(_make(_library(name), name, max_steps), first)


def standardized(values: np.ndarray, step: Mapping[str, Any]) -> np.ndarray:
    """Standardize as `pipeline.data.features.Standardise` does, to the bit.

    Args:
        values: `(n, size)`.
        step: an entry of `preprocess` in spec.json.

    Raises:
        ValueError: for another step.
    """
    if step["step"] != "standardise":
        raise ValueError(f"an observation has no step {step['step']}")
    dtype = np.dtype(step.get("precision") or np.float32)
    mean, deviation = (np.array(step[key], dtype) for key in ("mean", "deviation"))
    return ((values.astype(dtype) - mean) / deviation).astype(np.float32)


@dataclass
class Played:
    """Episodes that were played.

    Args:
        returns: sum of the rewards of each episode, `(n,)` float64.
        steps: length of each episode, `(n,)`.
        observations: of the episode that was recorded, one row per step.
        actions: likewise.
    """

    returns: np.ndarray
    steps: np.ndarray
    observations: list[np.ndarray] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)


def play(world: World, seeds: Sequence[int], act: Act, record: int = -1) -> Played:
    """Play episodes side by side, one step of all of them after another.

    Args:
        world: the environment.
        seeds: of the episodes.
        act: observations of all episodes `(n, size)` -> actions `(n,)`; ended
            episodes keep their last observation.
        record: position of the episode whose steps are recorded; default none.
    """
    episodes = [world.make() for _ in seeds]
    begins = [e.reset(seed=int(seed))[0] for e, seed in zip(episodes, seeds)]
    observations, running = np.stack(begins), np.ones(len(seeds), bool)
    played = Played(np.zeros(len(seeds)), np.zeros(len(seeds), int))
    while running.any():
        actions = act(observations)
        if 0 <= record < len(seeds) and running[record]:
            played.observations.append(observations[record].copy())
            played.actions.append(int(actions[record]))
        for k in np.flatnonzero(running):
            step = episodes[k].step(int(actions[k]))
            observations[k], reward, terminated, truncated, _ = step
            played.returns[k] += reward
            played.steps[k] += 1
            running[k] = not (terminated or truncated)
    return played


def greedy(world: World, predict: Callable[[np.ndarray], np.ndarray]) -> Act:
    """Return the policy that takes the action with the largest output.

    Args:
        world: the environment.
        predict: model inputs `(n, size)` -> outputs `(n, actions)`.
    """
    return lambda observations: predict(world.inputs(observations)).argmax(axis=1)


def at_random(world: World, seeds: Sequence[int]) -> Act:
    """Return the policy that draws actions; each episode has draws of its own.

    Args:
        world: the environment.
        seeds: of the episodes.
    """
    draws = [np.random.default_rng(int(seed)) for seed in seeds]
    count = len(world.spec.target["actions"])
    return lambda observations: np.array([rng.integers(count) for rng in draws])


def seeds_of(y: np.ndarray) -> list[int]:
    """Return the seed of each episode of a validation or test split.

    Args:
        y: targets as stored, `(n, columns)`.
    """
    return [int(seed) for seed in y[:, SEED]]
