"""Preprocessing: what steps compute, and that spec.json brings them back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.features import (
    FixedLength,
    LogMel,
    Mfcc,
    Resize,
    Standardise,
    apply_steps,
    read_steps,
    split_words,
    write_steps,
)
from pipeline.data.learned_steps import learn_standardise, learn_vocabulary
from pipeline.data.table_steps import learn_columns

RATE = 8000
TIME = np.arange(RATE) / RATE


def tone(hertz: float, loudness: float = 1.0) -> np.ndarray:
    return (loudness * np.sin(2 * np.pi * hertz * TIME))[None].astype(np.float32)


def test_a_higher_tone_is_in_a_higher_band():
    front = LogMel(RATE, 32, 16, 30)
    loudest = [
        front.apply(tone(f))[0, 5, :, 0].argmax() for f in (200, 600, 1500, 3500)
    ]
    assert loudest == sorted(set(loudest))


def test_a_frame_every_hop_and_a_factor_on_energy_is_a_sum_in_the_logarithm():
    front = LogMel(RATE, 32, 16, 30)
    quiet, loud = front.apply(tone(600)), front.apply(tone(600, 2.0))
    assert quiet.shape == (1, 1 + (8000 - 256) // 128, 30, 1)
    band = quiet[0, 5, :, 0].argmax()
    assert loud[0, 5, band, 0] - quiet[0, 5, band, 0] == pytest.approx(np.log(4), 1e-3)


def test_all_mfcc_are_a_rotation_of_the_log_energies():
    energies = LogMel(RATE, 32, 16, 30).apply(tone(600))
    cepstrum = Mfcc(RATE, 32, 16, 30, 30).apply(tone(600))
    lengths = [np.linalg.norm(a[0, :, :, 0], axis=1) for a in (energies, cepstrum)]
    np.testing.assert_allclose(*lengths, rtol=1e-5)
    few = Mfcc(RATE, 32, 16, 30, 13).apply(tone(600))
    np.testing.assert_allclose(few, cepstrum[:, :, :13], atol=1e-4)


@pytest.mark.parametrize("length", [3, 5, 9])
def test_clips_of_any_length_become_of_one(length):
    clips = FixedLength(5, RATE).apply(np.ones((2, length), np.float32))
    assert clips.shape == (2, 5)
    assert clips.sum() == 2 * min(5, length)


@pytest.mark.parametrize("shape", [(500, 3), (50, 7, 3, 1)])
def test_statistics_in_pieces_are_those_of_the_whole(shape):
    values = np.random.default_rng(1).normal(1e4, 3, shape)
    step = learn_standardise(np.array_split(values, 7))
    axes = tuple(at for at in range(len(shape)) if at != (1 if len(shape) == 2 else 2))
    np.testing.assert_allclose(step.mean, values.mean(axis=axes).ravel())
    np.testing.assert_allclose(step.deviation, values.std(axis=axes).ravel(), rtol=1e-6)


def test_a_constant_column_becomes_zero():
    values = np.full((9, 1), 7.0)
    assert (learn_standardise([values]).apply(values) == 0).all()


def test_the_vocabulary_holds_the_most_frequent_words_and_ties_by_alphabet():
    step = learn_vocabulary(["b b a c", "B d"], size=5, length=4)
    assert step.words == ("[padding]", "[unknown]", "b", "a", "c")
    assert step.apply(np.array(["a z B", "c c c c c"], object)).tolist() == [
        [3, 1, 2, 0],
        [4, 4, 4, 4],
    ]


def test_words_numbers_and_signs_are_apart():
    assert split_words("Don't GO, 3 times!") == ["don't", "go", ",", "3", "times", "!"]


STEPS = [
    (Resize(4, 3, 1), np.arange(2 * 6 * 6 * 3, dtype=np.uint8).reshape(2, 6, 6, 3)),
    (FixedLength(9, RATE), tone(100)),
    (LogMel(RATE, 25.0, 10.0, 12), tone(100)),
    (Mfcc(RATE, 25.0, 10.0, 12, 5), tone(100)),
    (Standardise((1.0, 2.0), (3.0, 0.1)), np.ones((4, 2))),
    (learn_vocabulary(["é ü a’b \x0b c"], 9, 3), np.array(["c ü ?"], object)),
]


@pytest.mark.parametrize(("step", "raw"), STEPS, ids=lambda v: type(v).__name__)
def test_a_step_is_read_back_from_json_and_does_the_same(tmp_path, step, raw):
    values = json.loads(json.dumps(write_steps([step], tmp_path)))
    (again,) = read_steps(values, tmp_path)
    assert again == step
    assert np.array_equal(apply_steps([again], raw), apply_steps([step], raw))


def test_an_unknown_step_or_a_lost_vocabulary_is_an_error(tmp_path):
    with pytest.raises(UserError, match='no preprocessing step "spin"'):
        read_steps([{"step": "spin"}], tmp_path)
    values = {"step": "vocabulary", "file": "vocabulary.txt", "length": 2}
    with pytest.raises(UserError, match=r"vocabulary\.txt: the vocabulary is missing"):
        read_steps([values], tmp_path)


def test_columns_are_learned_from_batches_of_any_size():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(50, 3))
    values[rng.random((50, 3)) < 0.2] = np.nan
    names = ("a", "b", "c")
    whole = learn_columns([values], names, {})
    parts = learn_columns(np.array_split(values, 7), names, {})
    assert parts == whole
    medians = [column["median"] for column in whole.columns]
    assert np.array_equal(medians, np.nanmedian(values, axis=0))
