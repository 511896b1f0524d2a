"""Hints: a slip of the keys is mended, a word of its own is not."""

from __future__ import annotations

import pytest

from pipeline.core.errors import nearest


@pytest.mark.parametrize(
    ("word", "allowed", "near"),
    [
        ("epoch", ["epochs", "ema"], "epochs"),
        ("flpi", ["flip", "pad"], "flip"),
        ("cmn", ["cnn", "mlp"], "cnn"),
        ("CNN", ["cnn", "rnn"], "cnn"),
        ("Label", ["width", "LABEL"], "LABEL"),
        ("depth", ["width"], None),
        ("trial", ["train"], None),
        ("negative", ["positive"], None),
        ("a", ["ab"], None),
        ("cat", ["dog", "eel"], None),
    ],
)
def test_only_a_slip_of_the_keys_is_near(word, allowed, near):
    assert nearest(word, allowed) == (f'; did you mean "{near}"?' if near else "")
