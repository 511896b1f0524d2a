"""Text of unknown origin in messages."""

import pytest

from pipeline.core.quoting import listing, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("Größe 北", "Größe 北"),
        ("a\x1b[31m\n\t", "a\\x1b[31m\\n\\t"),
        ("\udcff", "\\udcff"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_control_characters_are_escaped(text, expected):
    assert shown(text) == expected
    assert shown(text).isprintable()


def test_the_middle_of_a_long_text_is_left_out():
    text = shown("a" * 50_000 + "b" * 50_000)
    assert len(text) <= 80 and text.startswith("aaa") and text.endswith("bbb")


def test_a_long_list_says_how_many_are_left_out():
    assert listing(["a", "b"]) == "a, b"
    assert listing([str(n) for n in range(1012)]).endswith("11, ... (1,000 more)")
