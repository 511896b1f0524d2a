"""Faults that are known before the first stage: names, policies, students, lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment.builder_rules import check_students, hyperparameters
from pipeline.experiment.loader import read_experiment

MINE = """
import keras

def build(p, spec):
    units = p.Int("units", 4, 8)
    return keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(3)])
"""
OWN_LAYER = (
    MINE
    + """

@keras.saving.register_keras_serializable()
class Wave(keras.layers.Layer):
    pass
"""
)


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hyperparameters.cache_clear()

    def loaded(text: str, source: str = "sklearn:digits", mine: str = MINE):
        Path("mine.py").write_text(mine)
        Path("experiment.yaml").write_text(f"data: {{source: '{source}'}}\n{text}\n")
        return read_experiment(Path())

    yield loaded
    hyperparameters.cache_clear()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "tune: {values: {filtrs: 8}}",
            'tune.values: builder cnn has no "filtrs"',
        ),
        ("tune: {fix: {learning_rat: 0.1}}", 'has no "learning_rat"'),
        ("tune: {space: {dens: [8, 9]}}", 'tune.space: builder cnn has no "dens"'),
        ("distill: {values: {filtrs: 8}}", 'distill.values: builder cnn has no "filt'),
        (
            "tune: {builder: 'mine:build', values: {unit: 3}}",
            'builder mine:build has no "unit"',
        ),
        (
            "augment: {policy: 'word_dropout(0.1)'}",
            "augment.policy: step 1, word_dropout(0.1), is for text",
        ),
    ],
)
def test_a_fault_is_an_error_with_its_line_before_any_stage(load, text, words):
    with pytest.raises(UserError) as error:
        load(text)
    assert "experiment.yaml, line 2: " in str(error.value)
    assert words in str(error.value)


def test_what_a_builder_declares_is_taken(load):
    load("tune: {values: {filters: 8}, fix: {learning_rate: 0.01, dense: 32}}")
    load("tune: {builder: 'mine:build', values: {units: 5}}")
    computed = MINE.replace('"units"', '"un" + "its"')
    hyperparameters.cache_clear()
    load("tune: {builder: 'mine:build', values: {any: 5}}", mine=computed)


def test_a_builder_without_width_is_refused_before_training_for_distill(load):
    experiment = load("tune: {builder: 'mine:build'}")
    check_students(experiment, ["data", "tune", "train"])
    with pytest.raises(UserError, match="builder mine:build has no hyperparameter `wi"):
        check_students(experiment, ["train", "distill"])
    for text in ("{width: 1}", "{builder: mlp}", "{smallest: 0.1}"):
        other = load(f"tune: {{builder: 'mine:build'}}\ndistill: {text}")
        check_students(other, ["distill"])


def test_the_code_of_a_builder_belongs_to_the_stages_that_read_its_models(load):
    job = load("tune: {builder: 'mine:build'}").job(Path(), [])
    for name in ("distill", "compress", "evaluate"):
        assert "mine" in job.stage(name).code(job.params)
    job = load("distill: {builder: 'mine:build'}").job(Path(), [])
    assert "mine" in job.stage("compress").code(job.params)


def test_a_layer_of_ones_own_passes_and_a_lambda_is_refused_for_compress(load):
    experiment = load("tune: {builder: 'mine:build'}", mine=OWN_LAYER)
    check_students(experiment, ["train", "compress"])
    unstored = OWN_LAYER.replace("    pass", "    f = keras.layers.Lambda(abs)")
    experiment = load("tune: {builder: 'mine:build'}", mine=unstored)
    check_students(experiment, ["train"])
    with pytest.raises(UserError, match=r"mine.py, line 11: a Lambda is a Python func"):
        check_students(experiment, ["compress"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "compress: {recipes: ['prun(0.5)', 'int8', 'qatt | int8', 'fold | foo']}",
            ['no step "prun"', 'no step "qatt"', 'no step "fold"', 'no step "foo"'],
        ),
        ("distill: {distillation_loss: hinton}", ["hinton is called kd here"]),
        ("distill: {distillation_loss: standardised_kd}", ["standardized_kd"]),
        ("data: {x: 1}", ["is given twice"]),
        ("compress: {budget: {max_drop: 1}}", ["0.01 is one point; received 1"]),
        ("train:\n\tepochs: 3", ["is indented with a tab, which YAML forbids"]),
    ],
)
def test_weak_messages_name_the_remedy(load, text, parts):
    with pytest.raises(UserError) as error:
        load(text)
    for part in parts:
        assert part in str(error.value)


def test_a_sum_of_splits_names_the_default(tmp_path):
    (tmp_path / "experiment.yaml").write_text(
        "data: {source: sklearn:digits, split: {train: 0.8, test: 0.2}}\n"
    )
    with pytest.raises(
        UserError, match=r"validation 0\.2 is the default: set all three"
    ):
        read_experiment(tmp_path)
