"""The space: what is declared, what the user makes of it, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.train.params import TrainParams
from pipeline.training.params import FitSettings
from pipeline.tune.artifact import Best
from pipeline.tune.params import TuneParams
from pipeline.tune.space import (
    defaults,
    describe_space,
    fit_to_space,
    hyperparameters,
    plain_values,
    searched_names,
    space_config,
    training_names,
)

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"))
POLICY = "shift(1) | flip"
TRIAL = FitSettings(learning_rate=2e-3)


def space(policy: str = POLICY, **params):
    return space_config(TuneParams(**params), SPEC, policy)


def part(config, name: str):
    hp = hyperparameters(config)
    return next(one for one in hp.space if one.name == name)


def test_the_training_and_the_builder_declare():
    values = defaults(space())
    training = {"learning_rate", "batch_size", "schedule", "weight_decay"}
    assert set(values) >= {*training, "augmentation", "filters", "dense", "dropout"}
    assert set(searched_names(space())) == {
        "learning_rate",
        "filters",
        "dense",
        "dropout",
    }


def test_a_policy_without_amounts_has_no_strength():
    assert "augmentation" not in defaults(space("flip | pad(2) | random_crop(8)"))


def test_the_user_overrides_what_is_searched():
    config = space(
        space={"filters": [4, 8], "batch_size": [16, 32], "augmentation": [0.5, 1.0]},
        fix={"lr": 1e-3},
    )
    assert part(config, "filters").values == [4, 8]
    assert part(config, "batch_size").values == [16, 32]
    assert part(config, "learning_rate").value == 1e-3
    assert defaults(config)["filters"] == 4  # its own default, 32, is not among them
    assert defaults(config)["batch_size"] == 32
    assert defaults(config)["augmentation"] == 1.0


def test_a_range_is_searched():
    text = '{"space": {"dropout": {"min": 0.1, "max": 0.5}, "dense": {"min": 8, '
    text += '"max": 64, "step": 8}}}'
    config = space_config(TuneParams.model_validate_json(text), SPEC)
    rows = {row["name"]: row for row in describe_space(config)}
    assert rows["dropout"]["max_value"] == 0.5 and rows["dropout"]["kind"] == "float"
    assert rows["dense"]["step"] == 8 and rows["dense"]["kind"] == "int"


def test_families_are_one_more_hyperparameter():
    config = space(builders=["cnn", "mlp"], space={"dropout": [0.0, 0.5]})
    assert defaults(config)["builder"] == "cnn"
    assert part(config, "mlp/dropout").values == [0.0, 0.5]
    hp = hyperparameters(config)
    for family in ("cnn", "mlp"):
        hp.values = fit_to_space({"builder": family}, config)
        assert not {n.partition("/")[0] for n in hp.values if "/" in n} - {family}
        name, values = plain_values(hp.values, TuneParams(builders=["cnn", "mlp"]))
        assert registry.build(name, values, SPEC, 1).name == family == name


REFUSED = [
    (
        {"fix": {"dropout": 0.9}},
        "tune.fix.dropout: 0.9 is outside the searched values, 0",
    ),
    ({"fix": {"filters": "many"}}, "tune.fix.filters: must be a whole number"),
    ({"fix": {"dropuot": 0.1}}, 'has "dropuot"; did you mean "dropout"'),
    ({"space": {"activation": {"min": 1, "max": 2}}}, "a range needs numbers"),
    ({"space": {"augmentation": [0.5, 1.0]}}, 'policy "flip" has an amount'),
    ({"values": {"dropuot": 0.1}}, 'has no "dropuot"; did you mean "dropout"'),
    (
        {"values": {"dropuot": 0.1}, "builders": ["cnn", "mlp"]},
        'none of cnn, mlp has "dropuot"; did you mean "dropout"',
    ),
]


@pytest.mark.parametrize(("params", "said"), REFUSED)
def test_what_does_not_fit_is_refused(params, said):
    made = TuneParams.model_validate(params, strict=False)
    with pytest.raises(UserError, match=said):
        space_config(made, SPEC, "flip")


MALFORMED = [
    ({"space": {"filters": []}}, "an empty list leaves nothing"),
    ({"space": {"filters": [8, "x"]}}, "all values need the same type"),
    ({"space": {"filters": [8, 8]}}, "duplicate value: 8"),
    ({"space": {"filters": {"min": 9, "max": 8}}}, "must be below max"),
    ({"space": {"lr": {"min": 0, "max": 1, "log": True}}}, "a min above 0"),
    (
        {"space": {"lr": [0.1]}, "fix": {"learning_rate": 0.1}},
        "also in tune.fix or tune.values",
    ),
    ({"builders": ["cnn", "cnn"]}, "duplicate builder: cnn"),
    ({"builders": ["cnn", "cnnn"]}, 'did you mean "cnn"'),
    ({"seeds": 1}, "greater than or equal to 2"),
    ({"fix": {"lr": -1.0}}, "fix.learning_rate: .* greater than 0; received -1.0"),
    ({"space": {"schedule": ["cosine", "linear"]}}, "space.schedule: .*'constant'"),
    ({"space": {"batch_size": [0, 32]}}, "space.batch_size: .* or equal to 1"),
    ({"space": {"weight_decay": {"min": 0.1, "max": 2.0}}}, "less than or equal to 1"),
]


@pytest.mark.parametrize(("params", "said"), MALFORMED)
def test_what_is_malformed_is_refused_when_it_is_read(params, said):
    with pytest.raises(ValidationError, match=said):
        TuneParams.model_validate(params, strict=False)


def test_a_rate_can_be_fixed_anywhere():
    assert part(space(fix={"lr": 0.05}), "learning_rate").value == 0.05


def test_train_leaves_to_the_search_what_can_be_searched():
    """Each is null in `train` by default: else what was found would not be used."""
    plain = TrainParams().model_dump()
    names = [name for name in training_names() if name != "augmentation"]
    assert {name: plain[name] for name in names} == dict.fromkeys(names)
    found = {"learning_rate": 0.5, "batch_size": 7}
    assert TrainParams().settings(found).batch_size == 7
    assert TrainParams(batch_size=9).settings(found).batch_size == 9


def test_what_tune_fixes_is_what_train_uses_unless_it_has_its_own():
    text = '{"batch_size": 48, "fix": {"optimizer": "sgd", "weight_decay": 0.01, '
    text += '"schedule": "step", "lr": 0.001}, "space": {"dropout": [0.0, 0.1]}}'
    params = TuneParams.model_validate_json(text)
    values = defaults(space_config(params, SPEC, POLICY))
    best = Best("cnn", values, 0.9, 1, 0, tuned=["dropout"])
    used = TrainParams(schedule="cosine").settings(best.training())
    assert (used.batch_size, used.optimizer, used.weight_decay) == (48, "sgd", 0.01)
    assert (used.learning_rate, used.schedule) == (0.001, "cosine")
    plain = Best("cnn", defaults(space()), 0.9, 1, 0).training()
    assert plain == {name: getattr(TRIAL, name) for name in plain}  # as a trial's
