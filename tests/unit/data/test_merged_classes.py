"""`data.merge_classes` and `data.audio.background`: fewer classes, and a made one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.background import noise, with_background
from pipeline.data.examples import Examples
from pipeline.data.merged_classes import with_merged_classes
from pipeline.data.params import DataParams

SAMPLES = 800
CLIPS = np.random.default_rng(1).uniform(-1, 1, (20, SAMPLES)).astype(np.float32)
EXAMPLES = Examples(
    CLIPS,
    np.arange(20) % 4,
    ("one", "two", "three", "four"),
    modality="audio",
    groups=np.array(["anna"] * 5 + ["theo"] * 15),
    extra_targets={"age": np.arange(20.0)},
)


def merged(**classes: list[str]) -> Examples:
    return with_merged_classes(EXAMPLES, classes, "wav:x", "data.source")


def test_a_new_class_is_the_last_one_and_takes_its_examples():
    found = merged(unknown=["two", "one"])
    assert found.classes == ("three", "four", "unknown")
    assert found.y.tolist() == [2, 2, 0, 1] * 5


def test_a_class_can_take_others_and_keep_its_name():
    found = merged(four=["one"])
    assert found.classes == ("two", "three", "four")
    assert found.y.tolist() == [2, 0, 1, 2] * 5


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"unknown": ["five"]}, 'data.source "wav:x" has no class five; it has one'),
        ({"all": ["one", "two", "three", "four"]}, "only all remains"),
    ],
)
def test_a_wrong_list_is_one_sentence(classes, message):
    with pytest.raises(UserError, match=message):
        merged(**classes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"merge_classes": {"a": ["x"], "b": ["x"]}}, "x is in it twice"),
        ({"merge_classes": {"a": []}}, "a needs a list of classes"),
        ({"merge_classes": {"a": ["x"]}, "classes": ["x", "y"]}, "exclude each other"),
        (
            {"merge_classes": {"a": ["x"]}, "task": "regression"},
            "is for classification",
        ),
        ({"audio": {"background": 0.1}, "task": "embedding"}, "compared by distance"),
    ],
)
def test_a_key_that_has_no_effect_is_refused_before_data(values, message):
    with pytest.raises(ValidationError, match=message):
        DataParams.model_validate({"source": "wav:x", **values})


class TestBackground:
    found = with_background(EXAMPLES, 0.5, seed=3)

    def test_made_clips_follow_in_a_class_of_their_own(self):
        assert self.found.classes[-1] == "background" and len(self.found) == 30
        assert (self.found.y[20:] == 4).all() and (self.found.y[:20] < 4).all()
        np.testing.assert_array_equal(self.found.x[:20], CLIPS)
        assert self.found.name(20) == "background 0 (made)"

    def test_they_are_sounds_that_differ(self):
        made = self.found.x[20:]
        assert made.dtype == np.float32 and np.abs(made).max() <= 1
        assert (np.ptp(made, axis=1) > 0).all()
        assert len(np.unique(made, axis=0)) == 10

    def test_groups_and_targets_are_those_of_the_clips_they_are_made_of(self):
        ages = self.found.extra_targets["age"][20:]
        assert ((ages < 5) == (self.found.groups[20:] == "anna")).all()

    def test_every_clip_has_one_before_one_has_two(self):
        ages = with_background(EXAMPLES, 1.0, seed=3).extra_targets["age"][20:]
        assert sorted(ages) == list(range(20))

    def test_the_seed_decides_them(self):
        again, other = (with_background(EXAMPLES, 0.5, seed) for seed in (3, 4))
        np.testing.assert_array_equal(self.found.x[20:], again.x[20:])
        assert (self.found.x[20:] != other.x[20:]).any()

    def test_a_fragment_is_less_than_a_third_of_a_clip(self):
        """A clip that is one loud block is found again, but never much of it."""
        block = np.zeros((4, SAMPLES), np.float32)
        block[:, 100:700] = 0.9
        clips = replace(EXAMPLES, x=np.tile(block, (5, 1)))
        made = with_background(clips, 1.0, seed=1).x[20:]
        loud = (np.abs(made - 0.9) < 0.05).sum(axis=1)
        assert 0 < loud.max() <= 0.3 * 600 + 20

    def test_a_class_of_that_name_is_an_error(self):
        with pytest.raises(UserError, match="class background of its own"):
            with_background(self.found, 0.5, seed=1)


def test_brown_noise_has_more_low_frequencies_than_white():
    """One of three colors is drawn: the spread of slopes shows them."""
    rng = np.random.default_rng(0)
    low = []
    for _ in range(30):
        power = np.abs(np.fft.rfft(noise(1000, rng))) ** 2
        low.append(power[:50].sum() / power.sum())
    assert min(low) < 0.2 and max(low) > 0.9
