"""The progress line of a search: done, left, best so far, time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.tune.params import TuneParams
from pipeline.tune.search import Search


def teller(
    progress: Callable[..., None], params: TuneParams
) -> Callable[[Search], None]:
    """A function to call after each trial; it writes one line."""
    begin = time.monotonic()
    start: list[int] = []

    def tell(search: Search) -> None:
        done = len(search.ended)
        start[:] = start or [done - 1]  # the record's are no work of this run
        if search.finals[1]:
            text = f"finals {search.finals[0]}/{search.finals[1]}"
            return progress(text + _best(search), *search.finals)
        total = max(params.trials, len(search.trials))
        pace = (time.monotonic() - begin) / max(1, done - start[0])
        left = f"  {_words(pace * (total - done))} left" if done < total else ""
        text = f"trial {done}/{total}{_best(search)}{left}"
        return progress(text, done=done, total=total)

    return tell


def _best(search: Search) -> str:
    known = [t for t in search.ended if t.result.get("score") is not None]
    if not known:
        return ""
    best = max(known, key=lambda trial: search.sign * trial.result["score"])
    return f"  best {best.result['score']:.3f} (trial {best.number})"


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
