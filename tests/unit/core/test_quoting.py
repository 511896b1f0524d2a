"""Text of unknown origin in messages."""

import pytest

from pipeline.cli.main import main
from pipeline.core.errors import StageFailed, UserError
from pipeline.core.quoting import LINE, LINES, listing, printable, shown
from pipeline.engine.terminal import line


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


HOSTILE = "\x1b]0;owned\x07" + "a" * 100_000 + "\r\u202e\n" + "line\n" * 1000


def test_an_error_is_safe_to_print_whatever_it_holds():
    text = str(StageFailed(HOSTILE))
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    assert text.startswith("\\x1b]0;owned\\x07aaa") and lines[-1] == "..."
    assert max(map(len, lines)) <= LINE + 100 and len(lines) <= LINES + 1
    assert str(UserError("a: b\nc: d")) == "a: b\nc: d"


def test_the_command_line_prints_nothing_that_a_terminal_obeys(tmp_path, capsys):
    for arguments in (
        ["show", "\x1b[2J", "--root", str(tmp_path)],
        ["predict", "\x1b[2J", "x", "--root", str(tmp_path)],
        ["\x1b[2J"],
        ["status", "--\x1b[2J"],
        ["status", "--set", f"\x1b[2J{'a' * 100_000}=1", "--root", str(tmp_path)],
    ):
        try:
            code = main(arguments)
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        assert code == 2 and not out and len(err) < 10_000
        assert err.replace("\n", "").isprintable()


def test_a_table_keeps_its_lines_and_length():
    assert printable("a\tb\x1b\n" + "c" * 10_000) == "a\\tb\\x1b\n" + "c" * 10_000
    assert line("data", "cached", "\x1b[31m").isprintable()
