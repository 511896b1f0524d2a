"""The search space: what the builder declares, and the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models import registry

RATES = (5e-4, 5e-3)
DEFAULT_RATE = 2e-3


def space_config(
    builder: str, spec: TaskSpec, values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The space as Keras Tuner's plain configuration.

    Builds the model once, so it belongs in a process of its own.
    """
    hp = HyperParameters()
    hp.Float("learning_rate", *RATES, sampling="log", default=DEFAULT_RATE)
    registry.declare(builder, hp, spec, values)
    return hp.get_config()
