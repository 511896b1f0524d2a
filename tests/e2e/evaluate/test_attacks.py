"""Attacks run in a process of their own, as in the stage: TensorFlow forks badly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.core.json_io import read_json
from tests.helpers import warm

ALONE = """
import json, sys
from pathlib import Path
import keras, numpy as np
from pipeline.data.test_split import held_out_split
from pipeline.data.spec import read_spec
from pipeline.evaluate import attacks
from pipeline.models.files import save_model
folder = Path(sys.argv[1])
inputs = keras.Input((2, 2, 1))
flat = keras.layers.Flatten(name="flat")(inputs)
model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="out")(flat))
model.set_weights([np.eye(4, 3, dtype="float32")])
save_model(model, folder / "train" / "model.keras")
split = held_out_split(folder / "data")
x, y = read_spec(folder / "data").to_input(split.x), split.y
gradient = attacks.gradient_sign(model)
attack = attacks.Attack(1.0, 5, 0.0, 1.0)
step = attacks.fgsm(gradient(x, y), x, 0.1, attack)
steps = [attacks.pgd(gradient, x, y, 0.1, attack, seed) for seed in (1, 1, 2)]
print(json.dumps({
    "step": float(np.abs(step - x).max()), "low": float(steps[0].min()),
    "high": float(steps[0].max()), "steps": float(np.abs(steps[0] - x).max()),
    "same": bool(np.array_equal(steps[0], steps[1])),
    "other": bool(np.array_equal(steps[0], steps[2])),
}))
"""
STAGE = """
import sys
from pathlib import Path
from pipeline.engine.stage import Inputs
from pipeline.evaluate import stage
from pipeline.evaluate.params import EvaluateParams
folder = Path(sys.argv[1])
folders = {name: folder / name for name in ("data", "train", "compress")}
params = EvaluateParams(resamples=100, examples=50, epsilons=[0.1, 0.3, 0.6])
stage.run(params, Inputs(folders, 1), folder / "evaluate")
"""


@pytest.fixture(scope="module")
def told(publish, tmp_path_factory):
    """What one evaluation with attacks wrote, and what attacks did alone."""
    published = publish(tmp_path_factory.mktemp("attacked"))
    alone, _ = (_python(code, published.out.parent) for code in (ALONE, STAGE))
    return json.loads(alone.splitlines()[-1]) | {
        "robustness": read_json(published.out / "robustness.json"),
        "rows": read_json(published.out / "evaluation.json")["variants"],
    }


def _python(code: str, folder: Path) -> str:
    done = warm.run("-c", code, str(folder))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_moves_further_than_epsilon_or_out_of_the_range(told):
    assert told["step"] == pytest.approx(0.1, abs=1e-6)
    assert told["steps"] <= 0.1 + 1e-6
    assert told["low"] >= 0 and told["high"] <= 1


def test_pgd_begins_where_its_seed_says(told):
    assert told["same"] and not told["other"]


def test_attacks_hurt_the_model_they_were_made_on_and_those_they_are_given_to(told):
    rows = [row for row in told["robustness"]["conditions"] if row["kind"] == "attack"]
    assert [(row["name"], row["severity"]) for row in rows] == [
        (name, severity) for name in ("fgsm", "pgd") for severity in (1, 2, 3)
    ]
    for name in ("fgsm", "pgd"):
        small, _, large = (row for row in rows if row["name"] == name)
        assert small["keras"] > large["keras"]
        # `exact` is the same function as the Keras model, in a .tflite file.
        assert all(
            r["accuracy"]["baseline-exact"] == r["keras"] for r in (small, large)
        )
    assert told["robustness"]["absent"] == []


def test_a_row_says_what_attacks_leave(told):
    (row,) = (row for row in told["rows"] if row["recipe"] == "exact")
    assert row["attacked_accuracy"] < row["corrupted_accuracy"] <= row["accuracy"]
