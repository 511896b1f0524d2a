from __future__ import annotations

import numpy as np
import pytest

from pipeline.data.features import FixedLength, LogMel, Mfcc, Standardise, Vocabulary
from pipeline.data.spec import TaskSpec
from pipeline.evaluate.corruptions.choice import corruptions_for, missing_corruptions
from pipeline.evaluate.corruptions.corruption import SEVERITIES
from pipeline.evaluate.corruptions.texts import misspell

DRAW = np.random.default_rng(5)
MEL = LogMel(8000, 32.0, 16.0, 20)
CLIPS = np.float32(0.3 * np.sin(np.arange(8000) * DRAW.uniform(0.1, 1, (6, 1))))
STANDARD = Standardise(tuple([-2.0] * 20), tuple([3.0] * 20))
WORDS = Vocabulary(("[padding]", "[unknown]", "good", "bad", "god"), 8)
IMAGE = TaskSpec("i", "npz:i", (20, 20, 1), "uint8", ("a", "b"), scale=1 / 255)
AUDIO = TaskSpec("s", "wav:s", (61, 20, 1), "float32", ("a", "b"), modality="audio")
TEXT = TaskSpec("t", "text:t", (8,), "int32", ("a", "b"), modality="text", vocabulary=5)
TABLE = TaskSpec("r", "csv:r", (4,), "float32", ("a", "b"), modality="table")
PIXELS = DRAW.integers(0, 256, (6, 20, 20, 1))
SOUND = STANDARD.apply(MEL.apply(CLIPS))
NUMBERS = DRAW.integers(0, 5, (40, 8)).astype(np.int32)
ROWS = DRAW.standard_normal((200, 4)).astype(np.float32)
CASES = {
    "image": (IMAGE, (), PIXELS.astype(np.uint8)),
    "audio": (AUDIO, (FixedLength(8000, 8000), MEL, STANDARD), SOUND),
    "text": (TEXT, (WORDS,), NUMBERS),
    "table": (TABLE, (), ROWS),
}
ALL = [
    pytest.param(spec, raw, kind, id=f"{name}-{kind.name}")
    for name, (spec, steps, raw) in CASES.items()
    for kind in corruptions_for(spec, steps)
]


@pytest.mark.parametrize(("spec", "raw", "kind"), ALL)
def test_the_worse_the_severity_the_further_from_the_truth(spec, raw, kind):
    clean = spec.to_input(raw)
    made = [kind.apply(raw, severity, seed=1) for severity in SEVERITIES]
    away = [np.abs(np.float64(each) - clean).mean() for each in made]
    assert all(each.shape == clean.shape and each.dtype == clean.dtype for each in made)
    assert 0 <= away[0] <= away[2] <= away[4] and away[4] > 0


@pytest.mark.parametrize(("spec", "raw", "kind"), ALL)
def test_equal_seeds_spoil_alike_and_leave_the_examples_alone(spec, raw, kind):
    before = raw.copy()
    made = [kind.apply(raw, 4, seed) for seed in (1, 1, 2)]
    assert np.array_equal(made[0], made[1]) and np.array_equal(raw, before)
    fixed = {"blur", "brightness", "contrast", "pixelate"}
    assert (kind.name in fixed) == np.array_equal(made[0], made[2])


def test_images_stay_within_their_range():
    for kind in corruptions_for(IMAGE, ()):
        made = kind.apply(CASES["image"][2], 5, 1)
        assert made.min() >= 0 and made.max() <= 1


def test_there_are_seven_for_images_and_all_have_five_amounts():
    kinds = corruptions_for(IMAGE, ())
    assert len(kinds) == 7 and all(len(kind.amounts) == 5 for kind in kinds)


@pytest.mark.parametrize(("severity", "ratio"), list(enumerate((20, 15, 10, 5, 0), 1)))
def test_noise_has_the_ratio_that_it_states(severity, ratio):
    """Against noise that is really added to the samples."""
    (noise,) = (
        k for k in corruptions_for(AUDIO, CASES["audio"][1]) if k.name == "noise"
    )
    made = noise.apply(SOUND, severity, 1)
    energies = np.exp(made * 3.0 - 2.0).mean()
    power = CLIPS.var(axis=1, keepdims=True) * 10 ** (-ratio / 10)
    # The ratio is one of band energies, of which a sine has all in one place.
    real = MEL.apply(
        CLIPS + np.float32(np.sqrt(power) * DRAW.standard_normal((6, 8000)))
    )
    clean = np.exp(SOUND * 3.0 - 2.0).mean()
    added = (energies - clean) / clean
    assert added == pytest.approx(10 ** (-ratio / 10), rel=0.15)
    assert np.exp(real).mean() > clean


def test_typos_leave_padding_and_are_looked_up_again():
    (typos,) = corruptions_for(TEXT, (WORDS,))
    made = typos.apply(NUMBERS, 5, 1)
    assert (made[NUMBERS == 0] == 0).all() and (made[NUMBERS == 1] == 1).all()
    changed = (made != NUMBERS)[NUMBERS > 1].mean()
    assert 0.35 < changed < 0.6
    assert (made[NUMBERS == 2] == 4).any(), '"good" without an o is "god"'


def test_a_misspelt_word_is_at_most_one_letter_longer_or_shorter():
    draw = np.random.default_rng(0)
    made = {misspell("word", draw) for _ in range(300)}
    assert {len(word) for word in made} == {3, 4, 5} and "owrd" in made
    assert misspell("a", np.random.default_rng(1)) is not None


def test_what_cannot_be_spoilt_is_said():
    mfcc = (Mfcc(8000, 32.0, 16.0, 20, 13),)
    assert [kind.name for kind in corruptions_for(AUDIO, mfcc)] == ["shift"]
    assert "hold no energies" in missing_corruptions(AUDIO, mfcc)
    assert corruptions_for(TEXT, ()) == [] and "no vocabulary" in missing_corruptions(
        TEXT, ()
    )
    assert missing_corruptions(IMAGE, ()) is None
