"""Whatever a decoder raises names the file, with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("no magic"), "no magic"), (EOFError(), "EOFError")],
)
def test_an_error_becomes_one_that_names_the_file_and_the_reason(error, reason):
    with pytest.raises(UserError) as caught, decoding(Path("a.npz"), "readable"):
        raise error
    assert str(caught.value) == f"a.npz: not readable ({reason})"


def test_an_error_for_the_user_is_kept():
    with pytest.raises(UserError, match=r"^b$"), decoding(Path("a.npz"), "readable"):
        raise UserError("b")
