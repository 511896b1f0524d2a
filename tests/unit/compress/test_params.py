"""Section `compress` of an experiment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.compress.params import CompressParams


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"recipes": ["prune(0.6) | qat"]}, "lose the zeros"),
        ({"recipes": ["int8", "dinamic"]}, '"dynamic"'),
        ({"recipes": []}, "at least 1"),
        ({"recipes": ["qat", "qat | int8"]}, 'recipe 2 "qat | int8" repeats "qat"'),
        ({"recipes": "int8"}, "valid list"),
        ({"sources": ["teacher"]}, "'baseline' or 'student'"),
        ({"sources": ["student", "student"]}, 'source 2 "student" repeats'),
        ({"sources": []}, "at least 1"),
        ({"budget": {"max_drop": -0.1}}, "greater than or equal to 0"),
        ({"budget": {"max_bytes": 0}}, "greater than 0"),
        ({"budget": {"size_metric": "zip"}}, "'flash', 'raw' or 'gzip'"),
        ({"budget": {"max_latency": 1}}, "not permitted"),
        ({"rungs": [0.5]}, "must rise to 1"),
        ({"rungs": [0.5, 0.2, 1]}, "must rise to 1"),
        ({"recipes": ["prune({0.5, 0.50}) | pqat"]}, "recipe 2 .* repeats"),
        ({"recipes": ["prune({0.5, 2}) | pqat"]}, "sparsity=2"),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"learning_rate": 0.0}, "greater than 0"),
        ({"epoch": 3}, "not permitted"),
        ({"ema_momentum": 0.9}, "`ema_momentum` is not supported during fine-tuning"),
        ({"swa": 0.0}, "`swa` is not supported"),
        (
            {"gradient_accumulation_steps": 2, "jit_compile": True},
            "`gradient_accumulation_steps` and `jit_compile` are not supported",
        ),
        ({"phases": [{"epochs": 1}]}, "`phases` is not supported"),
        ({"schedule": "plateau"}, "`schedule: plateau` is not supported"),
        ({"swa": 0.5}, "or set `trainer: native`"),
        ({"trainer": "native", "phases": [{"epochs": 1}]}, "`phases` is not supported"),
        ({"trainer": "keras"}, "'tfmot' or 'native'"),
    ],
)
def test_a_bad_value_is_refused_in_words(values, words):
    with pytest.raises(ValidationError, match=words.replace("|", r"\|")):
        CompressParams(**values)


def test_the_native_trainer_has_the_settings_of_the_train_stage():
    params = CompressParams(trainer="native", ema_momentum=0.9, schedule="plateau")
    assert params.fine_tuning().ema_momentum == 0.9
    assert params.hashed() != CompressParams().hashed()


def test_workers_change_no_result_and_are_not_hashed():
    assert CompressParams(workers=1).hashed() == CompressParams(workers=4).hashed()
    assert CompressParams(epochs=3).hashed() != CompressParams().hashed()


def test_fine_tuning_has_the_settings_of_the_fit_room():
    settings = CompressParams(epochs=3, batch_size=16, patience=2).fine_tuning()
    assert (settings.epochs, settings.batch_size, settings.patience) == (3, 16, 2)


def test_a_list_of_strengths_is_a_recipe_for_each():
    recipes = ["int8", "prune({0.5, 0.7}) | cluster({8,16}) | pcqat"]
    assert CompressParams(recipes=recipes).recipes == [
        "int8",
        "prune(0.5) | cluster(8) | pcqat",
        "prune(0.5) | cluster(16) | pcqat",
        "prune(0.7) | cluster(8) | pcqat",
        "prune(0.7) | cluster(16) | pcqat",
    ]
