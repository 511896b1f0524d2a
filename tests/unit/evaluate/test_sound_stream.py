"""Streams that are made of clips, and a model that hears them perfectly."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.data.features import FLOOR
from pipeline.evaluate.params import StreamParams
from pipeline.evaluate.sound_stream import QUIET, Scale, make_stream

HOP, STEPS = 0.1, 6
LABELS = np.array([0, 1, 2])
CLIPS = np.stack([np.full((STEPS, 2, 1), 10.0 + label) for label in LABELS])
PARAMS = StreamParams(hours=0.01, gap_seconds=[0.5, 1.0])


def test_clips_stand_where_their_keywords_are():
    frames, keywords = make_stream(CLIPS, LABELS, PARAMS, HOP, seed=1)
    assert frames.shape[1:] == (2, 1) and frames.dtype == np.float32
    assert len(frames) == pytest.approx(360, abs=5) and len(keywords) > 20
    loud = np.zeros(len(frames), bool)
    for keyword in keywords:
        clip = slice(keyword.begin, keyword.begin + STEPS)
        assert frames[clip] == pytest.approx(10 + keyword.label, abs=0.01)
        assert keyword.end == keyword.begin + STEPS + 5
        loud[clip] = True
    assert frames[~loud].max() < 5 and frames[~loud].mean() < PARAMS.level
    gaps = np.diff([keyword.begin for keyword in keywords]) - STEPS
    assert gaps.min() >= 5 and gaps.max() <= 10


def test_every_clip_is_used_before_one_is_repeated():
    _, keywords = make_stream(CLIPS, LABELS, PARAMS, HOP, seed=1)
    labels = [keyword.label for keyword in keywords]
    assert sorted(labels[:3]) == sorted(labels[3:6]) == [0, 1, 2]


def test_a_seed_makes_one_stream():
    first, again, other = (
        make_stream(CLIPS, LABELS, PARAMS, HOP, seed)[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_noise_is_no_louder_than_asked():
    quiet = StreamParams(hours=0.01, gap_seconds=[0.5, 1.0], level=QUIET)
    frames, keywords = make_stream(CLIPS, LABELS, quiet, HOP, seed=1)
    begin = keywords[0].begin
    assert frames[:begin].mean() == pytest.approx(QUIET - np.euler_gamma, abs=1.0)


def test_gaps_are_never_below_the_silence_of_the_front_end():
    """A network has not seen such features: its answers to them mean nothing."""
    ones = np.ones((2, 1))
    scale = Scale(-9 * ones, 5 * ones)  # the noise at -4 is far below the floor
    quiet = StreamParams(hours=0.01, gap_seconds=[0.5, 1.0], level=QUIET)
    frames, _ = make_stream(CLIPS, LABELS, quiet, HOP, seed=1, scale=scale)
    silence = (np.log(FLOOR) + 9) / 5
    assert frames.min() == pytest.approx(silence, abs=0.01)


def test_noise_as_loud_as_a_clip_adds_three_decibels():
    """On average, in energy, whatever the standard deviation of the bins."""
    ones = np.ones((2, 1))
    for deviation in (1.0, 4.0):
        scale = Scale(0 * ones, deviation * ones)
        same = StreamParams(hours=0.2, gap_seconds=[0.5, 0.5], level=QUIET)
        clips = np.full((3, STEPS, 2, 1), QUIET)
        frames, keywords = make_stream(clips, LABELS, same, HOP, 1, scale=scale)
        loud = np.concatenate([frames[k.begin : k.begin + STEPS] for k in keywords])
        energies = np.exp(loud * deviation) / np.exp(QUIET * deviation)
        assert energies.mean() == pytest.approx(2, rel=0.05)


def test_a_class_of_background_is_no_keyword():
    _, keywords = make_stream(CLIPS, LABELS, PARAMS, HOP, seed=1, ignored=[1])
    assert {keyword.label for keyword in keywords} == {0, 2}


def test_gaps_are_shortest_and_longest():
    with pytest.raises(ValidationError, match="shortest, longest"):
        StreamParams(gap_seconds=[4, 1])
