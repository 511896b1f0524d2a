"""Every step: its effect, and that strength 0 and other workers change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import beta as beta_distribution
from scipy.stats import kstest

from pipeline.augment.check import check_policy
from pipeline.augment.draws import Draw
from pipeline.augment.grammar import GRAMMAR, MIXING, MODALITIES
from pipeline.augment.mixing import beta
from pipeline.augment.policy import Policy
from pipeline.augment.table import gaussian
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import parse_pipe
from pipeline.data.spec import TaskSpec
from tests.helpers.cases import chosen

RNG = np.random.default_rng(1)
COUNT = 64
DATA = {
    "image": RNG.random((COUNT, 12, 12, 3)).astype(np.float32),
    "audio": RNG.normal(size=(COUNT, 20, 10, 1)).astype(np.float32),
    "text": RNG.integers(2, 99, (COUNT, 9)).astype(np.int32),
    "table": RNG.normal(size=(COUNT, 5)).astype(np.float32),
}
DATA["text"][:, 7:] = 0
Y = np.eye(4, dtype=np.float32)[np.arange(COUNT) % 4]

# Step -> a pipe in which it changes something and the shape is kept.
STRONG = {
    "flip": "flip",
    "pad": "pad(2) | random_crop(12)",
    "random_crop": "pad(1) | random_crop(12) | flip",
    "shift": "shift(2)",
    "rotate": "rotate(20)",
    "zoom": "zoom(0.3)",
    "shear": "shear(20)",
    "perspective": "perspective(0.3)",
    "brightness": "brightness(0.3)",
    "contrast": "contrast(0.5)",
    "hue": "hue(90)",
    "saturation": "saturation(0.8)",
    "noise": "noise(0.2)",
    "blur": "blur(1.5)",
    "cutout": "cutout(5)",
    "mixup": "shift(1) | mixup(0.4) | noise(0.1)",
    "cutmix": "flip | cutmix | mixup",
    "randaugment": "randaugment(2, 0.5)",
    "time_shift": "time_shift(4)",
    "gain": "gain(1)",
    "background": "background(1)",
    "time_mask": "time_mask(5)",
    "freq_mask": "freq_mask(4)",
    "word_dropout": "word_dropout(0.3)",
    "swap": "swap(0.5)",
    "jitter": "jitter(0.3)",
}
NOTHING = [
    "pad(0)", "shear(0)", "perspective(0)", "hue(0)", "saturation(0)", "blur(0)",
    "randaugment(3, 0)", "random_crop(12)",
    "time_shift(0)", "gain(0)", "time_mask(0)", "freq_mask(0)", "background(-4)",
    "word_dropout(0)", "swap(0)", "jitter(0)",
]  # fmt: skip


def kind(pipe: str) -> str:
    """A modality that takes every step of a pipe."""
    sets = [MODALITIES[step.name] for step in parse_pipe(pipe, GRAMMAR)]
    shared = frozenset.intersection(*sets)
    return next(name for name in DATA if name in shared)


def apply(pipe, modality=None, epoch=0, index=None, seed=3):
    """All examples through a policy in one batch."""
    x = DATA[modality or kind(pipe)]
    index = np.arange(COUNT) if index is None else index
    fetch = fetcher(x)
    policy = Policy(pipe, seed)
    return policy.mixed(fetch, tf.constant(epoch), tf.constant(index), COUNT)


def fetcher(x):
    return lambda at: (tf.gather(x, at), tf.gather(Y, at))


def mapped(pipe, workers, batch):
    policy, fetch = Policy(pipe, 3), fetcher(DATA[kind(pipe)])
    at = tf.data.Dataset.range(COUNT).batch(batch, drop_remainder=True)
    pairs = at.map(lambda at: policy.mixed(fetch, tf.constant(0), at, COUNT), workers)
    return [np.concatenate(part) for part in zip(*pairs.as_numpy_iterator())]


def test_every_step_is_tried_here():
    assert set(STRONG) == set(GRAMMAR) == set(MODALITIES)


@pytest.mark.parametrize("name", chosen(STRONG, 9))
def test_workers_and_batches_change_nothing_and_epochs_and_seeds_do(name):
    pipe = STRONG[name]
    x, y = (part.numpy() for part in apply(pipe))
    assert x.shape == DATA[kind(pipe)].shape and x.dtype == DATA[kind(pipe)].dtype
    one, eight = mapped(pipe, 1, 16), mapped(pipe, 8, 16)
    assert np.array_equal(one[0], eight[0]) and np.array_equal(one[1], eight[1])
    np.testing.assert_allclose(mapped(pipe, 8, 4)[0], x, atol=1e-4)
    np.testing.assert_allclose(mapped(pipe, 8, 4)[1], y, atol=1e-6)
    assert not np.allclose(x, DATA[kind(pipe)], atol=1e-3)
    assert not np.allclose(x, apply(pipe, epoch=1)[0], atol=1e-3)
    assert not np.allclose(x, apply(pipe, seed=4)[0], atol=1e-3)


@pytest.mark.parametrize("pipe", NOTHING)
def test_a_step_of_strength_zero_changes_nothing(pipe):
    x = DATA[kind(pipe)]
    atol = 0.2 if "background" in pipe else 1e-4  # quiet noise is still noise
    moved = np.abs(apply(pipe)[0] - x)
    worst = np.median if "background" in pipe else np.max
    assert worst(moved) <= atol


def test_pad_and_crop_move_by_whole_pixels_with_zeros_from_outside():
    x = DATA["image"]
    moved = apply("pad(2) | random_crop(12)")[0].numpy()
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)])
    places = [(r, c) for r in range(5) for c in range(5)]
    found = []
    for big, small in zip(padded, moved):
        hits = [
            p
            for p in places
            if np.array_equal(big[p[0] : p[0] + 12, p[1] : p[1] + 12], small)
        ]
        assert len(hits) == 1
        found += hits
    assert len(set(found)) > 15


def test_moves_of_both_kinds_may_follow_each_other():
    one = apply("pad(2) | rotate(10) | random_crop(12) | shift(1) | flip")[0]
    assert one.shape == DATA["image"].shape
    assert np.isfinite(one).all()


def test_hue_keeps_brightness_and_turns_back():
    x = DATA["image"]
    turned = apply("hue(120)")[0].numpy()
    grey = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(turned @ grey, x @ grey, atol=1e-3)
    assert np.abs(turned - x).mean() > 0.1


def test_saturation_keeps_grey():
    grey = np.array([0.299, 0.587, 0.114])
    changed = apply("saturation(1)")[0].numpy()
    np.testing.assert_allclose(changed @ grey, DATA["image"] @ grey, atol=1e-4)


def test_blur_smooths_and_keeps_the_mean():
    x = DATA["image"]
    blurred = apply("blur(2)")[0].numpy()
    assert blurred.std(axis=(1, 2)).mean() < 0.7 * x.std(axis=(1, 2)).mean()
    np.testing.assert_allclose(
        blurred.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=0.05
    )


def test_cutout_sets_one_square_to_zero():
    changed = apply("cutout(5)")[0].numpy()
    holes = (changed == 0).all(axis=3)
    assert (changed[~holes] == DATA["image"][~holes]).all()
    assert holes.sum(axis=(1, 2)).max() == 25 and holes.sum(axis=(1, 2)).min() >= 6
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == len(rows) * len(columns)


def test_perspective_enlarges_one_side_and_shrinks_the_other():
    stripes = np.zeros((COUNT, 12, 12, 1), np.float32)
    stripes[:, 3:9, 2:4] = stripes[:, 3:9, 8:10] = 1
    policy = Policy("perspective(0.4)", 3)
    tilted = policy(tf.constant(stripes), tf.constant(0), tf.range(COUNT)).numpy()
    left, right = tilted[:, :, :6].mean((1, 2, 3)), tilted[:, :, 6:].mean((1, 2, 3))
    assert (left - right).min() < -0.02 and (left - right).max() > 0.02
    assert abs((left - right).mean()) < 0.02


@pytest.mark.parametrize("step", ["mixup(0.5)", "cutmix(0.5)"])
def test_mixing_gives_labels_in_the_proportion_of_the_examples(step):
    _, y = (part.numpy() for part in apply(step))
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-5)
    assert y.min() >= -1e-6 and 0.2 < y.max(axis=1).mean() < 0.95
    constant = np.arange(COUNT, dtype=np.float32)[:, None, None, None] % 4
    images = np.broadcast_to(constant, (COUNT, 12, 12, 3))
    policy = Policy(step, 3)
    mixed, labels = policy.mixed(
        fetcher(images), tf.constant(0), tf.range(COUNT), COUNT
    )
    means = tf.reduce_mean(mixed, axis=(1, 2, 3)).numpy()
    np.testing.assert_allclose(means, labels.numpy() @ np.arange(4), atol=1e-4)


def test_the_partner_does_not_depend_on_what_is_in_the_batch():
    alone = [apply("mixup", index=np.array([k]))[0].numpy()[0] for k in (5, 60)]
    whole = apply("mixup")[0].numpy()
    np.testing.assert_allclose(alone, whole[[5, 60]], atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_weights_follow_the_beta_distribution(alpha):
    fractions = beta(Draw(9, tf.constant(0), tf.range(4000)), alpha).numpy()
    assert kstest(fractions, beta_distribution(alpha, alpha).cdf).pvalue > 0.001


def test_a_policy_that_mixes_cannot_be_used_without_labels():
    with pytest.raises(ValueError, match="mixes examples"):
        Policy("mixup", 1)(tf.zeros([2, 3]), tf.constant(0), tf.range(2))


def test_randaugment_leaves_most_steps_out_for_each_example():
    flat = np.full((400, 8, 8, 1), 0.5, np.float32)
    policy = Policy("randaugment(1, 0.5)", 3)
    changed = policy(tf.constant(flat), tf.constant(0), tf.range(400)).numpy()
    same = np.isclose(changed, 0.5, atol=1e-4).all(axis=(1, 2, 3)).mean()
    assert 0.6 < same < 0.85  # of seven steps, brightness and noise show on grey


def test_word_dropout_hides_words_at_its_rate_and_leaves_padding():
    changed = apply("word_dropout(0.3)")[0].numpy()
    hidden = changed == 1
    assert (changed[~hidden] == DATA["text"][~hidden]).all()
    assert not hidden[:, 7:].any()
    assert 0.2 < hidden[:, :7].mean() < 0.4


def test_swap_exchanges_neighbours_and_loses_no_word():
    changed = apply("swap(0.5)")[0].numpy()
    assert np.array_equal(np.sort(changed, axis=1), np.sort(DATA["text"], axis=1))
    assert (changed[:, 7:] == 0).all()
    moved = changed != DATA["text"]
    assert 0.25 < moved[:, :7].mean() < 0.6


def test_the_first_and_the_last_uniform_draw_give_finite_noise():
    ends = gaussian(tf.constant([0.0, 0.5, 1 - 2.0**-24]))
    assert np.isfinite(ends).all()
    assert list(ends.numpy()[[0, 2]]) == pytest.approx([-5.4, 5.3], abs=0.2)


def test_jitter_is_gaussian_of_its_amount():
    noise = apply("jitter(0.3)")[0].numpy() - DATA["table"]
    assert noise.std() == pytest.approx(0.3, rel=0.12)
    assert abs(noise.mean()) < 0.06


@pytest.mark.parametrize(("pipe", "axis"), [("time_mask(5)", 1), ("freq_mask(4)", 2)])
def test_masks_hide_a_band_of_at_most_their_width(pipe, axis):
    changed = apply(pipe)[0].numpy()[..., 0]
    hidden = (changed == 0).all(axis=3 - axis)
    assert hidden.sum(axis=1).max() == int(pipe[-2])
    assert hidden.sum(axis=1).min() == 0
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(axis=1) <= 2).all()
    assert (changed != 0).any()


def test_time_shift_moves_whole_frames():
    changed = apply("time_shift(4)")[0].numpy()
    middle = DATA["audio"][:, 8:12]
    moved = [
        next(s for s in range(-4, 5) if np.array_equal(new[8 + s : 12 + s], old))
        for new, old in zip(changed, middle)
    ]
    assert set(moved) == set(range(-4, 5))


def test_background_only_adds_energy():
    changed = apply("background(1)")[0].numpy()
    assert (changed >= DATA["audio"] - 1e-5).all()
    assert (changed - DATA["audio"]).mean() > 0.05


# ------------------------------------------------------------- steps and data


def spec(modality: str, **changes) -> TaskSpec:
    values = {"shape": DATA[modality].shape[1:], "modality": modality, **changes}
    return TaskSpec("x", "x:x", dtype="float32", classes=("a", "b"), **values)


def check(pipe: str, of: TaskSpec) -> None:
    check_policy(parse_pipe(pipe, GRAMMAR), of)


@pytest.mark.parametrize("name", STRONG)
def test_each_step_is_taken_by_its_modalities_and_refused_by_the_others(name):
    pipe = STRONG[name] if name not in MIXING else name
    for modality in DATA:
        if modality in MODALITIES[name]:
            check(pipe, spec(modality))
        else:
            with pytest.raises(UserError, match=rf"step 1, .* is for .*{modality} of"):
                check(pipe, spec(modality))


BAD = [
    ("pad(2)", {}, "makes images of 16x16, the model takes 12x12"),
    ("random_crop(10)", {}, "makes images of 10x10"),
    (
        "flip | random_crop(13)",
        {},
        "step 2, .*images are 12x12 .* at most 12",
    ),
    ("hue(10)", {"shape": (12, 12, 1)}, "needs images of 3 channels"),
]


@pytest.mark.parametrize(("pipe", "changes", "message"), BAD)
def test_sizes_that_do_not_come_out_are_refused(pipe, changes, message):
    with pytest.raises(UserError, match=message):
        check(pipe, spec("image", **changes))


def test_steps_on_energies_refuse_cepstral_coefficients():
    with pytest.raises(UserError, match="needs log_mel features"):
        check("gain(1)", spec("audio", preprocess=({"step": "mfcc"},)))
