"""A key that was renamed is one error, which names the new key."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment.loader import read_experiment
from pipeline.experiment.renamed_keys import CHANGED_VALUES, RENAMED_KEYS, renamed_key
from pipeline.experiment.schema import Experiment
from pipeline.experiment.validation_errors import kinds

TEXT = 'data: {source: "sklearn:digits"}\n'


def exists(key: str) -> bool:
    return bool(kinds(tuple(key.split(".")), Experiment))


DONE = [old for old in RENAMED_KEYS if not exists(old)]


def test_each_old_key_that_is_gone_has_a_new_one_in_the_schema():
    assert "train.ema" in DONE and "compress.accumulate" in DONE
    assert [old for old in DONE if not exists(RENAMED_KEYS[old])] == []
    assert set(CHANGED_VALUES) <= set(RENAMED_KEYS)


@pytest.mark.parametrize("old", DONE)
def test_an_old_key_is_one_error_that_names_the_new_one(tmp_path, old):
    (tmp_path / "experiment.yaml").write_text(TEXT)
    with pytest.raises(UserError) as raised:
        read_experiment(tmp_path, [f"{old}=1"])
    assert str(raised.value) == f"--set {old}=1: {renamed_key(old)}"
    assert f"`{RENAMED_KEYS[old]}`" in str(raised.value)


def test_an_old_key_in_the_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "experiment.yaml"
    path.write_text(TEXT + "train:\n  epochs: 3\n  warm_up: 0.2\n")
    with pytest.raises(UserError) as raised:
        read_experiment(tmp_path)
    assert str(raised.value) == (
        f"{path}, line 4: `train.warm_up` has been renamed to "
        "`train.warmup_fraction`; use that"
    )


def test_a_key_that_was_never_valid_is_not_called_renamed():
    assert renamed_key("train.epoch") == ""
