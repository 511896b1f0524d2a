"""Pretraining: what is refused, which labels are used, and what is reported."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.train.params import Pretrain, TrainParams
from pipeline.train.pretraining import check_pretraining, few_labels, without_labels
from pipeline.training.context import FitData

SPEC = TaskSpec("x", "x:x", (4,), "float32", ("a", "b", "c"), modality="table")
RNG = np.random.default_rng(1)
Y = np.repeat([0, 1, 2], [60, 30, 3])
TRAIN = Split(RNG.normal(size=(93, 4)).astype(np.float32), Y)


def check(spec: TaskSpec = SPEC, policy: str = "jitter(0.1)", **params):
    model = registry.build("mlp", {}, SPEC, 1)
    data = FitData(spec, TRAIN, TRAIN, Policy(policy, 1))
    check_pretraining(model, data, Pretrain(**params))


def test_the_name_of_a_method_stands_for_its_defaults():
    assert TrainParams(pretrain="masked").pretrain == Pretrain(method="masked")
    with pytest.raises(ValidationError, match="contrastive"):
        TrainParams(pretrain="jigsaw")


def test_views_need_a_policy_that_does_not_mix():
    check(method="contrastive")
    with pytest.raises(UserError, match=r"augment\.policy is empty; set one"):
        check(method="contrastive", policy="")
    with pytest.raises(UserError, match="mixes examples; remove that step"):
        check(method="contrastive", policy="mixup(0.2)")
    check(method="masked", policy="")


def test_tokens_cannot_be_restored():
    text = TaskSpec("x", "x:x", (4,), "int32", ("a", "b"), modality="text")
    with pytest.raises(UserError, match="tokens; use contrastive"):
        check(text, method="autoencoder")


def test_a_pool_of_other_examples_is_refused(tmp_path):
    np.savez(tmp_path / "pool.npz", x=np.zeros((3, 5), np.float32))
    with pytest.raises(UserError, match=r"^train\.pretrain\.pool .*3 examples of"):
        check(method="masked", pool=str(tmp_path / "pool.npz"))


def test_each_class_keeps_its_fraction_of_labels_and_at_least_one():
    few = few_labels(TRAIN, 0.1, seed=3)
    assert np.bincount(few.y).tolist() == [6, 3, 1]
    again = few_labels(TRAIN, 0.1, seed=3)
    other = few_labels(TRAIN, 0.1, seed=4)
    assert np.array_equal(few.x, again.x) and not np.array_equal(few.x, other.x)
    assert few_labels(TRAIN, 1.0, seed=3) is TRAIN


def test_numbers_keep_a_fraction_of_all():
    numbers = Split(TRAIN.x, TRAIN.x[:, 0])
    assert len(few_labels(numbers, 0.1, seed=3)) == 9


@pytest.mark.parametrize(
    "values",
    [
        {"labelled": 0.5, "pseudo_labels": {"labelled": 0.1}},
        {"labelled": 0.5, "folds": 3},
        {"labelled": 0.5, "heads": {"a": 1.0}},
        {"folds": 3, "heads": {"a": 1.0}},
    ],
)
def test_what_numbers_the_examples_anew_excludes_each_other(values):
    with pytest.raises(ValidationError, match="cannot be combined"):
        TrainParams(**values)


def test_the_pool_is_an_input_of_the_stage():
    params = TrainParams(pretrain={"method": "masked", "pool": "a.npz"})
    assert params.files == ["a.npz"]


def test_metrics_have_what_was_set():
    rows = [
        {"epoch": k + 1, "val_loss": loss} for k, loss in enumerate([3.0, 1.0, 2.0])
    ]
    first = {"labelled": 10, "pretraining": rows}
    params = TrainParams(pretrain="masked", labelled=0.1)
    assert without_labels(params, first) == {
        "labelled": 10,
        "pretraining": {
            "method": "masked",
            "best_epoch": 2,
            "first_loss": 3.0,
            "best_loss": 1.0,
        },
    }
    assert without_labels(TrainParams(), {"labelled": 10, "pretraining": None}) == {}
