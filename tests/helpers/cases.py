"""Cases of a parametrized test that `make test` runs, and those of `make test-all`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def chosen(cases: Iterable[Any], daily: int | Collection[Any]) -> list[Any]:
    """Mark all but some cases as slow, so that `make test` leaves them out.

    Args:
        cases: all cases, in order.
        daily: those that `make test` runs, or how many of them, evenly spread.
    """
    cases = list(cases)
    if isinstance(daily, int):
        daily = [cases[k * len(cases) // daily] for k in range(daily)]
    return [case if case in daily else slow(case) for case in cases]


def slow(*values: Any) -> Any:
    """A case that only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.slow)
