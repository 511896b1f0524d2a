"""Floors: what a model must be better than, on the same test examples.

In: training and test examples, and evidence of the evaluated files. Out: the trivial
prediction of the task, such as the most frequent class, and the model that a
practitioner tries first: boosted trees for tables (scikit-learn's
HistGradientBoosting, after Ke et al., LightGBM, 2017), a linear model on TF-IDF of
words and pairs of words for texts. Warnings about files that are below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Data, Split
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.floor import Floor as TaskFloor
from pipeline.tasks.floor import floor_of, floor_warning
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.task import Task

Array = np.ndarray
Row = dict[str, Any]
# Rows times inputs times classes that boosting may visit: about a minute.
BOOSTING_WORK = 1_500_000_000
MAX_ROUNDS, MIN_ROUNDS = 100, 20
WEAK_ROWS = 20  # fewer training examples than this teach no reference model
BINARY = 2


@dataclass(frozen=True)
class Floor:
    """A prediction that a model must be better than.

    Args:
        name: of the prediction, such as `always the most frequent class`.
        evidence: of the metric for each test example, `(n, ...)`.
        learned: True for a model that was fitted to the training examples, or that
            compares inputs.
    """

    name: str
    evidence: Array
    learned: bool


def floors_of(data: Data, test: Split, seed: int, reference: bool) -> list[Floor]:
    """Compute the floors of a data set.

    Args:
        data: published data; the floors learn from its training split.
        test: examples on which they are compared.
        seed: of models that draw numbers.
        reference: also fit the model that a practitioner tries first.

    Returns:
        The trivial prediction, if the task has one, and the reference model, if the
        kind of data has one.
    """
    floor, floors = floor_of(data.spec), []
    if floor is not None:
        teaching = data.train().y
        evidence = floor.of(teaching, test.x, test.y)
        floors.append(Floor(floor.name, evidence, learned=False))
        floors += _fitted(floor, data, test) if reference else []
    if reference and (learned := _reference(data, test, seed)):
        floors.append(learned)
    return floors


def rows_of(
    floors: Sequence[Floor], baseline: Array, y: Array, metric: TaskMetric, seed: int
) -> list[Row]:
    """Return rows of evaluation.json: each floor and what the baseline gains on it.

    Args:
        floors: of the data set.
        baseline: evidence of the float baseline on the test examples, `(n, ...)`.
        y: targets of the test examples, `(n,)`.
        metric: of the task.
        seed: of the bootstrap.

    Returns:
        Per floor `name`, `learned`, the metric, and `gain`: baseline minus floor,
        positive where the baseline is better, with a paired 95 % interval.
    """
    score, of_baseline = metric.metric, metric.value(baseline, y)
    rows = []
    for floor in floors:
        value = metric.value(floor.evidence, y)
        gain = score.drop(value, of_baseline)
        interval = metric.drop_interval(baseline, floor.evidence, y, seed)
        rows.append(
            {
                "name": floor.name,
                "learned": floor.learned,
                metric.key: value,
                "gain": gain,
                "gain_interval": interval,
            }
        )
    return rows


def doubts_of(
    rows: Sequence[Row],
    data: Data,
    test: Split,
    evidence: Mapping[str, Array],
    names: Mapping[str, str],
    seed: int,
) -> list[str]:
    """Warn about files that are not above the floors on test.

    Args:
        rows: result of `rows_of`.
        data: published data.
        test: the test examples.
        evidence: id of a file -> its evidence on test.
        names: id of a file -> what to call it, such as `the chosen file`.
        seed: of the bootstrap.

    Returns:
        One sentence for the first file that the trivial prediction may equal, and one
        if the baseline is below the reference model.
    """
    teaching, spec, doubts = data.train().y, data.spec, []
    for id, name in names.items():
        text = floor_warning(
            name, spec, teaching, test.x, test.y, evidence[id], seed, split="test"
        )
        if text:
            doubts.append(text)
            break
    return doubts + [_below(row, metric_of(spec)) for row in rows if _is_below(row)]


def _fitted(floor: TaskFloor, data: Data, test: Split) -> list[Floor]:
    """The predictions of the task that examples are needed for."""
    train, x = np.asarray(data.train().x), np.asarray(test.x)
    fitted = floor.fitted(data.spec, train, x, test.y)
    return [Floor(row.name, row.evidence, row.learned) for row in fitted]


def _is_below(row: Row) -> bool:
    """True if the baseline is below a learned floor, and not by chance alone."""
    interval = row["gain_interval"]
    highest = row["gain"] if interval is None else interval[1]
    return bool(row["learned"] and highest < 0)


def _below(row: Row, metric: TaskMetric) -> str:
    score = metric.metric
    return (
        f"the float baseline is {score.amount(-row['gain'])} below {row['name']} "
        f"({row[metric.key]:.3f} on test): train it longer, or with another builder, "
        "before it is compressed"
    )


def _reference(data: Data, test: Split, seed: int) -> Floor | None:
    """The first model of a practitioner; None where there is none, or too few rows."""
    spec, train = data.spec, data.train()
    task = task_of(spec)
    is_number = task.output == "numbers" and task.units == 1
    if len(train) < WEAK_ROWS or not (task.output == "logits" or is_number):
        return None
    if spec.modality == "table" and len(spec.shape) == 1:
        name, outputs = _boosting(data, train, test, task, seed)
    elif spec.modality == "text" and len(spec.shape) == 1:
        name, outputs = _linear_on_words(train, test, task, seed)
    else:
        return None
    inputs = spec.to_input(test.x)
    return Floor(name, metric_of(spec).evidence(outputs, inputs, test.y), learned=True)


def _boosting(
    data: Data, train: Split, test: Split, task: Task, seed: int
) -> tuple[str, Array]:
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    classes = len(data.spec.classes)
    trees = classes if classes > BINARY else 1  # per round
    width = max(1, int(np.prod(data.spec.shape))) * trees
    limit = BOOSTING_WORK // (width * MIN_ROUNDS)
    some = train.sample(limit, derive_seed(seed, "boosting"))
    rounds = int(np.clip(BOOSTING_WORK // (width * len(some)), MIN_ROUNDS, MAX_ROUNDS))
    kind = (
        HistGradientBoostingClassifier
        if task.predicts_classes
        else HistGradientBoostingRegressor
    )
    model = kind(max_iter=rounds, early_stopping=False, random_state=seed)
    model.fit(np.asarray(some.x), some.y)
    size = "" if some is train else f", on {len(some):,} training examples"
    name = f"gradient boosting (scikit-learn, {rounds} rounds{size})"
    return name, _outputs(model, test.x, task, classes)


def _linear_on_words(
    train: Split, test: Split, task: Task, seed: int
) -> tuple[str, Array]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    vectorizer = TfidfVectorizer(
        analyzer=lambda tokens: tokens, sublinear_tf=True, min_df=2
    )
    try:
        x = vectorizer.fit_transform(map(_terms, train.x))
    except ValueError:  # no word occurs twice
        vectorizer.set_params(min_df=1)
        x = vectorizer.fit_transform(map(_terms, train.x))
    if task.predicts_classes:
        model: Any = LogisticRegression(C=4.0, max_iter=300, random_state=seed)
    else:
        model = Ridge(alpha=1.0)
    model.fit(x, train.y)
    classes = int(train.y.max()) + 1 if task.predicts_classes else 0
    features = vectorizer.transform(map(_terms, test.x))
    name = "a linear model on TF-IDF of words and pairs of words (scikit-learn)"
    return name, _outputs(model, features, task, classes)


def _terms(tokens: Array) -> list[str]:
    """Words and pairs of neighboring words of a row of token numbers; 0 is padding."""
    words = [str(token) for token in tokens if token]
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def _outputs(model: Any, x: Any, task: Task, classes: int) -> Array:
    """Outputs as a network has them: a score per class, or one number."""
    if not task.predicts_classes:
        return np.asarray(model.predict(x), np.float64)[:, None]
    scores = np.full((x.shape[0], max(classes, 1 + int(model.classes_.max()))), -1.0)
    scores[:, model.classes_.astype(int)] = model.predict_proba(x)
    return scores
