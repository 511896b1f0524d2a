"""The pipe language: what parses, how it prints, how it complains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Argument, Signature, parse_pipe, str_pipe

GRAMMAR = {
    "flip": Signature(),
    "pad": Signature((Argument("pixels", int, low=0, high=8),)),
    "prune": Signature(
        (
            Argument("sparsity", float, low=0.1, high=0.99),
            Argument("schedule", str, default="constant", allowed=("constant", "ramp")),
        )
    ),
}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("flip", "flip"),
        ("flip()", "flip"),
        (" pad( 2 )|flip ", "pad(2) | flip"),
        ("pad(pixels=2)", "pad(2)"),
        ("prune(0.50)", "prune(0.5, constant)"),
        ("prune(schedule='ramp', sparsity=0.8)", "prune(0.8, ramp)"),
        ("prune(0.8, ramp)", "prune(0.8, ramp)"),
        ("prune(0.12345678)", "prune(0.12345678, constant)"),
    ],
)
def test_every_spelling_has_one_canonical_text(text, canonical):
    assert str_pipe(parse_pipe(text, GRAMMAR)) == canonical


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("flp", ['step 1 of "flp"', 'no step "flp"', 'did you mean "flip"']),
        ("flip | pda(1)", ["step 2", 'no step "pda"', 'did you mean "pad"']),
        ("flip || pad(1)", ["step 2", "name(arguments)"]),
        ("pad", ["step 1", "pad needs pixels", "a whole number from 0 to 8"]),
        ("pad(9)", ["pixels=9", "from 0 to 8"]),
        ("pad(1.5)", ["pixels=1.5", "a whole number"]),
        ("pad(True)", ["pixels=True", "a whole number"]),
        ("pad(1, 2)", ["takes pixels", "received 2 values"]),
        ("pad(pixel=1)", ['no argument "pixel"', 'did you mean "pixels"']),
        ("flip(1)", ["takes no arguments"]),
        ("pad(1, pixels=2)", ["receives pixels twice"]),
        ("prune(0.5, 'a b)", ["unreadable arguments"]),
        ("prune(0.5, quick)", ["schedule='quick'", "constant or ramp"]),
        ("pad(__import__('os'))", ["unreadable arguments"]),
        ("pad(1).x(2)", ["unreadable arguments"]),
        ("pad({[]: 1})", ["unreadable arguments"]),
    ],
)
def test_an_error_names_the_step_its_position_and_what_is_allowed(text, parts):
    with pytest.raises(UserError) as caught:
        parse_pipe(text, GRAMMAR)
    for part in parts:
        assert part in str(caught.value)


@given(st.text(alphabet="flipad(|)=.,'1 2\n", max_size=30))
def test_any_text_parses_or_is_a_user_error(text):
    try:
        steps = parse_pipe(text, GRAMMAR)
    except UserError:
        return
    assert parse_pipe(str_pipe(steps), GRAMMAR) == steps
