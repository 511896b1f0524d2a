"""States that the trained policy meets, with its outputs: what a student learns from.

In: the trained model. Out: experience.npz. A part of the actions is random, so that
states beside the usual ones are seen too (Rusu et al., Policy Distillation, 2016).
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Data, write_experience
from pipeline.tasks.training import training_of
from pipeline.training.acting import acting
from pipeline.training.q_learning.actors import Actors, explored

ACTORS = 8
EXPLORATION = 0.1  # probability of a random action


def publish_experience(model: keras.Model, data: Data, seed: int, out: Path) -> None:
    """Act with the trained model, and write as many states as there are in training.

    Args:
        model: the trained policy.
        data: published data.
        seed: of the episodes and the random actions.
        out: folder of experience.npz.
    """
    act, validation = acting(model), data.validation()
    states = collect(model, data, len(data.train()), seed)
    pairs = []
    for x, seeds in (
        (states, np.zeros(len(states))),
        (validation.x, validation.y[:, 0]),
    ):
        values = act(data.spec.to_input(x))
        rows = np.concatenate([seeds[:, None], values], axis=1)
        pairs.append((x, rows.astype(np.float32)))
    write_experience(out, *pairs)


def collect(model: keras.Model, data: Data, count: int, seed: int) -> np.ndarray:
    """Return states as stored, `(count, *shape)`.

    Args:
        model: acts, except for random actions.
        data: published data.
        count: number of states.
        seed: of the episodes and the random actions.
    """
    environment = training_of(data.spec).environment
    assert environment is not None
    actors = Actors(environment, ACTORS, derive_seed(seed, "experience"))
    rng, act = np.random.default_rng(derive_seed(seed, "exploration")), acting(model)
    states: list[np.ndarray] = []
    for _ in range(-(-count // ACTORS)):
        stored = environment.stored(actors.observations)
        states.append(stored)
        outputs = act(data.spec.to_input(stored))
        actors.step(explored(outputs, EXPLORATION, rng))
    return np.concatenate(states)[:count]
