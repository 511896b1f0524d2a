"""`train.pretrain`: features learned from all examples before the labels are used.

In: a model, its data and the policy. Out: the model with pretrained weights below its
last layer, and what the first fit writes to pretraining.csv.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from pipeline.augment.policy import Policy
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.train.params import Pretrain, TrainParams
from pipeline.train.pseudo_labels import read_pool
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History
from pipeline.training.params import FitSettings
from pipeline.training.pretext import SAMPLED, Contrastive, Pretext, Reconstruction
from pipeline.training.pretraining import encoder_of, pretrain


def pretrain_model(
    model: keras.Model, data: FitData, params: Pretrain, context: FitContext
) -> History:
    """Pretrain all layers but the last one.

    Args:
        model: changed in place.
        data: the splits, whose labels are ignored, and the policy.
        params: `train.pretrain`.
        context: of the fit that follows.

    Returns:
        The history of the pretraining.

    Raises:
        UserError: if the method does not apply to the model, the data or the policy.
    """
    seed = derive_seed(context.seed, "pretrain")
    encoder = encoder_of(model)
    train = with_pool(data.train, data.spec, params)
    policy = data.policy or Policy("", seed)
    pretext = pretext_of(params, encoder, train, data.spec, policy, seed)
    settings = FitSettings(
        epochs=params.epochs,
        patience=params.epochs,
        batch_size=params.batch_size,
        learning_rate=params.learning_rate,
    )
    context = replace(context, seed=seed)
    return pretrain(encoder, pretext, replace(data, train=train), settings, context)


def check_pretraining(model: keras.Model, data: FitData, params: Pretrain) -> None:
    """Check that the method applies to the model, the data and the policy.

    Args:
        model: the model to train.
        data: the splits and the policy.
        params: `train.pretrain`.

    Raises:
        UserError: if it does not.
    """
    train = with_pool(data.train, data.spec, params)
    policy = data.policy or Policy("", 0)
    pretext_of(params, encoder_of(model), train, data.spec, policy, 0)


def few_labels(train: Split, fraction: float, seed: int) -> Split:
    """Return the examples whose labels are used, at least one per class.

    Args:
        train: the training split.
        fraction: of each class; of all examples where targets are not class numbers.
        seed: of the draw.
    """
    if fraction == 1:
        return train
    rng = np.random.default_rng(seed)
    are_classes = train.y.ndim == 1 and np.issubdtype(train.y.dtype, np.integer)
    groups = train.y if are_classes else np.zeros(len(train))
    chosen = []
    for group in np.unique(groups):
        members = rng.permutation(np.flatnonzero(groups == group))
        chosen.append(members[: max(1, round(fraction * len(members)))])
    kept = np.sort(np.concatenate(chosen))
    return replace(train, x=train.x[kept], y=train.y[kept])


def pretext_of(
    params: Pretrain,
    encoder: keras.Model,
    train: Split,
    spec: TaskSpec,
    policy: Policy,
    seed: int,
) -> Pretext:
    """Return the pretext task of a method.

    Args:
        params: `train.pretrain`.
        encoder: gives the number of features.
        train: the examples to learn from.
        spec: signature of the data.
        policy: augmentation, for the views of `contrastive`.
        seed: of the initial weights and of all draws.

    Raises:
        UserError: if the method does not apply to the data or the policy.
    """
    features = int(encoder.output.shape[-1])
    if params.method == "contrastive":
        _check_views(policy)
        return Contrastive(features, policy, params.temperature, seed)
    if spec.modality == "text":
        raise UserError(
            f"train.pretrain: {params.method} restores numbers, and the inputs of "
            f"{spec.source} are tokens; use contrastive, or remove it"
        )
    masked, noise = (
        (params.masked, 0.0) if params.method == "masked" else (0.0, params.noise)
    )
    x = np.asarray(spec.to_input(train.x[:SAMPLED]))
    return Reconstruction(features, x, masked, noise, seed)


def _check_views(policy: Policy) -> None:
    if policy.mixes or not policy.steps:
        problem = "mixes examples" if policy.mixes else "is empty"
        remedy = "remove that step" if policy.mixes else "set one"
        raise UserError(
            f"train.pretrain: contrastive compares augmented views of an example, and "
            f"augment.policy {problem}; {remedy}, or use masked or autoencoder"
        )


def with_pool(train: Split, spec: TaskSpec, params: Pretrain) -> Split:
    """Return the training examples, and those of the pool if there is one.

    Args:
        train: the training split.
        spec: signature of the data.
        params: name the pool.

    Raises:
        UserError: for a pool that does not match the data.
    """
    if params.pool is None:
        return train
    pool = read_pool(params.pool, spec, "train.pretrain.pool")
    labels = np.zeros((len(pool), *train.y.shape[1:]), train.y.dtype)
    x, y = np.concatenate([train.x, pool]), np.concatenate([train.y, labels])
    return replace(train, x=x, y=y)


def without_labels(params: TrainParams, first: dict[str, Any]) -> dict[str, Any]:
    """Describe the labels that were used and the pretraining, for metrics.json.

    Args:
        params: of the train stage.
        first: result of the published fit.

    Returns:
        `labelled`, the number of examples, and `pretraining`, each where it was set.
    """
    metrics: dict[str, Any] = {}
    if params.labelled < 1:
        metrics["labelled"] = first["labelled"]
    if params.pretrain:
        metrics["pretraining"] = _summary(params.pretrain, first["pretraining"])
    return metrics


def _summary(params: Pretrain, rows: list[dict[str, float]]) -> dict[str, Any]:
    best = min(rows, key=lambda row: row["val_loss"])
    return {
        "method": params.method,
        "best_epoch": int(best["epoch"]),
        "first_loss": round(rows[0]["val_loss"], 9),
        "best_loss": round(best["val_loss"], 9),
    }
