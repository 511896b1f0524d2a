"""Compare a trained Keras model with its task's floor, on validation.

In: a model and published data. Out: outputs of the model, and a warning or nothing.
"""

from __future__ import annotations

import keras
import numpy as np

from pipeline.data.artifact import Data
from pipeline.data.spec import TaskSpec
from pipeline.tasks.floor import floor_warning
from pipeline.tasks.metric import metric_of
from pipeline.tasks.training import inference_batch
from pipeline.training.acting import acting


def learned_nothing(
    subject: str, model: keras.Model, data: Data, seed: int
) -> list[str]:
    """Warn about a model that may be no better than a trivial prediction.

    Args:
        subject: the model, for the message.
        model: any model of the task.
        data: published data.
        seed: of the bootstrap.

    Returns:
        At most one sentence, which is also printed.
    """
    spec, train, validation = data.spec, data.train(), data.validation()
    x, y, metric = validation.x, validation.y, metric_of(spec)
    if metric.rollout:
        evidence = metric.rollout(acting(model), y)
    else:
        outputs = predict(model, x, spec)
        evidence = metric.evidence(outputs, spec.to_input(x), y)
    text = floor_warning(subject, spec, train.y, x, y, evidence, seed)
    if text is None:
        return []
    print(f"warning: {text}")
    return [text]


def predict(model: keras.Model, x: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Return the outputs of a model for stored examples, in inference mode.

    Args:
        model: any model of the task.
        x: stored examples, `(n, *shape)`.
        spec: signature of the data.
    """
    size = inference_batch(spec)
    begins = range(0, len(x), size)
    batches = (spec.to_input(x[begin : begin + size]) for begin in begins)
    return np.concatenate([np.asarray(model(b, training=False)) for b in batches])
