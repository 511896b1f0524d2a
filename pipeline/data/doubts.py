"""Warnings about stored examples: equal or constant ones, an input that is the label.

In: the published training and validation splits. Out: sentences for the user. Nothing
is refused, because data may be like this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from pipeline.core.quoting import shown
from pipeline.data.artifact import Data
from pipeline.data.duplicates import hash_numbers
from pipeline.data.split_plan import SplitPlan
from pipeline.data.stored import Stored, stored_rows
from pipeline.tasks.registry import task_of

MOST = 0.5  # of the examples
MAX_EXAMPLES, MAX_COLUMNS = 5_000, 500  # that are looked at
LEAVES_PER_CLASS = 2
ALMOST_PERFECT = 0.99  # accuracy, or squared correlation
MIN_EXAMPLES = 20  # of which a perfect prediction is no coincidence
MAX_MAJORITY = 0.9  # of the examples in one class


def doubts(plan: SplitPlan, data: Data) -> tuple[str, ...]:
    """Return what a person should look at before trusting the data.

    Args:
        plan: the final splits.
        data: the published data.
    """
    train = plan.indices["train"]
    _, counts = np.unique(hash_numbers(plan.hashes[train]), return_counts=True)
    equal = int(counts.max(initial=0))
    constant = _constant(stored_rows(data.folder, "train"), data)
    sentences = []
    if equal > 1 and equal > MOST * len(train):
        sentences.append(_sentence(equal, len(train), "are equal"))
    if constant > MOST * len(train):
        sentences.append(_sentence(constant, len(train), "hold one value only"))
    return (*sentences, *_telling_inputs(data))


def _sentence(count: int, total: int, what: str) -> str:
    return (
        f"{count:,} of {total:,} training examples {what} (see preview.png in the "
        "folder of the stage)"
    )


def _constant(x: Stored, data: Data) -> int:
    """Estimate how many examples have the same value everywhere."""
    if data.spec.modality == "text" or np.prod(data.spec.shape) < 2:
        return 0
    sample = x[_sample(len(x))]
    flat = sample.reshape(len(sample), -1)
    share = (flat.min(axis=1) == flat.max(axis=1)).mean() if len(flat) else 0.0
    return round(float(share) * len(x))


def _sample(count: int) -> np.ndarray:
    """Return positions of some examples, evenly over all of them."""
    return np.arange(0, count, 1 + count // MAX_EXAMPLES)


def _telling_inputs(data: Data) -> tuple[str, ...]:
    """Return a sentence about an input of a table that alone predicts the label."""
    spec = data.spec
    if spec.modality != "table" or len(spec.shape) != 1 or spec.shape[0] < 2:
        return ()
    if not (spec.classes or spec.target) or task_of(spec).interactive:
        return ()
    x, y = zip(*(_some(data, split) for split in ("train", "validation")))
    if min(map(len, y)) < MIN_EXAMPLES:
        return ()
    if spec.classes and _majority(y[0]) > MAX_MAJORITY:
        return ()
    for column in range(min(spec.shape[0], MAX_COLUMNS)):
        if _predicts([part[:, column] for part in x], y, numbers=bool(spec.target)):
            name = shown(spec.inputs[column] if spec.inputs else f"column {column}")
            return (
                f'the input "{name}" alone predicts the label almost perfectly; if it '
                "is known only with the label, add it to data.columns.ignore",
            )
    return ()


def _some(data: Data, split: str) -> tuple[np.ndarray, np.ndarray]:
    x = stored_rows(data.folder, split)
    positions = _sample(len(x))
    return x[positions], np.load(data.folder / f"{split}_y.npy")[positions]


def _majority(y: np.ndarray) -> float:
    return float(np.unique(y, return_counts=True)[1].max() / len(y))


def _predicts(x: Sequence[np.ndarray], y: Sequence[np.ndarray], numbers: bool) -> bool:
    if np.ptp(x[0]) == 0 or np.ptp(x[1]) == 0:
        return False
    if numbers:
        return bool(np.corrcoef(x[1], y[1])[0, 1] ** 2 > ALMOST_PERFECT)
    leaves = LEAVES_PER_CLASS * len(np.unique(y[0]))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0)
    tree.fit(x[0][:, None], y[0])
    return bool(tree.score(x[1][:, None], y[1]) >= ALMOST_PERFECT)
