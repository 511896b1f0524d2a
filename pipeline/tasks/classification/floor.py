"""The most frequent class as the floor, and classes in another order.

In: class numbers, and logits. Out: evidence of the most frequent class; the order of
names as text, which Keras's image_dataset_from_directory uses, and the order in which
most training examples are classified correctly (linear assignment; Kuhn, The Hungarian
Method for the Assignment Problem, 1955).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.tasks.floor import Array, Floor, Reading
from pipeline.tasks.spec import TaskSpec

SHOWN = 6  # class names in a message


def _evidence(teaching: Array, y: Array) -> Array:
    majority = np.bincount(np.asarray(teaching, np.int64)).argmax()
    return (y == majority).astype(np.float64)


def _readings(spec: TaskSpec, outputs: Array, y: Array) -> Iterator[Reading]:
    order = list(np.argsort(np.array(spec.classes), kind="stable"))
    as_set = list(range(len(spec.classes)))
    if order != as_set:
        yield _in_order(spec, order, "data.class_order=text")
    best = _best_order(outputs, y, len(spec.classes))
    if best not in (order, as_set):
        names = json.dumps([spec.classes[k] for k in best], ensure_ascii=False)
        yield replace(_in_order(spec, best, f"data.classes={names}"), fitted=True)


def _best_order(outputs: Array, y: Array, classes: int) -> list[int]:
    """Output -> class, such that most examples are classified correctly."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (outputs.argmax(axis=-1), y), 1)
    return [int(k) for k in linear_sum_assignment(counts, maximize=True)[1]]


def _in_order(spec: TaskSpec, order: list[int], remedy: str) -> Reading:
    names = [str(spec.classes[k]) for k in order]
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    columns = np.argsort(order)  # class -> the output that holds it
    return Reading(
        f"its outputs in the class order {shown}", remedy, lambda z: z[..., columns]
    )


FLOOR = Floor("always the most frequent class", _evidence, _readings)
