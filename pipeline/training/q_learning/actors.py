"""Agents that act side by side, each in its own environment.

In: a function that chooses actions. Out: transitions. The state of all environments is
the seed and the actions of their present episodes, which a resumed fit plays again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.tasks.training import Environment
from pipeline.training.checkpoint import Arrays


@dataclass(frozen=True)
class Transitions:
    """One step of every actor.

    Args:
        states: observations, `(n, size)` float32.
        actions: numbers from 0, `(n,)` int32.
        rewards: `(n,)` float32.
        ended: 1 where the episode ended by the rules of the environment, `(n,)`
            float32; an episode that was cut off would have gone on.
        following: the next observations, `(n, size)` float32.
    """

    states: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    ended: np.ndarray
    following: np.ndarray


COLUMNS = tuple(column.name for column in fields(Transitions))


def explored(
    outputs: np.ndarray, probability: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the actions with the largest outputs, some of them replaced at random.

    Args:
        outputs: of the model, `(n, actions)`.
        probability: of a random action.
        rng: source of the draws.
    """
    random = rng.integers(outputs.shape[1], size=len(outputs))
    replaced = rng.random(len(outputs)) < probability
    return np.where(replaced, random, outputs.argmax(axis=1))


class Actors:
    """Environments that are stepped together.

    Args:
        environment: of the task.
        count: number of actors.
        seed: of their episodes.
    """

    def __init__(self, environment: Environment, count: int, seed: int):
        self.seed = seed
        self.episodes = [environment.make() for _ in range(count)]
        self.numbers = [0] * count
        self.actions: list[list[int]] = [[] for _ in range(count)]
        self.observations = np.stack([self._begin(k) for k in range(count)])

    def step(self, actions: np.ndarray) -> Transitions:
        """Act in every environment; an episode that ends is followed by a new one.

        Args:
            actions: numbers from 0, `(n,)`.
        """
        states, following = self.observations.copy(), self.observations.copy()
        rewards, ended = np.zeros(len(actions), np.float32), np.zeros(len(actions))
        for k, action in enumerate(actions.tolist()):
            step = self.episodes[k].step(action)
            following[k], rewards[k], terminated, truncated, _ = step
            ended[k] = terminated
            self.actions[k].append(action)
            self.observations[k] = following[k]
            if terminated or truncated:
                self.numbers[k] += 1
                self.observations[k] = self._begin(k)
        return Transitions(
            states,
            actions.astype(np.int32),
            rewards,
            ended.astype(np.float32),
            following,
        )

    def state(self) -> Arrays:
        """Return what `restore` needs."""
        return [np.array(self.numbers), *map(np.array, self.actions)]

    def restore(self, state: Arrays) -> None:
        """Play the present episode of each actor again."""
        numbers, *actions = state
        self.numbers = numbers.tolist()
        for k, played in enumerate(actions):
            self.observations[k] = self._begin(k)
            for action in map(int, played):
                self.observations[k] = self.episodes[k].step(action)[0]
                self.actions[k].append(action)

    def _begin(self, k: int) -> np.ndarray:
        self.actions[k] = []
        seed = derive_seed(self.seed, "episode", k, self.numbers[k])
        return np.asarray(self.episodes[k].reset(seed=seed)[0], np.float32)


class Memory:
    """The last transitions, in a ring (Mnih et al., 2015).

    Args:
        size: maximum number of transitions.
        observation: numbers of an observation.
    """

    def __init__(self, size: int, observation: int):
        self.states = np.zeros((size, observation), np.float32)
        self.following = np.zeros((size, observation), np.float32)
        self.actions = np.zeros(size, np.int32)
        self.rewards, self.ended = np.zeros((2, size), np.float32)
        self.size, self.added = size, 0

    def __len__(self) -> int:
        return min(self.added, self.size)

    def add(self, transitions: Transitions) -> None:
        """Store transitions in the place of the oldest ones."""
        count = len(transitions.actions)
        places = (self.added + np.arange(count)) % self.size
        for name in COLUMNS:
            getattr(self, name)[places] = getattr(transitions, name)
        self.added += count

    def draw(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return states, actions, rewards, ends and next states at some positions."""
        return tuple(getattr(self, name)[positions] for name in COLUMNS)

    def state(self) -> Arrays:
        """Return what `restore` needs."""
        return [np.array(self.added), *self.draw(np.arange(len(self)))]

    def restore(self, state: Arrays) -> None:
        """Restore the transitions of `state`."""
        added, *columns = state
        self.added = int(added)
        for name, values in zip(COLUMNS, columns, strict=True):
            getattr(self, name)[: len(values)] = values
