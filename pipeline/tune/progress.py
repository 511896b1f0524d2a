"""The progress line of a search: finished trials, best score, remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.tune.params import TuneParams
from pipeline.tune.search import Search


def progress_reporter(
    progress: Callable[..., None], params: TuneParams
) -> Callable[[Search], None]:
    """Return a function that writes one line, to be called after each trial.

    Args:
        progress: called as `progress("3 of 6 trials", done=3, total=6)`.
        params: section `tune`.
    """
    begin = time.monotonic()
    recorded: list[int] = []  # trials of an interrupted run, which took no time here

    def report(search: Search) -> None:
        done = len(search.ended)
        recorded[:] = recorded or [done - 1]
        if search.finals[1]:
            text = f"finals {search.finals[0]}/{search.finals[1]}"
            return progress(text + _best(search), *search.finals)
        total = max(params.trials, len(search.trials))
        seconds = (time.monotonic() - begin) / max(1, done - recorded[0])
        left = f"  {_duration(seconds * (total - done))} left" if done < total else ""
        text = f"{done} of {total} trials{_best(search)}{left}"
        return progress(text, done=done, total=total)

    return report


def _best(search: Search) -> str:
    scored = [t for t in search.ended if t.result.get("score") is not None]
    if not scored:
        return ""
    best = max(scored, key=lambda trial: search.sign * trial.result["score"])
    return f"  best {best.result['score']:.3f} (trial {best.number})"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
