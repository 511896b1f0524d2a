"""The experiment file: what it fills in, and how it complains."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.experiment.loader import experiment_folder, read_experiment
from pipeline.experiment.overrides import split_sets
from pipeline.experiment.schema import Experiment
from pipeline.experiment.stages import CHAIN

GOOD = "data: {source: 'sklearn:digits'}\n"


def write(folder: Path, text: str) -> Path:
    (folder / "experiment.yaml").write_text(text)
    return folder


def test_defaults_fill_what_the_file_does_not_say(tmp_path):
    experiment = read_experiment(write(tmp_path, GOOD))
    assert experiment.seed == 1
    assert experiment.train.epochs == 60


def test_set_overrides_the_file_and_numbers_keep_their_types(tmp_path):
    folder = write(tmp_path, GOOD + "train: {epochs: 9}\n")
    sets = [
        "train.epochs=3",
        "train.learning_rate=1e-3",
        "augment.policy=flip|shift(1)",
    ]
    experiment = read_experiment(folder, sets)
    assert experiment.train.epochs == 3
    assert experiment.train.learning_rate == 0.001
    assert experiment.augment.policy == "flip | shift(1)"


def test_a_line_of_settings_is_split_as_a_shell_would():
    text = "train.epochs=3 augment.policy='flip | shift(1)'"
    assert split_sets(text) == ["train.epochs=3", "augment.policy=flip | shift(1)"]


BAD_FILES = [
    ("train: {epoch: 3}", ["line 2", "no key train.epoch", 'mean "epochs"']),
    ("trian: {epochs: 3}", ["line 2", "no key trian", 'mean "train"']),
    ("train: {epochs: many}", ["line 2", "train.epochs", "integer", '"many"']),
    ("train: {epochs: 0}", ["train.epochs", "greater than or equal to 1", "0"]),
    ("train: {epochs: 2.5}", ["train.epochs", "integer", "2.5"]),
    ("train:\n  epochs: 3\n  epochs: 4", ["line 4", "train.epochs is given twice"]),
    ("train: 3", ["line 2", "train", "received 3"]),
    ("train: [", ["not readable as YAML", "line"]),
    ("seed: -1", ["seed", "greater than or equal to 0"]),
    ("seed: 2020-01-01", ["seed is a date", "quote it"]),
    ("threads: 0", ["threads", "greater than or equal to 1"]),
    ("portability: full", ["portability", "'native' or 'portable'"]),
    ("augment: {policy: flpi}", ["augment.policy", "step 1", 'mean "flip"']),
    ("compress: {recipes: [int9]}", ["compress.recipes", "step 1", 'mean "int8"']),
    ("compress: {budget: {max_drop: 2}}", ["compress.budget.max_drop", "less than 1"]),
    ("tune: {builder: cnnn}", ["tune.builder", 'no builder "cnnn"', 'mean "cnn"']),
    ("compress: {recipes: []}", ["recipes: must hold at least 1 value; received []"]),
    (f"report: {{title: {'x' * 121}}}", ["title: must hold at most 120 characters"]),
    ("- 1", ["line"]),
]


@pytest.mark.parametrize(("text", "parts"), BAD_FILES)
def test_an_error_names_the_file_the_key_and_what_is_allowed(tmp_path, text, parts):
    with pytest.raises(UserError) as caught:
        read_experiment(write(tmp_path, GOOD + text))
    for part in [str(tmp_path / "experiment.yaml"), *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("skleran:digits", ["data.source", 'mean "sklearn"']),
        ("sklearn:digts", ["line 1: data.source", 'mean "digits"', "diabetes"]),
        ("sklearn:diabetes", ["line 1: data.source", "is for data.task regression"]),
        ("digits", ["data.source", "KIND:NAME"]),
        ("sklearn:", ["data.source", "KIND:NAME"]),
    ],
)
def test_a_bad_source_names_the_kinds(tmp_path, source, parts):
    with pytest.raises(UserError) as caught:
        read_experiment(write(tmp_path, f"data: {{source: '{source}'}}\n"))
    for part in parts:
        assert part in str(caught.value)


def test_split_fractions_must_add_up(tmp_path):
    text = "data:\n  source: sklearn:digits\n  split: {train: 0.9, test: 0.5}\n"
    with pytest.raises(UserError, match=re.escape("must add up to 1, not 1.6")):
        read_experiment(write(tmp_path, text))


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(UserError, match="data is missing"):
        read_experiment(write(tmp_path, ""))


@pytest.mark.parametrize("text", ["train.epochs", "=3", "train..epochs=3"])
def test_a_setting_must_be_a_key_and_a_value(tmp_path, text):
    with pytest.raises(UserError, match=r"--set .*section\.key=value"):
        read_experiment(write(tmp_path, GOOD), [text])


def test_an_error_in_a_setting_names_the_setting(tmp_path):
    with pytest.raises(UserError, match=r"^--set train\.epochs=x: train\.epochs"):
        read_experiment(write(tmp_path, GOOD), ["train.epochs=x"])


RATE = "tune: {fix: {learning_rate: 0.1}}\n"
TRIALS = "tune: {trials: 2}\n"
SPACE = "tune.space.filters"
BAD_SETS = [
    # what the file says, what is set, what the error says, what it must not say
    ("", "train=3", ["train: must be a mapping of keys; received 3"], []),
    ("", "compress.recipes=int8", ["must be a list, such as [a, b]"], ["array"]),
    ("", "augment.policy=[1]", ["must be text, in quotes where"], ["string"]),
    ("", "train.epochs=x", ["must be a valid integer", 'received "x"'], []),
    ("train: {epochs: 3}\n", "train.epochs=x", ["valid integer"], ["line"]),
    ("train: {}\n", "train.epoch=3", ["no key train.epoch", '"epochs"'], ["line"]),
    (TRIALS, f"{SPACE}=[1,", ["a list of values", "{min: ..., max: ", '"]"'], None),
    (TRIALS, f"{SPACE}=3", [f"{SPACE}: must be a list of values", "received 3"], None),
    (TRIALS, f"{SPACE}={{min: 1}}", [f"{SPACE}.max is missing"], None),
    ("", "train.phases=[{epoch: 3}]", ['mean "epochs"'], ["is missing"]),
    ("", "train.phases=[{rates: 3}]", ["epochs is missing", '"rate"'], []),
    (TRIALS, f"{SPACE}={{min: 1, max: 2, stp: 3}}", ['mean "step"'], None),
    (TRIALS, f"{SPACE}={{min: 3, max: 1}}", ["min 3 must be below max 1"], None),
    (TRIALS, f"{SPACE}={{min: a, max: 1}}", [f"{SPACE}.min: must be a number"], None),
    (TRIALS, f"{SPACE}=[]", ["an empty list leaves nothing"], None),
    (RATE, "tune.space.lr=[0.1, 0.2]", ["learning_rate is in tune.space"], []),
    (
        "tune: {values: {units: 4}}\n",
        "tune.values.dropout=[0.1, null]",
        ["dropout.1: must be true or false, a number or text; received null"],
        ["line", "union"],
    ),
    (
        "data: {source: 'sklearn:digits', extend: 'csv:more.csv'}\n",
        "data.extend=3",
        ["data.extend: must be text, a list of text ([a, b]) or null; received 3"],
        ["line", "str"],
    ),
    (
        "data: {source: 'sklearn:digits', split: {train: 0.6}}\n",
        "data.split.test=0.5",
        ["must add up to 1, not 1.3"],
        [],
    ),
    ("", "data.image.size=[1,2,3]", ["size: must hold at most 2 values; rec"], []),
    ("", "compress.recipes=[]", ["must hold at least 1 value; received []"], []),
    ("", "compress.budget.max_drop=[", ["must be a number or a mapping"], ["missing"]),
    ("", "compress.budget=[", ["must be a mapping of keys"], ["missing"]),
    (
        "",
        "compress.budget={max_drop: 1",
        ['its "}" is missing: quote a value with spaces'],
        [],
    ),
    (
        "",
        "compress.recipes=[qat,",
        ['its "]" is missing: quote a value with spaces'],
        [],
    ),
    ("", "compress.recipes=[int8", ["is missing: --set 'compress.rec"], ["spaces"]),
    (
        "",
        "compress.recipes=['prune({0.5,0.7} | pqat']",
        ['"prune({0.5,0.7} | pqat" is short for 2: step 1 of "prune(0.5 | pqat"'],
        [],
    ),
    ("", "compress.rungs=[0.2,0.5]", ["received [0.2, 0.5]"], ["5]; received"]),
    ("seed: 3\n", "seed.x=4", ["seed is a single value, not a section"], []),
    (
        "compress: {recipes: [int8]}\n",
        "compress.recipes.0=qat",
        ["compress.recipes is a list, which is set as a whole"],
        ["single value"],
    ),
    ("", "data.task=regression", ["line 1): data.source", "for data.task cla"], []),
    ("train: {loss: focal}\n", "data.task=regression", ["train.loss", "line 2"], []),
]


@pytest.mark.parametrize(("text", "given", "parts", "absent"), BAD_SETS)
def test_an_error_of_a_setting_is_told_at_the_setting(
    tmp_path, text, given, parts, absent
):
    folder = write(tmp_path, text if text.startswith("data") else GOOD + text)
    with pytest.raises(UserError) as caught:
        read_experiment(folder, ["seed=2", given])
    for line in str(caught.value).splitlines():
        assert line.startswith(f"--set {given}")
        rest = line.removeprefix(f"--set {given}")
        unwanted = ["line", "Range", "list["] if absent is None else absent
        assert not [word for word in unwanted if word in rest]
    for part in parts:
        assert part in str(caught.value)


def test_an_error_of_the_file_is_told_at_its_line_whatever_is_set(tmp_path):
    folder = write(tmp_path, GOOD + RATE.replace("0.1", "[0.1]") + "seed: -1\n")
    with pytest.raises(UserError) as caught:
        read_experiment(folder, ["tune.fix.dropout=0.1", "tune.trials=2"])
    seed, rate = sorted(str(caught.value).splitlines(), reverse=True)
    assert rate.startswith(f"{folder / 'experiment.yaml'}, line 2: tune.fix.lear")
    assert seed.startswith(f"{folder / 'experiment.yaml'}, line 3: seed: must be")


def test_two_settings_that_do_not_go_together_are_both_named(tmp_path):
    sets = ["tune.space.lr=[0.1, 0.2]", "tune.fix.lr=0.1", "seed=3"]
    with pytest.raises(UserError, match="^--set tune.space.*--set tune.fix.lr=0.1: "):
        read_experiment(write(tmp_path, GOOD), sets)


def test_of_two_settings_of_a_key_the_last_one_counts(tmp_path):
    sets = ["seed=1", "seed=2", "seed=1"]
    assert read_experiment(write(tmp_path, GOOD), sets).seed == 1


def test_a_list_that_a_space_cut_in_two_is_told_to_be_quoted(tmp_path):
    sets = split_sets("tune.space.filters=[8, 16]")
    with pytest.raises(UserError, match="with spaces needs quotes"):
        read_experiment(write(tmp_path, GOOD), sets)


@pytest.mark.parametrize("name", ["../up", "a b", "", "-x", "a/b", ".", "a" * 101])
def test_a_name_cannot_leave_the_folder_of_experiments(tmp_path, name):
    with pytest.raises(UserError, match="experiment name"):
        experiment_folder(tmp_path, name)


def test_an_unknown_experiment_names_the_nearest(tmp_path):
    (tmp_path / "digits").mkdir()
    write(tmp_path / "digits", GOOD)
    with pytest.raises(UserError, match='did you mean "digits"'):
        experiment_folder(tmp_path, "digit")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from([*Experiment.model_fields, "epochs", "split", "budget", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_mapping_is_an_experiment_or_a_user_error(tmp_path, values):
    import yaml

    write(tmp_path, yaml.safe_dump({"data": {"source": "sklearn:digits"}, **values}))
    refusal = None
    try:
        read_experiment(tmp_path)
    except UserError as error:
        refusal = str(error)
    assert refusal is None or str(tmp_path / "experiment.yaml") in refusal


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(max_size=40))
def test_any_text_is_an_experiment_or_a_user_error(tmp_path, text):
    (tmp_path / "experiment.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        read_experiment(tmp_path)


def test_the_schema_has_a_section_for_each_stage_of_the_chain():
    for stage in CHAIN:
        assert Experiment.model_fields[stage.name].annotation is stage.params


def test_how_many_workers_is_no_part_of_a_fingerprint():
    experiment = Experiment.model_validate({"data": {"source": "sklearn:digits"}})
    assert "workers" not in experiment.tune.hashed()
    assert "workers" not in experiment.compress.hashed()
    assert experiment.compress.hashed()["budget"]["max_drop"] == 0.01


def test_the_configuration_is_read_without_tensorflow():
    code = "import sys, pipeline.experiment.loader; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
