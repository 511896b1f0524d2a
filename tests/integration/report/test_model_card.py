from __future__ import annotations

import re
from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from pipeline.data.spec import read_spec, write_spec
from pipeline.report import model_card
from pipeline.report.experiment_data import read_experiment
from pipeline.report.summary import summarize

CELL = re.compile(r"(?<!\\)\|")


def _render(published) -> str:
    facts = read_experiment(published.folders)
    return model_card.render(facts, summarize(facts))


def _tables(text: str) -> list[list[str]]:
    return [block.splitlines() for block in text.split("\n\n") if block[0] == "|"]


def test_the_card_says_what_the_file_is_and_what_it_is_worth(published):
    text = _render(published)
    for part in (
        r"student \| int8: 3.0 kB gzip, 10.0x smaller than the float baseline",
        "test accuracy 0.965 (-1.5 percentage points",
        "1,234 before compression, 1,234 in the file; 25 % of the kernel weights are "
        "zero",
        "0.012 ms median per example; against the float baseline: 4.0x faster; "
        "1 thread, abacus, 2 processors, beads",
        "keras-frontier run --exp toy",
        read_experiment(published.folders).records["compress"].outputs["best.tflite"],
        read_experiment(published.folders).records["data"].outputs["spec.json"],
    ):
        assert part in text


def test_sections_come_in_the_order_of_a_model_card(published):
    titles = re.findall("^## (.*)", _render(published), re.MULTILINE)
    assert titles == [
        "Intended use",
        "Model",
        "How to run it",
        "Metrics",
        "Ledger",
        "Data",
        "Limitations",
        "Reproduce",
    ]


@pytest.mark.parametrize("which", ["published", "hostile", "nothing_chosen"])
def test_every_row_of_a_table_has_the_cells_of_its_head(request, which):
    tables = _tables(_render(request.getfixturevalue(which)))
    assert tables
    for head, *rows in tables:
        assert {len(CELL.split(row)) for row in rows} == {len(CELL.split(head))}


def test_markup_in_class_names_is_text(hostile):
    text = _render(hostile)
    assert r"\<script\>" in text and "<script>" not in text
    assert "\n# c" not in text


def test_without_a_chosen_file_there_is_no_model_to_describe(nothing_chosen):
    text = _render(nothing_chosen)
    assert "(a drop of at most 1.0 points, 2.5 kB gzip), so there is no model" in text
    assert r"student \| int8: bytes gzip 3,000 (allowed: 2,500)" in text
    assert r"The nearest miss is student \| int8" in text
    assert "## How to run it" not in text


def test_a_float_file_needs_no_rounding(published):
    def alter(evaluation):
        for row in evaluation["variants"]:
            row["input"] = {"dtype": "float32", "scale": 0.0, "zero_point": 0}

    published.change("evaluate", "evaluation.json", alter)
    assert "The file's input is float32, so no quantization is needed." in _render(
        published
    )


@pytest.mark.parametrize(("scale", "zero_point"), [(0.5, -128), (0.05, 0)])
def test_the_code_that_feeds_it_runs(published, monkeypatch, scale, zero_point):
    monkeypatch.chdir(published.folder)
    content = _brightest(scale, zero_point)
    (published.folder / "compress" / "best.tflite").write_bytes(content)
    code = re.search("```python\n(.*?)```", _render(published), re.DOTALL)
    names: dict = {}
    exec(code.group(1), names)
    raw = np.array([4, 9, 255, 3], np.uint8).reshape(2, 2, 1)
    assert names["classify"](raw) == 2
    # The data's scale is 0.5; the third value is more than int8 holds.
    expected = np.clip(raw * 0.5 / scale + zero_point, -128, 127)
    assert np.abs(names["quantize"](raw) - expected).max() <= 0.5 + 1e-6


def test_word_numbers_are_fed_as_they_are(published, monkeypatch):
    spec = read_spec(published.folders["data"])
    told = replace(spec, modality="text", dtype="int32", vocabulary=9)
    write_spec(published.folders["data"], told)
    monkeypatch.chdir(published.folder)
    (published.folder / "compress" / "best.tflite").write_bytes(_brightest(0.5, 0))
    text = _render(published)
    assert "takes these numbers unchanged" in text and "divide by" not in text
    names: dict = {}
    exec(re.search("```python\n(.*?)```", text, re.DOTALL).group(1), names)
    assert names["quantize"](np.int32([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]


def test_the_card_has_the_ledger_of_the_chosen_file_or_says_that_there_is_none(
    published,
):
    assert r"| int8 \<now\> | 0.970 | 3.0 kB | 4.0 kB | - |" in _render(published)
    (published.folders["compress"] / "ledger.json").unlink()
    assert "There is no ledger" in _render(published)


def _brightest(scale: float, zero_point: int) -> bytes:
    """An int8 file whose logits are its four pixels."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes = [schema.OperatorCodeT()]
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.RESHAPE
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    graph.tensors = [_int8((1, 2, 2, 1), scale, zero_point)]
    graph.tensors += [_int8((1, 4), scale, zero_point)]
    graph.inputs, graph.outputs, operator = [0], [1], schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = [1, 4]
    graph.operators, model.subgraphs = [operator], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _int8(shape: tuple[int, ...], scale: float, zero_point: int):
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = list(shape), schema.TensorType.INT8, 0
    tensor.name = b"tensor"
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [scale]
    tensor.quantization.zeroPoint = [zero_point]
    return tensor


def test_preprocessing_of_raw_input_is_named(published):
    steps = ({"step": "log_mel", "rate": 8000}, {"step": "standardise", "mean": [1.0]})
    spec = read_spec(published.folders["data"])
    assert "the steps in `data/spec.json`" not in _render(published)
    write_spec(published.folders["data"], replace(spec, preprocess=steps))
    assert "the steps in `data/spec.json`: log_mel, standardise;" in _render(published)
