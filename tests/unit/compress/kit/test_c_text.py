"""Literals of C, tables of words, and the operators of a file."""

from __future__ import annotations

import ast
import gzip

import numpy as np
import pytest

from pipeline.compress.kit import c_text, word_tables
from pipeline.compress.kit.operators import methods, operators_of
from pipeline.compress.kit.preprocessing import preprocessing_of
from pipeline.data.features import Standardise, Vocabulary
from pipeline.data.image_steps import Resize
from pipeline.data.spec import TaskSpec
from tests.helpers.project import ROOT

FILES = sorted((ROOT / "tests" / "device_files").glob("*.tflite.gz"))
NO_KERNEL = {"char_lm": ("GELU",)}  # families that the runtime does not run


@pytest.mark.parametrize(
    "text", ["plain", 'a"b', "back\\slash", "??=/", "café 7", "a\nb\x01c", "\x7f", ""]
)
def test_a_string_literal_is_plain_ascii_and_holds_the_bytes_of_the_text(text):
    literal = c_text.string(text)
    assert literal.isascii() and literal.isprintable() and "??" not in literal
    # Octal escapes of three digits mean the same in Python.
    assert ast.literal_eval(f"b{literal}") == text.encode()


def test_numbers_keep_all_digits_of_their_type():
    values = np.array([0.1, 1e-30, 3.0, np.nan], np.float32)
    assert c_text.numbers(values) == "    0.100000001f, 1e-30f, 3.0f, NAN,"
    assert c_text.numbers(np.array([1.7e9 + 0.1])) == "    1700000000.1,"
    assert c_text.numbers(np.array([-128, 7], np.int8)) == "    -128, 7,"


def test_a_comment_cannot_end_early_or_continue():
    assert c_text.comment("a*/b\nc\\") == "a* /b?c/"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.split(".")[0])
def test_every_family_s_operators_have_a_method(path):
    operators = operators_of(gzip.decompress(path.read_bytes()))
    family = path.name.partition("-")[0]
    assert operators.missing == NO_KERNEL.get(family, ())
    assert len(operators.methods) + len(operators.missing) == len(operators.kinds)
    assert operators.state == (family == "lstm")


def test_lookup_tables_and_ethos_u_have_methods():
    assert methods()["TFLM_DECODE"] == "Decode" and methods()["ethos-u"] == "EthosU"


def test_lower_case_has_what_can_change_a_word_and_no_more():
    table = word_tables.lower_case(frozenset({"é", "film"}))
    assert table == [
        (ord("É"), ord("é"), 0),
        (ord("İ"), ord("i"), 0x307),
        (0x212A, ord("k"), 0),  # the sign of kelvin
    ]


def test_steps_without_a_source_give_a_reason():
    tensor = {"dtype": "int8", "scale": 0.1}
    spec = TaskSpec("toy", "x:toy", (4, 4, 1), "uint8", ("a", "b"))
    made = preprocessing_of(spec, (Standardise((0,), (1,)), Resize(4, 4, 1)), tensor)
    assert made.kind is None and "Standardise, Resize" in made.reason
    text = TaskSpec("toy", "x:toy", (3,), "int32", ("a",), modality="text")
    steps = (Vocabulary(("[padding]", "[unknown]"), 3, r"\w+"),)
    made = preprocessing_of(text, steps, {"dtype": "int32", "scale": 0.0})
    assert made.kind is None and "pattern" in made.reason
    made = preprocessing_of(text, (Vocabulary(("a", "b"), 3),), tensor)
    assert made.kind is None and "quantizes" in made.reason
