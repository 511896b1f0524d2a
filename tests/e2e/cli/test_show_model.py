"""`show model`: what a builder's model costs, by the real command line."""

from __future__ import annotations

import json

import pytest


def test_a_preset_by_shape(project):
    answer = project.cli(
        *[
            "show",
            "model",
            "resnet:mlperf_tiny",
            "--shape",
            "32,32,3",
            "--classes",
            "10",
            "--json",
        ]
    )
    assert (answer.code, answer.err) == (0, "")  # no word of TensorFlow's
    told = json.loads(answer.out)
    assert (told["parameters"], told["macs"]) == (78_666, 12_501_632)
    assert told["receptive"] == [25, 25]
    assert sum(row["parameters"] for row in told["rows"]) == 78_666
    assert {row["int8"] for row in told["compression"]} == {"yes"}


def test_the_experiments_own_model_as_a_table(finished):
    project, _ = finished
    answer = project.run("show", "model")
    assert answer.code == 0, answer.err
    assert "cnn on sklearn:digits 8x8x1" in answer.out
    for line in ("parameters", "MACs", "peak activation memory", "receptive field"):
        assert f"\n{line}  " in answer.out
    rows = [line.split() for line in answer.out.splitlines()]
    assert ["conv1", "Conv2D", "yes", "yes", "yes", "yes"] in rows


def test_what_cannot_be_compressed_is_said(project):
    answer = project.cli(
        *["show", "model", "lstm", "--shape", "6,4", "--classes", "3", "--json"]
    )
    told = json.loads(answer.out)
    (row,) = [row for row in told["compression"] if row["name"] == "lstm1"]
    assert (row["prune"], row["qat"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("show model resnit --shape 8,8,1", 'did you mean "resnet"'),
        ("show model cnn --shape 8,x,1", "--shape 8,x,1"),
        ("show model cnn --shape 8,0,1", "must be whole numbers above zero"),
        ("show model cnn --shape 8 --classes 3", "needs images of at least 4x4"),
        (
            "show model cnn --exp small",
            "has no data yet; run: python -m pipeline run data --exp small",
        ),
        (
            "show model cnn --exp small --shape 8,8,1 --set tune.values.wdth=1.0",
            'has no "wdth"; did you mean "width"',
        ),
        ("show config cnn --exp small", "takes no second name"),
    ],
)
def test_mistakes_are_one_message(project, words, said):
    answer = project.cli(*words.split())
    assert answer.code == 2
    assert said in answer.err and "Traceback" not in answer.err
